"""What a confirmation is made of, without training: candidates, seeds, figures, the file that keeps them."""

from __future__ import annotations

import json
import math
import subprocess
import sys
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
from mnist_bench.data.mnist import DataOptions
from mnist_bench.errors import DataError, Stopped
from mnist_bench.experiments.confirm import confirming as confirm, results as confirmed
from mnist_bench.experiments.confirm.result_tables import command
from mnist_bench.experiments.confirm.results import Evaluated, earlier, evaluated
from mnist_bench.experiments.confirm.runs import FINAL, RACE, NetRuns, Part, seeds
from mnist_bench.experiments.grid import Observer, TrainingRun
from mnist_bench.experiments.time_budget import TimeBudget
from mnist_bench.next_commands import NextCommands
from search import canonical_json
from search.errors import SearchError, StorageError, StudyLockedError, StudyNotFoundError, UsageError
from search.hashed import derived_seed
from search.study.folder import StudyFolder
from search.study.studies import StoredStudy
from support import handmade, handmade_confirmation, stopping
from support.handmade_confirmation import FRONT, found


def ask(study: StoredStudy, folder: Path, **asked: Any) -> Any:
    return confirm.confirm_study(handmade.kept_in(folder, study), confirm.RaceOptions(**asked), Observer())


def test_a_committee_stands_in_the_file_only_where_it_was_measured(tmp_path: Path) -> None:
    (tmp_path / "confirm").mkdir()
    for finals in (found().finals, (replace(found().finals[0], committee=41),)):
        confirmed.save(found(finals=finals), tmp_path)
        assert confirmed.load(confirmed.Confirmed, tmp_path) == replace(found(finals=finals), study=tmp_path.name)
        stands = json.loads((tmp_path / "confirm" / "confirm.json").read_text())["finals"]
        assert ["committee" in final for final in stands] == [final.committee is not None for final in finals]


def each_its_own(study: StoredStudy) -> StoredStudy:
    """Return a study whose trials have configurations of their own."""
    trials = [replace(t, config=with_params(t.config, {"optim.lr": 0.01 + t.number / 1000})) for t in study.trials]
    return replace(study, trials=tuple(trials))


def test_complete_trials_race_in_the_leaderboards_order() -> None:
    study = handmade.mixed()
    assert [trial.number for trial in confirm.candidates_of(study, 8)] == [1, 0, 2]
    assert [trial.number for trial in confirm.candidates_of(study, 2)] == [1, 0]


def test_the_most_accurate_race_of_a_study_with_a_front_too() -> None:
    assert [trial.number for trial in confirm.candidates_of(each_its_own(handmade.two_objectives()), 3)] == [1, 0, 2]


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"opening": "sometimes"}, "test_set='sometimes': give judged, never or always."),
        ({"budget": "60s"}, "budget='60s': give seconds, a number of at least 0."),
        ({"budget": math.nan}, "budget=nan: give seconds"),
        ({"top": "3"}, "top='3': give a whole number of at least 1."),
    ],
)
def test_an_argument_that_no_confirmation_can_have_is_named(given: dict[str, Any], fault: str) -> None:
    with pytest.raises(UsageError) as refused:
        confirm.RaceOptions(**given)
    assert str(refused.value).startswith(fault)


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
def test_nothing_is_reserved_for_a_training_that_will_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "conv-0" / "confirm").mkdir(parents=True)
    shut = ask(handmade.mixed(), tmp_path, budget=600.0, opening="never")
    assert (shut.seeds, shut.cut, shut.judged) == (8, False, True)
    too_short = r"^--budget 600s is too short\. Two seeds for 3 candidates and the final training"
    with pytest.raises(UsageError, match=too_short):
        ask(handmade.mixed(), tmp_path, budget=600.0)


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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: float, opening: Any, seeds: int
) -> None:
    monkeypatch.setattr(confirm, "NetRuns", DearRuns)
    (tmp_path / "conv-0" / "confirm").mkdir(parents=True)
    raced = ask(handmade.mixed(), tmp_path, budget=budget, opening=opening)
    assert (raced.seeds, raced.cut, bool(raced.finals)) == (seeds, seeds < 8, opening != "never")


