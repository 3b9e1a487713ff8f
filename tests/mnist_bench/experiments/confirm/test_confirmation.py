"""What a confirmation is made of, without training: candidates, seeds, figures, the file that keeps them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from mnist_bench.config.json import with_params
from mnist_bench.data.choice import DataOptions
from mnist_bench.errors import DataError, Stopped
from mnist_bench.experiments.confirm import confirming as confirm, results as confirmed
from mnist_bench.experiments.confirm.race import Dropped, Race
from mnist_bench.experiments.confirm.result_tables import command, table_of
from mnist_bench.experiments.confirm.results import Evaluated, earlier, evaluated
from mnist_bench.experiments.confirm.runs import FINAL, RACE, NetRuns, Part, seeds
from mnist_bench.experiments.grid import Observer, TrainingRun
from mnist_bench.experiments.time_budget import TimeBudget
from mnist_bench.next_commands import NextCommands
from search import canonical_json
from search.errors import SearchError, StorageError, StudyLockedError, StudyNotFoundError, UsageError
from search.event_log.records import TrialRecord
from search.hashed import derived_seed
from search.study.folder import StudyFolder
from search.study.studies import StoredStudy
from support import handmade, handmade_confirmation, stopping
from support.handmade_confirmation import FRONT, candidate, found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of the study conv-0, with one for its confirmation."""
    (tmp_path / "conv-0" / "confirm").mkdir(parents=True)
    return tmp_path / "conv-0"


def ask(study: StoredStudy, folder: Path, **asked: Any) -> Any:
    return confirm.confirm_study(handmade.kept_in(folder.parent, study), confirm.RaceOptions(**asked), Observer())


def test_a_committee_stands_in_the_file_only_where_it_was_measured(folder: Path) -> None:
    for finals in (found().finals, (replace(found().finals[0], committee=41),)):
        confirmed.save(found(finals=finals), folder)
        assert confirmed.load(confirmed.Confirmed, folder) == found(finals=finals)
        stands = json.loads((folder / "confirm" / "confirm.json").read_text())["finals"]
        assert ["committee" in final for final in stands] == [final.committee is not None for final in finals]


def each_its_own(study: StoredStudy) -> StoredStudy:
    """Return a study whose trials have configurations of their own."""
    trials = [replace(t, config=with_params(t.config, {"optim.lr": 0.01 + t.number / 1000})) for t in study.trials]
    return replace(study, trials=tuple(trials))


def came_as_far_as(*periods: int) -> StoredStudy:
    """Return a study whose trials, the best first, were trained for these periods."""
    trials = [handmade.trial(number, range(number + 5), periods=count) for number, count in enumerate(periods)]
    return each_its_own(handmade.study(trials))


TWINS = [handmade.trial(number, range(9 - number), params={"optim.lr": 0.01 + number % 2}) for number in range(4)]
VALUES = [handmade.value_trial(number, [float(number)] * 4) for number in range(4)]
FEW_VALUES = [handmade.value_trial(0, [1.0] * 4), *(handmade.value_trial(3 - n, [9.0] * n) for n in (1, 2))]


@pytest.mark.parametrize(
    ("study", "top", "racing"),
    [
        (handmade.mixed(), 8, [1, 0, 2]),
        (handmade.mixed(), 2, [1, 0]),
        (each_its_own(handmade.two_objectives()), 3, [1, 0, 2]),  # the most accurate, whatever they cost
        (handmade.study(TWINS), 8, [3, 2]),  # of the same configuration the best
        # Pruned trials race if fewer than two are complete.
        (came_as_far_as(6, 6, 3, 1), 8, [0, 1]),
        (came_as_far_as(6, 3, 3, 1), 8, [0, 1, 2]),
        (came_as_far_as(6, 3, 1, 1), 8, [0, 1]),
        (came_as_far_as(3, 3, 1, 1), 8, [0, 1]),
        (came_as_far_as(3, 1, 1), 8, [0, 1, 2]),
        (came_as_far_as(1), 8, [0]),
        (handmade.value_study([*VALUES, handmade.value_trial(4, [9.0])]), 8, [3, 2, 1, 0]),
        (handmade.value_study(FEW_VALUES), 8, [0, 1]),
    ],
)
def test_the_best_distinct_configurations_race_that_came_as_far_as_the_second(
    study: StoredStudy, top: int, racing: list[int]
) -> None:
    assert [trial.number for trial in confirm.candidates_of(study, top)] == racing