class Slow:
    """A clock that a look at it moves on by a second, and runs that take their time; counts what it is asked."""

    def __init__(self) -> None:
        self.now = 0.0
        self.estimates = 0

    def monotonic(self) -> float:
        """See `time.monotonic`."""
        self.now += 1.0
        return self.now

    def estimate(self, part: Part, numbers: Sequence[int], upto: int) -> float:
        """See `Runs.estimate`."""
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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: float, advice: str
) -> None:
    slow = Slow()
    monkeypatch.setattr("mnist_bench.experiments.time_budget.time", slow)
    monkeypatch.setattr(confirm, "time", slow)
    monkeypatch.setattr(FakeRuns, "estimate", lambda self, *asked: slow.estimate(*asked))
    monkeypatch.setattr(confirm, "slowest_finalists", lambda racing, *of: [racing[0]])
    (tmp_path / "conv-0" / "confirm").mkdir(parents=True)
    many = each_its_own(handmade.study([handmade.trial(number, range(number)) for number in range(100)]))
    with pytest.raises(UsageError) as refused:
        ask(many, tmp_path, budget=budget, top=100)
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
def test_without_test_files_no_race_begins_that_is_to_open_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(options: DataOptions) -> list[str]:
        raise DataError("idx: there is no t10k-images-idx3-ubyte")

    monkeypatch.setattr(confirm, "unopened_identity", missing)
    (tmp_path / "conv-0" / "confirm").mkdir(parents=True)
    assert ask(handmade.mixed(), tmp_path, opening="never").judged
    with pytest.raises(DataError, match=r"idx3-ubyte; --no-test confirms without test images$"):
        ask(handmade.mixed(), tmp_path)


@pytest.mark.usefixtures("free")
def test_a_race_that_leaves_the_test_set_shut_names_a_budget_with_room_for_the_rest(tmp_path: Path) -> None:
    # The training on all images takes eleven days and a half, and is given a tenth to spare.
    for budget, continued in ((600.0, " --budget 18334m"), (2e6, " --budget 2000000s"), (None, "")):
        results = tmp_path / str(budget)
        (results / "conv-0" / "confirm").mkdir(parents=True)
        shut = ask(handmade.mixed(), results, budget=budget, opening="never")
        next_one = command(shut, NextCommands(study="conv-0"))
        assert (shut.judged, next_one) == (True, f"mnist-bench confirm conv-0{continued}")
        closed = NextCommands(study="conv-0", no_test=True)
        assert command(shut, closed) == "mnist-bench confirm conv-0 --no-test", "and races to the end"


def test_of_trials_with_the_same_configuration_the_best_races() -> None:
    trials = [handmade.trial(number, range(9 - number), params={"optim.lr": 0.01 + number % 2}) for number in range(4)]
    assert [trial.number for trial in confirm.candidates_of(handmade.study(trials), 8)] == [3, 2]


@pytest.mark.usefixtures("free")
def test_what_an_earlier_run_decided_by_the_time_stays_decided(tmp_path: Path) -> None:
    study, folder = handmade.mixed(), StudyFolder(tmp_path / "conv-0").confirm
    folder.path.mkdir(parents=True)
    question = canonical_json.sha256([study.digest, 8, 600.0, True])
    TimeBudget(folder.time_spent, question, time.monotonic() - 1).decide("2 seeds", lambda: False)
    led = ask(study, tmp_path, budget=600.0)
    assert (led.seeds, led.cut) == (1, True)


@pytest.mark.parametrize(
    ("periods", "racing"),
    [
        ((6, 6, 3, 1), [0, 1]),
        ((6, 3, 3, 1), [0, 1, 2]),
        ((6, 3, 1, 1), [0, 1]),
        ((3, 3, 1, 1), [0, 1]),
        ((3, 1, 1), [0, 1, 2]),
        ((1,), [0]),
    ],
)
def test_pruned_trials_race_where_fewer_than_two_are_complete(periods: tuple[int, ...], racing: list[int]) -> None:
    trials = [handmade.trial(n, range(n + 5), periods=count) for n, count in enumerate(periods)]
    assert [trial.number for trial in confirm.candidates_of(each_its_own(handmade.study(trials)), 8)] == racing


def test_trials_that_could_not_go_on_do_not_race() -> None:
    study = handmade.study([handmade.trial(0, range(5), periods=2, reason="diverged")])
    with pytest.raises(StudyNotFoundError, match="no complete or pruned trial"):
        confirm.candidates_of(study, 8)


def test_seeds_are_fresh_and_the_parts_have_their_own() -> None:
    study = handmade.mixed()
    drawn = [derived_seed(0, "confirm", k) for k in range(9)]
    assert seeds(study, RACE) == drawn[:8]
    taken = replace(study, trials=(*study.trials, replace(study.trials[0], seed=drawn[3])))
    assert seeds(taken, RACE) == [*drawn[:3], *drawn[4:]]
    every = [seed for part in (RACE, FINAL) for seed in seeds(study, part)]
    assert len(set(every)) == 2 * FINAL.seeds


def test_a_study_that_is_being_searched_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyLockedError, match=r"conv-0 is being searched; confirm it when"):
        ask(handmade.mixed(live=True), tmp_path)