@pytest.mark.parametrize(
    "study",
    [
        handmade.study([handmade.trial(0, range(5), periods=2, reason="diverged")]),
        handmade.value_study([handmade.value_trial(0, [None])]),
    ],
)
def test_trials_that_could_not_go_on_do_not_race(study: StoredStudy) -> None:
    with pytest.raises(StudyNotFoundError, match="no complete or pruned trial to confirm"):
        confirm.candidates_of(study, 8)


class FakeRuns:
    """Runs that take no time: a race is free, and the training on all images would take eleven days."""

    def __init__(self, *of: Any, **more: Any) -> None:
        pass

    def estimate(self, part: Part, numbers: Sequence[int], upto: int) -> float:
        return 1e6 if part is FINAL else 0.0

    def scores(self, numbers: Sequence[int], upto: int) -> dict[int, list[int]]:
        return {number: [50 + seed for seed in range(upto)] for number in numbers}


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let races be free."""
    split = SimpleNamespace(train=range(50), validation=range(10))

    @contextmanager
    def opened(*of: Any) -> Iterator[Any]:
        yield SimpleNamespace(data=SimpleNamespace(split=split, options=DataOptions()), observer=Observer())

    monkeypatch.setattr(confirm, "open_grid_of", opened)
    monkeypatch.setattr(confirm, "NetRuns", FakeRuns)


@pytest.mark.usefixtures("free")
def test_nothing_is_reserved_for_a_training_that_will_not_be_made(folder: Path) -> None:
    shut = ask(handmade.mixed(), folder, budget=600.0, opening="never")
    assert (shut.seeds, shut.cut, shut.judged) == (8, False, True)
    with pytest.raises(UsageError, match=r"^--budget 600s is too short\. Two seeds for 3 candidates and the final"):
        ask(handmade.mixed(), folder, budget=600.0)


class DearRuns(FakeRuns):
    """Runs that take no time and are estimated: 100 seconds for each seed, 1,000 for the training on all images."""

    def estimate(self, part: Part, numbers: Sequence[int], upto: int) -> float:
        return 1000.0 if part is FINAL else 100.0 * upto

    def finals(self, numbers: Sequence[int], *of: Any) -> Evaluated:
        return Evaluated(finals=tuple(final for final in found().finals if final.number in numbers), images=10_000)


@pytest.mark.usefixtures("free")
@pytest.mark.parametrize(
    ("budget", "opening", "seeds"),
    [
        (1250.0, "judged", 2),
        (1450.0, "judged", 4),
        (1850.0, "judged", 8),
        (450.0, "never", 4),
        (1250.0, "always", 2),
        (1050.0, "always", 1),
    ],
)
def test_the_final_training_is_reserved_in_each_round_of_a_race_that_comes_to_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, budget: float, opening: Any, seeds: int
) -> None:
    monkeypatch.setattr(confirm, "NetRuns", DearRuns)
    raced = ask(handmade.mixed(), folder, budget=budget, opening=opening)
    assert (raced.seeds, raced.cut, bool(raced.finals)) == (seeds, seeds < 8, opening != "never")


class Slow:
    """A clock that a look at it moves on by a second, and runs that take their time; counts what it is asked."""

    def __init__(self) -> None:
        self.now = 0.0
        self.estimates = 0

    def monotonic(self) -> float:
        self.now += 1.0
        return self.now

    def estimate(self, part: Part, numbers: Sequence[int], upto: int) -> float:
        self.estimates += 1
        self.monotonic()
        return 10.0 if part is FINAL else float(len(numbers))


@pytest.mark.usefixtures("free")
@pytest.mark.parametrize(
    ("budget", "advice"),
    [
        (40.0, "The least is 125s, or compare fewer with --top 25."),  # 1.1 times 1 s to start, 100 s and 10 s; 25 s
        (14.4, "The least is 125s, or compare fewer with --top 2."),
        (14.2, "The least is 125s."),
    ],
)
def test_a_budget_that_is_too_small_is_refused_with_what_it_has_room_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, budget: float, advice: str
) -> None:
    slow = Slow()
    monkeypatch.setattr("mnist_bench.experiments.time_budget.time", slow)
    monkeypatch.setattr(confirm, "time", slow)
    monkeypatch.setattr(FakeRuns, "estimate", lambda self, *asked: slow.estimate(*asked))
    monkeypatch.setattr(confirm, "slowest_finalists", lambda racing, *of: [racing[0]])
    many = each_its_own(handmade.study([handmade.trial(number, range(number)) for number in range(100)]))
    with pytest.raises(UsageError) as refused:
        ask(many, folder, budget=budget, top=100)
    assert str(refused.value) == (
        f"--budget {budget:g}s is too short. Two seeds for 100 candidates and the final training take about 110 s "
        f"here, after 1.0 s to start. {advice}"
    )
    # For the race and the end: as asked, the least, and seven steps of a bisection.
    assert slow.estimates <= 2 * (2 + 7)


def _stopped(*_: object, **__: object) -> None:
    raise Stopped


def test_what_is_left_of_a_run_is_looked_up_once_until_something_is_trained(tmp_path: Path) -> None:
    looked_up: list[tuple[str, int]] = []

    def costs_left(run: TrainingRun) -> tuple[int, ...]:
        looked_up.append((run.name, run.seed))
        return (1_000_000, 500_000)

    grid: Any = SimpleNamespace(
        executor=SimpleNamespace(workers=2), folder=tmp_path / "confirm", costs_left=costs_left,
        observer=stopping.at_once(), train=_stopped,
    )  # fmt: skip
    study = each_its_own(handmade.mixed())
    runs = NetRuns(study, study.trials[:3], grid)
    alone = [runs.estimate(RACE, [number], 2) for number in (0, 1, 2)]
    assert runs.estimate(RACE, [0, 1, 2], 2) <= sum(alone)
    assert len(looked_up) == len(set(looked_up)) == 6
    with pytest.raises(Stopped):
        runs.train(RACE, [0], 2)
    runs.estimate(RACE, [0, 1], 2)
    assert len(looked_up) == 10


@pytest.mark.usefixtures("free")
def test_without_test_files_no_race_begins_that_is_to_open_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(options: DataOptions) -> list[str]:
        raise DataError("idx: there is no t10k-images-idx3-ubyte")

    monkeypatch.setattr(confirm, "unopened_identity", missing)
    assert ask(handmade.mixed(), folder, opening="never").judged
    with pytest.raises(DataError, match=r"idx3-ubyte; --no-test confirms without test images$"):
        ask(handmade.mixed(), folder)


@pytest.mark.usefixtures("free")
@pytest.mark.parametrize(
    ("budget", "continued"), [(600.0, " --budget 18334m"), (2e6, " --budget 2000000s"), (None, "")]
)
def test_a_race_that_leaves_the_test_set_shut_names_a_budget_with_room_for_the_rest(
    folder: Path, budget: float | None, continued: str
) -> None:
    # The training on all images takes eleven days and a half, and is given a tenth to spare.
    shut = ask(handmade.mixed(), folder, budget=budget, opening="never")
    assert command(shut, NextCommands(study="conv-0")) == f"mnist-bench confirm conv-0{continued}"
    closed = NextCommands(study="conv-0", no_test=True)
    assert command(shut, closed) == "mnist-bench confirm conv-0 --no-test", "and races to the end"


@pytest.mark.usefixtures("free")
def test_what_an_earlier_run_decided_by_the_time_stays_decided(folder: Path) -> None:
    question = canonical_json.sha256([handmade.mixed().digest, 8, 600.0, True])
    spent = StudyFolder(folder).confirm.time_spent
    TimeBudget(spent, question, time.monotonic() - 1).decide("2 seeds", lambda: False)
    led = ask(handmade.mixed(), folder, budget=600.0)
    assert (led.seeds, led.cut) == (1, True)


def test_seeds_are_fresh_and_the_parts_have_their_own() -> None:
    study = handmade.mixed()
    drawn = [derived_seed(0, "confirm", k) for k in range(9)]
    assert seeds(study, RACE) == drawn[:8]
    taken = replace(study, trials=(*study.trials, replace(study.trials[0], seed=drawn[3])))
    assert seeds(taken, RACE) == [*drawn[:3], *drawn[4:]]
    every = [seed for part in (RACE, FINAL) for seed in seeds(study, part)]
    assert len(set(every)) == 2 * FINAL.seeds


def test_a_study_that_is_being_searched_is_refused(folder: Path) -> None:
    with pytest.raises(StudyLockedError, match=r"conv-0 is being searched; confirm it when"):
        ask(handmade.mixed(live=True), folder)
    with pytest.raises(StudyLockedError, match=r"two is being searched; confirm its front when"):
        confirm.confirm_front(replace(handmade.two_objectives(), live=True), confirm.ConfirmOptions(), Observer())


def test_what_was_found_is_kept_and_returned_for_the_same_question(folder: Path) -> None:
    study = handmade.mixed()
    assert confirmed.load(confirmed.Confirmed, folder) is None
    confirmed.save(found(), folder)
    renamed = folder.rename(folder.parent / "renamed")
    assert confirmed.load(confirmed.Confirmed, renamed) == found(study="renamed")
    renamed.rename(folder)
    for budget in (None, 60.0):
        assert ask(study, folder, budget=budget) == found()
    confirmed.save(found(cut=True, budget=60.0), folder)
    assert ask(study, folder, budget=60.0).cut
    assert ask(study, folder, budget=50.0).cut
    assert ask(study, folder, budget=60.0, opening="never").finals
    for other in ({"top": 3}, {"budget": 61.0}):
        with pytest.raises(UsageError, match=r"conv-0 was trained on other data \(its hash 01234567, here 8f9dfd1a\)"):
            ask(study, folder, **other)  # only a race looks at the data


def test_nets_that_are_gone_and_cannot_be_trained_here_leave_what_was_found(folder: Path) -> None:
    study, files, heard = handmade.mixed(), StudyFolder(folder).confirm, stopping.never()
    handmade_confirmation.write_records(files)
    confirmed.save(found(), folder)
    files.net_of(1, 3).touch()
    assert confirm.confirm_study(handmade.kept_in(folder.parent, study), confirm.RaceOptions(), heard) == found()
    (told,) = heard.news
    assert told.startswith(
        "7 networks trained on all images cannot be made again here: Study conv-0 was trained on other data"
    )


LED = found(
    cut=True, budget=60.0, seeds=1, winner=None, leader=1, cheapest=None, finals=(), test_images=0, least=110.0
)  # fmt: skip
"""A race that the budget ended after one seed."""
SHUT = found(finals=(), test_images=0)
"""A race whose test set was left shut."""


@pytest.mark.parametrize(
    ("kept", "enough", "more"),
    [
        (LED, [{}, {"opening": "never"}], [{"opening": "always"}, {"budget": 120.0}, {"budget": None}]),
        (SHUT, [{"opening": "never"}], [{}, {"opening": "always"}]),
    ],
)
def test_an_earlier_race_answers_whoever_does_not_insist_on_more(
    folder: Path, kept: confirmed.Confirmed, enough: list[dict[str, Any]], more: list[dict[str, Any]]
) -> None:
    confirmed.save(kept, folder)
    assert (kept.first, kept.test(1)) == (1, None)
    for asked in enough:
        assert ask(handmade.mixed(), folder, **{"budget": 60.0, **asked}) == kept
    for asked in more:
        with pytest.raises(UsageError, match="trained on other data"):  # which only a race in earnest looks at
            ask(handmade.mixed(), folder, **{"budget": 60.0, **asked})


OLD, NEW = ("0" * 64, "1" * 64), ("0" * 64, "2" * 64)
"""Test files before a correction, and after it."""


def test_each_final_keeps_the_number_of_images_that_it_was_evaluated_on(folder: Path) -> None:
    raced = tuple(replace(final, test_files=OLD) for final in found().finals)
    confirmed.save(found(finals=raced, test_images=100), folder)
    members = tuple(replace(final, test_files=NEW) for final in FRONT.finals)
    unnamed = (replace(FRONT.finals[0], number=30),)
    confirmed.save(replace(FRONT, finals=members, test_images=300, earlier=unnamed), folder)
    assert evaluated(folder) == (
        Evaluated(finals=raced, images=100, test_files=OLD),
        Evaluated(finals=members, images=300, test_files=NEW),
        Evaluated(finals=unnamed, images=300),
    )


def test_of_an_earlier_confirmation_stays_what_is_of_the_same_test_set() -> None:
    of = {files: replace(found().finals[0], number=7, test_files=files) for files in (OLD, NEW, None)}
    before = found(finals=tuple(of.values()), test_images=300)
    assert earlier(before, Evaluated(finals=(), images=300, test_files=NEW)) == (of[NEW],)
    assert earlier(before, Evaluated(finals=(), images=300)) == (of[None],)
    assert earlier(before, Evaluated(finals=(), images=100)) == ()
    assert earlier(before, Evaluated(finals=(of[NEW],), images=300, test_files=NEW)) == ()
    assert earlier(None, Evaluated(finals=(), images=300)) == ()


@given(st.binary(max_size=60) | st.just(b"{}") | st.just(b'{"study": 1}'))
def test_a_damaged_file_is_one_sentence(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("study")
    (folder / "confirm").mkdir()
    (folder / "confirm" / "confirm.json").write_bytes(content)
    with pytest.raises(StorageError, match="move it away, and it is made again"):
        confirmed.load(confirmed.Confirmed, folder)


@pytest.mark.parametrize(
    "change",
    [
        {"winner": 7},
        {"winner": None},
        {"cheapest": None},
        {"leader": 1},
        {"test_images": 0},
        {"finals": [{"number": 8, "errors": []}]},
    ],
)
def test_a_file_that_contradicts_itself_is_one_sentence(folder: Path, change: dict[str, Any]) -> None:
    (folder / "confirm" / "confirm.json").write_text(json.dumps({**asdict(found()), **change}))
    with pytest.raises(StorageError, match="move it away, and it is made again"):
        confirmed.load(confirmed.Confirmed, folder)


def figures(*errors: int | None, images: int = 10_000) -> confirmed.AccuracyOverSeeds:
    found = confirmed.figures(errors, images)
    assert found is not None
    return found


def test_figures_by_hand() -> None:
    # errors 60 64 62 66: mean 63, deviation sqrt(20 / 3); t with 3 degrees of freedom is 3.18245 at 97.5%
    reach = 3.182446 * (20 / 3) ** 0.5 / 2 / 10_000
    validation, test = found().validation(1), found().test(0)
    assert validation is not None
    assert validation.mean == pytest.approx(0.9937)
    assert validation.interval == pytest.approx((0.9937 - reach, 0.9937 + reach))
    assert test is not None
    assert test.mean == pytest.approx(0.9940)
    assert test.seeds == 7
    assert found().test(2) is None
    assert found().tied == (1, 0)


def test_an_interval_stays_within_what_an_accuracy_can_be_and_needs_two_seeds() -> None:
    wide = figures(0, 10, images=10).interval
    assert wide is not None
    assert 0 < wide[0] < 0.01 < 0.99 < wide[1] < 1
    single = figures(3, None, images=10)
    assert (single.mean, single.interval, single.seeds) == (0.7, None, 1)
    assert confirmed.figures((None, None), 10) is None


def test_a_seed_that_did_not_learn_is_told_and_the_median_beside_the_mean() -> None:
    collapsed = figures(100, 120, 110, 130, 90, 100, 8972, 110)
    assert collapsed.not_learned == (0.1028,)
    assert (collapsed.median, collapsed.mean) == pytest.approx((0.989, 0.87835))
    assert collapsed.interval is not None
    assert 0.3 < collapsed.interval[0] < collapsed.mean < collapsed.interval[1] < 0.999
    assert figures(100, 120).not_learned == ()


def test_where_no_candidate_comes_to_an_end_there_is_nothing_to_confirm() -> None:
    ended = Race(errors={1: (None,)}, dropped={1: Dropped(seeds=1, p_value=None)}, cut=False)
    with pytest.raises(SearchError, match="No candidate finished training"):
        confirm.winner_and_cheapest(ended, {1: handmade.trial(1)})


def of_sizes(*sizes: tuple[int, int]) -> dict[int, TrialRecord]:
    """Return trials from number 1 on, whose nets have so many parameters and MACs."""
    return {
        number: handmade.trial(number, range(5), facts={"parameters": parameters, "macs": macs})
        for number, (parameters, macs) in enumerate(sizes, 1)
    }


DIFFERENT, ALIKE = of_sizes((50, 900), (60, 800), (10, 100)), of_sizes(*[(10, 100)] * 3)


@pytest.mark.parametrize(
    ("trials", "errors", "finalists"),
    [
        (DIFFERENT, {1: (60, 62), 2: (61, 61), 3: (70, 70)}, [2, 3]),
        (DIFFERENT, {1: (60, 62), 2: (61, 62), 3: (60, 60)}, [3]),
        (ALIKE, {1: (60, 62), 2: (60, 61), 3: (70, 70)}, [2]),  # none is cheaper
    ],
)
def test_the_fewest_errors_win_and_of_equals_the_cheapest(
    trials: dict[int, TrialRecord], errors: dict[int, tuple[int | None, ...]], finalists: list[int]
) -> None:
    assert confirm.winner_and_cheapest(Race(errors=errors, dropped={}, cut=False), trials) == finalists


GROWING = of_sizes((10, 100), (20, 200), (30, 300))


@pytest.mark.parametrize(
    ("trials", "seconds", "slowest"),
    [
        (GROWING, {1: 30.0, 2: 50.0, 3: 40.0}, [2, 3]),
        (GROWING, {1: 60.0, 2: 50.0, 3: 40.0}, [1, 2]),  # two at most
        (GROWING, {1: 60.0}, [1]),
        (ALIKE, {1: 30.0, 2: 50.0, 3: 40.0}, [2]),
        ({**ALIKE, 3: GROWING[3]}, {1: 30.0, 2: 50.0, 3: 45.0}, [2, 3]),
    ],
)
def test_a_budget_counts_on_the_winner_that_takes_longest(
    trials: dict[int, TrialRecord], seconds: dict[int, float], slowest: list[int]
) -> None:
    assert confirm.slowest_finalists([*seconds], trials, seconds.__getitem__) == slowest


LUCK = "In the search #1 had 99.50%, with fresh seeds {}: the search's figure was {} percentage points too {}."
CLOSED = "Nothing was trained on all images, and the test set was not used; `mnist-bench confirm conv-0{}` continues"
WORSE = (found().candidate(0), found().candidate(2))


@pytest.mark.parametrize(
    ("race", "line"),
    [
        (found(), LUCK.format("99.37%", "0.13", "high")),
        (found(candidates=(candidate(1, 20, 24, 22, 26), *WORSE)), LUCK.format("99.77%", "0.27", "low")),
        (found(candidates=(candidate(1, 60, 8972, 62, 66), *WORSE)), "#1: 1 of 4 seeds did not learn (10.28%)."),
        (SHUT, f"{CLOSED.format('')}, then evaluates once on the test set."),
        (LED, "No statistical test was made, so nothing is selected yet. " + CLOSED.format(" --budget 110s")),
    ],
)
def test_below_the_race_stands_its_luck_who_did_not_learn_and_what_is_open(
    race: confirmed.Confirmed, line: str
) -> None:
    notes = table_of(race).footnotes
    assert any(note.startswith(line) for note in notes)
    assert any("did not learn" in note for note in notes) == ("did not learn" in line)