@pytest.mark.slow
def test_other_data_are_refused_before_any_worker_starts(tmp_path: Path) -> None:
    script = """
from support import handmade
from pathlib import Path
from mnist_bench.experiments.confirm import confirming as confirm
from mnist_bench.experiments.grid import Observer
from search.errors import UsageError
try:
    confirm.confirm_study(handmade.mixed(), confirm.RaceOptions(), Observer())
except UsageError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Study conv-0 was trained on other data (its hash 01234567, here 8f9dfd1a)" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_what_was_found_is_kept_and_returned_for_the_same_question(tmp_path: Path) -> None:
    study, folder = handmade.mixed(), tmp_path / "conv-0"
    assert confirmed.load(confirmed.Confirmed, folder) is None
    (folder / "confirm").mkdir(parents=True)
    confirmed.save(found(), folder)
    assert confirmed.load(confirmed.Confirmed, folder) == found()
    folder.rename(tmp_path / "renamed")
    assert confirmed.load(confirmed.Confirmed, tmp_path / "renamed") == found(study="renamed")
    (tmp_path / "renamed").rename(folder)
    assert ask(study, tmp_path) == found()
    assert ask(study, tmp_path, budget=60.0) == found()
    confirmed.save(found(cut=True, budget=60.0), folder)
    assert ask(study, tmp_path, budget=60.0).cut
    assert ask(study, tmp_path, budget=50.0).cut
    assert ask(study, tmp_path, budget=60.0, opening="never").finals


def test_nets_that_are_gone_and_cannot_be_trained_here_leave_what_was_found(tmp_path: Path) -> None:
    study, files, heard = handmade.mixed(), StudyFolder(tmp_path / "conv-0").confirm, []

    class Hearing(Observer):
        def on_news(self, text: str) -> None:
            heard.append(text)

    handmade_confirmation.write_records(files)
    confirmed.save(found(), tmp_path / "conv-0")
    files.net_of(1, 3).touch()
    assert confirm.confirm_study(handmade.kept_in(tmp_path, study), confirm.RaceOptions(), Hearing()) == found()
    (told,) = heard
    assert told.startswith(
        "7 networks trained on all images cannot be made again here: Study conv-0 was trained on other data"
    )


def led(**changes: Any) -> confirmed.Confirmed:
    """Return a race that the budget ended after one seed."""
    return found(
        cut=True, budget=60.0, seeds=1, winner=None, leader=1, cheapest=None, finals=(), test_images=0, least=110.0,
        **changes,
    )  # fmt: skip


def test_a_race_without_a_test_is_kept_and_answers_whoever_does_not_insist(tmp_path: Path) -> None:
    study, folder = handmade.mixed(), tmp_path / "conv-0"
    (folder / "confirm").mkdir(parents=True)
    confirmed.save(led(), folder)
    assert confirmed.load(confirmed.Confirmed, folder) == led()
    assert (led().first, led().judged, led().test(1)) == (1, False, None)
    assert ask(study, tmp_path, budget=60.0) == led()
    assert ask(study, tmp_path, budget=60.0, opening="never") == led()
    for asked in ({"budget": 60.0, "opening": "always"}, {"budget": 120.0}, {}):
        with pytest.raises(UsageError, match="trained on other data"):  # which only a race in earnest looks at
            ask(study, tmp_path, **asked)


def test_a_race_whose_test_set_was_left_shut_is_gone_on_with(tmp_path: Path) -> None:
    study, folder = handmade.mixed(), tmp_path / "conv-0"
    (folder / "confirm").mkdir(parents=True)
    confirmed.save(found(finals=(), test_images=0), folder)
    assert ask(study, tmp_path, opening="never").winner == 1
    with pytest.raises(UsageError, match="trained on other data"):
        ask(study, tmp_path)


OLD, NEW = ("0" * 64, "1" * 64), ("0" * 64, "2" * 64)
"""Test files before a correction, and after it."""


def test_each_final_keeps_the_number_of_images_that_it_was_evaluated_on(tmp_path: Path) -> None:
    (tmp_path / "confirm").mkdir()
    raced = tuple(replace(final, test_files=OLD) for final in found().finals)
    confirmed.save(found(finals=raced, test_images=100), tmp_path)
    members = tuple(replace(final, test_files=NEW) for final in FRONT.finals)
    unnamed = (replace(FRONT.finals[0], number=30),)
    confirmed.save(replace(FRONT, finals=members, test_images=300, earlier=unnamed), tmp_path)
    assert evaluated(tmp_path) == (
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
def test_a_file_that_contradicts_itself_is_one_sentence(tmp_path: Path, change: dict[str, Any]) -> None:
    (tmp_path / "confirm").mkdir()
    content = json.dumps({**asdict(found()), **change})
    (tmp_path / "confirm" / "confirm.json").write_text(content)
    with pytest.raises(StorageError, match="move it away, and it is made again"):
        confirmed.load(confirmed.Confirmed, tmp_path)


def test_figures_by_hand() -> None:
    # errors 60 64 62 66: mean 63, deviation sqrt(20 / 3); t with 3 degrees of freedom is 3.18245 at 97.5%
    reach = 3.182446 * (20 / 3) ** 0.5 / 2 / 10_000
    validation = found().validation(1)
    assert validation is not None
    assert validation.mean == pytest.approx(0.9937)
    assert validation.interval == pytest.approx((0.9937 - reach, 0.9937 + reach))
    test = found().test(0)
    assert test is not None
    assert test.mean == pytest.approx(0.9940)
    assert test.seeds == 7
    assert found().test(2) is None


def test_an_interval_stays_within_what_an_accuracy_can_be_and_needs_two_seeds() -> None:
    wide = confirmed.figures((0, 10), 10)
    assert wide is not None
    assert wide.interval is not None
    assert 0 < wide.interval[0] < 0.01 < 0.99 < wide.interval[1] < 1
    single = confirmed.figures((3, None), 10)
    assert single is not None
    assert (single.mean, single.interval, single.seeds) == (0.7, None, 1)
    assert confirmed.figures((None, None), 10) is None


def test_a_seed_that_did_not_learn_is_told_and_the_median_beside_the_mean() -> None:
    collapsed = confirmed.figures((100, 120, 110, 130, 90, 100, 8972, 110), 10_000)
    assert collapsed is not None
    assert collapsed.not_learned == (0.1028,)
    assert collapsed.median == pytest.approx(0.989)
    assert collapsed.mean == pytest.approx(0.87835)
    assert collapsed.interval is not None
    low, high = collapsed.interval
    assert 0.3 < low < collapsed.mean < high < 0.999
    whole = confirmed.figures((100, 120), 10_000)
    assert whole is not None
    assert whole.not_learned == ()


def test_the_tied_are_those_not_dropped() -> None:
    assert found().tied == (1, 0)


def test_where_no_candidate_comes_to_an_end_there_is_nothing_to_confirm() -> None:
    from mnist_bench.experiments.confirm.race import Dropped, Race

    ended = Race(errors={1: (None,)}, dropped={1: Dropped(seeds=1, p_value=None)}, cut=False)
    trials = {trial.number: trial for trial in handmade.mixed().trials}
    with pytest.raises(SearchError, match="No candidate finished training"):
        confirm.winner_and_cheapest(ended, trials)


def test_the_fewest_errors_win_and_of_equals_the_cheapest() -> None:
    from mnist_bench.experiments.confirm.race import Race

    trials = {
        number: handmade.trial(number, range(5), facts={"parameters": p, "macs": m})
        for number, p, m in ((1, 50, 900), (2, 60, 800), (3, 10, 100))
    }
    equal = Race(errors={1: (60, 62), 2: (61, 61), 3: (70, 70)}, dropped={}, cut=False)
    assert confirm.winner_and_cheapest(equal, trials) == [2, 3]
    clear = replace(equal, errors={1: (60, 62), 2: (61, 62), 3: (60, 60)})
    assert confirm.winner_and_cheapest(clear, trials) == [3]
    alike = {number: replace(trial, facts={"parameters": 10, "macs": 100}) for number, trial in trials.items()}
    assert confirm.winner_and_cheapest(replace(equal, errors={1: (60, 62), 2: (60, 61)}), alike) == [2], (
        "none is cheaper"
    )


def test_a_budget_counts_on_the_winner_that_takes_longest() -> None:
    trials = {
        number: handmade.trial(number, range(5), facts={"parameters": 10 * number, "macs": 100 * number})
        for number in (1, 2, 3)
    }
    assert confirm.slowest_finalists([1, 2, 3], trials, {1: 30.0, 2: 50.0, 3: 40.0}.__getitem__) == [2, 3]
    assert confirm.slowest_finalists([1, 2, 3], trials, {1: 60.0, 2: 50.0, 3: 40.0}.__getitem__) == [1, 2], (
        "two of them"
    )
    assert confirm.slowest_finalists([1], trials, {1: 60.0}.__getitem__) == [1]
    assert confirm.slowest_finalists([2, 3], trials, {2: 50.0, 3: 60.0}.__getitem__) == [2, 3]
    alike = {number: replace(trial, facts={"parameters": 10, "macs": 100}) for number, trial in trials.items()}
    assert confirm.slowest_finalists([1, 2, 3], alike, {1: 30.0, 2: 50.0, 3: 40.0}.__getitem__) == [2]
    alike[3] = trials[3]
    assert confirm.slowest_finalists([1, 2, 3], alike, {1: 30.0, 2: 50.0, 3: 45.0}.__getitem__) == [2, 3], "two of them"
