"""What a confirmation is made of, without training: candidates, the selection, figures, the file that keeps it."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import to_json, with_params
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import PACKAGED
from mnist_bench.errors import DataError, NotReproducedError, Stopped
from mnist_bench.experiments import confirm as confirming, confirmed
from mnist_bench.experiments.confirm import (
    NetRuns,
    candidates_of,
    confirm_front,
    confirm_study,
    front_trials,
    last_value,
    seeds,
    smallest_step,
)
from mnist_bench.experiments.confirmed import Confirmed, Evaluated, Final, Front, evaluated, load, own_test_files
from mnist_bench.experiments.confirmed_table import finding
from mnist_bench.experiments.own_trainer import OwnCode
from mnist_bench.experiments.trainings import Observer, Task, Workplace
from mnist_bench.next_commands import NextCommands
from mnist_bench.options import SEEDS
from mnist_bench.studies import checked
from search.errors import FingerprintError, SearchError, StorageError, StudyLockedError, StudyNotFoundError, UsageError
from search.event_log.records import StudyRecord
from search.executors.protocol import Done, Executor, Job, Outcome
from search.hashed import EndReason, derived_seed
from search.study.folder import ConfirmFolder, StudyFolder
from search.study.studies import StoredStudy
from search.trainer_api import Report
from support import experiments, handmade, handmade as made
from support.experiments import ERRORS, EVEN, FRONT, compared, final, found, keep


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of the study conv-0, with one for its confirmation."""
    (tmp_path / "conv-0" / "confirm").mkdir(parents=True)
    return tmp_path / "conv-0"


HERE = Workplace(observer=Observer())


def ask(study: StoredStudy, folder: Path, place: Workplace = HERE, **asked: Any) -> confirmed.Confirmed:
    return confirm_study(handmade.kept_in(folder.parent, study), place, **asked)


def each_its_own(study: StoredStudy) -> StoredStudy:
    """Return a study whose trials have configurations of their own."""
    trials = [replace(t, config=with_params(t.config, {"optim.lr": 0.01 + t.number / 1000})) for t in study.trials]
    return replace(study, trials=tuple(trials))


def trained_for(*periods: int) -> StoredStudy:
    """Return a study whose trials, the best first, were trained for these periods."""
    trials = [handmade.trial(number, range(number + 5), periods=count) for number, count in enumerate(periods)]
    return each_its_own(handmade.study(trials))


TWINS = [handmade.trial(number, range(9 - number), params={"optim.lr": 0.01 + number % 2}) for number in range(4)]
VALUES = [handmade.value_trial(number, [float(number)] * 4) for number in range(4)]
FEW_VALUES = [handmade.value_trial(0, [1.0] * 4), *(handmade.value_trial(3 - n, [9.0] * n) for n in (1, 2))]


@pytest.mark.parametrize(
    ("study", "top", "candidates"),
    [
        (handmade.mixed(), 8, [1, 0, 2]),
        (handmade.mixed(), 2, [1, 0]),
        (each_its_own(handmade.two_objectives()), 3, [1, 0, 2]),  # the most accurate, at any cost
        (handmade.study(TWINS), 8, [3, 2]),  # of the same configuration the best
        # Pruned trials are taken if fewer than two are complete.
        (trained_for(6, 6, 3, 1), 8, [0, 1]),
        (trained_for(6, 3, 3, 1), 8, [0, 1, 2]),
        (trained_for(6, 3, 1, 1), 8, [0, 1]),
        (trained_for(3, 3, 1, 1), 8, [0, 1]),
        (trained_for(3, 1, 1), 8, [0, 1, 2]),
        (trained_for(1), 8, [0]),
        (handmade.value_study([*VALUES, handmade.value_trial(4, [9.0])]), 8, [3, 2, 1, 0]),
        (handmade.value_study(FEW_VALUES), 8, [0, 1]),
    ],
)
def test_the_candidates_are_the_best_distinct_configurations_with_as_much_training_as_the_second(
    study: StoredStudy, top: int, candidates: list[int]
) -> None:
    assert [trial.number for trial in candidates_of(study, top)] == candidates


@pytest.mark.parametrize(
    "study",
    [
        handmade.study([handmade.trial(0, range(5), periods=2, reason="diverged")]),
        handmade.value_study([handmade.value_trial(0, [None])]),
    ],
)
def test_trials_that_cannot_continue_are_no_candidates(study: StoredStudy) -> None:
    with pytest.raises(StudyNotFoundError, match="no complete or pruned trial to confirm"):
        candidates_of(study, 8)


def test_a_study_that_is_being_searched_is_refused(folder: Path) -> None:
    with pytest.raises(StudyLockedError, match=r"conv-0 is being searched; confirm it when"):
        ask(handmade.mixed(live=True), folder)
    with pytest.raises(StudyLockedError, match=r"two is being searched; confirm its front when"):
        confirm_front(replace(handmade.two_objectives(), live=True), HERE)


# The selection


def of_sizes(*sizes: tuple[int, int]) -> StoredStudy:
    """Return a study of trials whose nets have so many MACs and parameters."""
    facts = [{"macs": macs, "parameters": parameters} for macs, parameters in sizes]
    return handmade.study([handmade.trial(number, range(5), facts=each) for number, each in enumerate(facts)])


STEADY, WORSE = (60, 62, 61, 63), (160, 162, 161, 164)
NOISY = (66, 55, 68, 57)  # mean 61.5, like STEADY


@pytest.mark.parametrize(
    ("sizes", "results", "winner", "cheapest"),
    [
        ([(3, 3), (2, 2), (1, 1)], {0: STEADY, 1: NOISY, 2: WORSE}, 1, 1),  # equal means: the smaller net
        ([(2, 9), (2, 8), (1, 1)], {0: STEADY, 1: NOISY, 2: WORSE}, 1, 1),  # equal MACs: fewer parameters
        ([(2, 2), (2, 2), (1, 1)], {0: STEADY, 1: NOISY, 2: WORSE}, 0, 0),  # equal sizes: the earlier trial
        ([(3, 3), (1, 1), (2, 2)], {0: (59, 61, 60, 63), 1: NOISY, 2: WORSE}, 0, 1),
        ([(2, 2), (2, 2), (2, 2)], {1: (59, 61, 60, 63), 0: NOISY, 2: WORSE}, 1, 1),  # none is cheaper
        ([(2, 2), (1, 1), (1, 1)], {0: STEADY, 1: (0, 0, 0, None), 2: WORSE}, 0, 0),  # no mean without all runs
        ([(2, 2), (1, 1), (1, 1)], {0: STEADY, 1: (None,) * 4, 2: (None,) * 4}, 0, 0),
        ([(2, 2)], {0: STEADY}, 0, 0),
    ],
)
def test_the_fewest_errors_win_and_the_cheapest_of_the_tied_is_named(
    sizes: list[tuple[int, int]], results: Mapping[int, tuple[int | None, ...]], winner: int, cheapest: int
) -> None:
    made = compared(of_sizes(*sizes), results)
    rows = made.candidates
    assert (made.winner, made.cheapest) == (winner, cheapest)
    p_values = {row.number: row.p_value for row in rows}
    assert p_values.pop(winner) is None
    for number, p_value in p_values.items():
        assert (p_value is None) == (None in results[number])
        assert p_value is None or (p_value <= 0.05) == (results[number] is WORSE)


def test_of_larger_values_the_largest_wins() -> None:
    study = handmade.value_study([handmade.value_trial(number, [0.5] * 4) for number in range(2)])
    for minimized, winner in ((False, 1), (True, 0)):
        made = compared(study, {0: (0.1, 0.3), 1: (0.2, 0.3)}, step=0.1, minimized=minimized)
        rows = made.candidates
        assert (made.winner, made.cheapest) == (winner, winner)
        assert [row.size for row in rows] == [(0, 0), (0, 0)]


def test_if_no_candidate_trains_to_its_end_there_is_nothing_to_confirm() -> None:
    with pytest.raises(SearchError, match="None of the candidates trains to its end with fresh seeds"):
        compared(handmade.mixed(), {1: (60, None), 0: (None, None)})


# Figures


def figures(*errors: int | None, images: int = 10_000) -> confirmed.AccuracyOverSeeds:
    found = confirmed.figures(errors, images)
    assert found is not None
    return found


def test_figures_by_hand() -> None:
    # errors 60 64 62 66 63 63 61 65: squares about the mean 63 sum to 28; t with 7 degrees of freedom is 2.364624
    reach = 2.364624 * (28 / 7 / 8) ** 0.5 / 10_000
    fresh, test = found().fresh(1), found().test(0)
    assert fresh is not None
    assert fresh.mean == pytest.approx(0.9937)
    assert fresh.interval == pytest.approx((0.9937 - reach, 0.9937 + reach))
    assert test is not None
    assert test.mean == pytest.approx(0.9940)
    assert test.seeds == 7
    assert found().test(2) is None
    assert (found().tied, found().has_winner) == ((1, 0), False)


def test_an_interval_stays_within_what_an_accuracy_can_be_and_needs_two_seeds() -> None:
    wide = figures(0, 10, images=10).interval
    assert wide is not None
    assert 0 < wide[0] < 0.01 < 0.99 < wide[1] < 1
    single = figures(3, None, images=10)
    assert (single.mean, single.interval, single.seeds) == (0.7, None, 1)
    assert confirmed.figures((None, None), 10) is None


def test_a_seed_that_did_not_learn_is_counted_and_the_median_is_kept() -> None:
    collapsed = figures(100, 120, 110, 130, 90, 100, 8972, 110)
    assert collapsed.not_learned == (0.1028,)
    assert (collapsed.median, collapsed.mean) == pytest.approx((0.989, 0.87835))
    assert collapsed.interval is not None
    assert 0.3 < collapsed.interval[0] < collapsed.mean < collapsed.interval[1] < 0.999
    assert figures(100, 120).not_learned == ()


# The file


def test_a_result_is_kept_and_returned_for_the_same_question(folder: Path) -> None:
    study = handmade.mixed()
    assert confirmed.load(confirmed.Confirmed, folder) is None
    keep(found(), folder)
    renamed = folder.rename(folder.parent / "renamed")
    assert confirmed.load(confirmed.Confirmed, renamed) == found(study="renamed")
    renamed.rename(folder)
    assert ask(study, folder) == ask(study, folder, test=False) == found()
    # Only training looks at the data, which are not the study's here.
    other_data = pytest.raises(
        UsageError, match=r"conv-0 was trained on other data \(its hash 01234567, here 8f9dfd1a\)"
    )
    with other_data:
        ask(study, folder, top=3)
    with other_data:
        ask(replace(study, trials=(*study.trials, handmade.trial(8, range(3)))), folder)
    closed = found(finals=(), test_images=0)
    keep(closed, folder)
    assert ask(study, folder, test=False) == closed
    with other_data:
        ask(study, folder)


def test_nets_that_are_gone_and_cannot_be_trained_here_leave_the_result_as_it_is(folder: Path) -> None:
    files, heard = StudyFolder(folder).confirm, experiments.Stopping()
    experiments.write_records(files)
    keep(found(), folder)
    files.net_of(1, 3).touch()
    assert ask(handmade.mixed(), folder, Workplace(observer=heard)) == found()
    (told,) = heard.news
    assert told.startswith(
        "7 networks trained on all images cannot be made again here: Study conv-0 was trained on other data"
    )


OLD, NEW = ("0" * 64, "1" * 64), ("0" * 64, "2" * 64)
"""Test files before a correction, and after it."""


def test_what_is_known_of_a_test_set_is_what_was_evaluated_on_the_same_files(folder: Path) -> None:
    first, second = found().finals
    third = final(30, 1, 2)
    keep(found(test_images=100, test_files=OLD), folder)
    keep(replace(FRONT, test_images=300, test_files=NEW, earlier=(third,)), folder)
    assert evaluated(folder, None) == Evaluated(finals=(), images=0, files=None)
    of_front = evaluated(folder, NEW)
    assert of_front == Evaluated(finals=(*FRONT.finals, third), images=300, files=NEW)
    assert of_front.but([each.number for each in FRONT.finals]) == (third,)
    assert evaluated(folder, OLD).finals == (first, second)
    # On the same files the confirmation's figures count before those of a front that has the same trial.
    keep(replace(FRONT, test_images=100, test_files=OLD), folder)
    assert {each.number: each for each in evaluated(folder, OLD).finals}[1] == first


@given(st.binary(max_size=60) | st.just(b"{}") | st.just(b'{"study": 1}'))
def test_a_damaged_file_is_one_sentence(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("study")
    (folder / "confirm").mkdir()
    (folder / "confirm" / "confirm.json").write_bytes(content)
    with pytest.raises(StorageError, match="move it away, and it is made again"):
        confirmed.load(confirmed.Confirmed, folder)


@pytest.mark.parametrize(
    "change", [{"winner": 7}, {"winner": None}, {"cheapest": 7}, {"test_images": 0}, {"finals": (final(8),)}]
)
def test_a_file_that_contradicts_itself_is_one_sentence(folder: Path, change: dict[str, Any]) -> None:
    keep(found(**change), folder)
    with pytest.raises(StorageError, match="move it away, and it is made again"):
        confirmed.load(confirmed.Confirmed, folder)


def test_the_json_has_the_file_and_the_figures() -> None:
    values = json.loads(json.dumps(found().plain()))
    assert {*asdict(found())} <= {*values}
    assert values["tied"] == [1, 0]
    assert [row["results"] for row in values["candidates"]] == [[*errors] for errors in ERRORS.values()]
    assert values["candidates"][0]["fresh"]["mean"] == pytest.approx(0.9937)
    assert values["finals"][1]["test"]["seeds"] == 7


FEW, TIED, MANY = range(60, 68), (64, 59, 66, 61, 67, 63, 70, 65), range(160, 168)


@dataclass
class Grid:
    """A grid in which every run takes no time, and ends as `ends` says."""

    folder: Path
    ends: dict[int, EndReason] = field(default_factory=dict)
    """How runs end early, by their place among a configuration's seeds."""
    errors: dict[str, Sequence[int]] = field(default_factory=dict)
    """Of the runs of a configuration, by its name, in the order of its seeds."""
    weights: str = ""
    trained: list[tuple[str, int]] = field(default_factory=list)
    observer: Observer = field(default_factory=Observer)
    options: DataOptions = field(default_factory=DataOptions)

    @property
    def data(self) -> Any:
        split = SimpleNamespace(train=range(50), validation=range(1000), images=1050)
        return SimpleNamespace(split=split, options=self.options)

    def tasks(self, configs: Mapping[str, TrainConfig], seeds: Sequence[int]) -> list[Task]:
        return [
            Task(name=name, seed=seed, title=f"{name}, seed {k} of 8", identity="", config=to_json(config), costs=())
            for k, seed in enumerate(seeds, start=1)
            for name, config in configs.items()
        ]

    def announce(self, tasks: Sequence[Task]) -> None:
        self.observer.on_start(tasks, float(len(tasks)))

    def train(self, asked: Sequence[Task], **more: Any) -> dict[tuple[str, int], tuple[Report, ...]]:
        self.trained += [run.key for run in asked]
        return {run.key: self._curve(run) for run in asked}

    def last_state(self, task: Task) -> bytes | None:
        return b"state"

    def _curve(self, run: Task) -> tuple[Report, ...]:
        place = int(run.title.split("seed ")[1].split()[0]) - 1
        curve = [*handmade.trial(0, range(self.errors.get(run.name, FEW)[place])).reports]
        if (end := self.ends.get(place)) is not None:
            curve = [replace(curve[0], value=None, end=end, metrics={**curve[0].metrics, "errors": None})]
        return tuple(replace(report, weights=self.weights or report.weights) for report in curve)


class Scores:
    """Stands in for the test set: each net gets as many images wrong as its seed's place."""

    opened: list[str]

    def __init__(self, grid: Grid, options: DataOptions, *, purpose: str, ledgers: Sequence[Path]) -> None:
        self.images = SimpleNamespace(labels=range(1000))
        Scores.opened.append(f"{purpose} {len(ledgers)}")
        self._seen: list[int] = []

    def score(self, task: Any, state: bytes) -> Any:
        self._seen.append(task.seed)
        return SimpleNamespace(errors=len(self._seen))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the purposes for which the test set was evaluated."""
    Scores.opened = []
    monkeypatch.setattr(confirming, "Scores", Scores)
    monkeypatch.setattr(confirming, "export", lambda state, config: state)
    return Scores.opened


@pytest.fixture
def grid(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, opened: list[str]) -> Grid:
    """Return the grid of all confirmations of a study in `tmp_path`, in which #1 makes the fewest errors."""
    grid = Grid(tmp_path / "confirm", errors={"#0": TIED, "#2": MANY})
    grid.folder.mkdir()
    monkeypatch.setattr(confirming, "open_grid_of", lambda *of, **asked: nullcontext(grid))
    return grid


def placed(study: StoredStudy, folder: Path) -> StoredStudy:
    return replace(study, files=StudyFolder(folder))


@pytest.fixture
def study(tmp_path: Path) -> StoredStudy:
    """Return the study `handmade.mixed`, in `tmp_path`."""
    return placed(handmade.mixed(), tmp_path)


def confirm(study: StoredStudy, **asked: Any) -> Confirmed:
    return confirm_study(study, HERE, **asked)


def finals_of(study: StoredStudy, grid: Grid, *numbers: int) -> list[Final]:
    return [*NetRuns(study, study.trials[:3], grid).finals(numbers, DataOptions()).finals]  # type: ignore[arg-type]


def test_seeds_are_fresh_and_the_parts_have_their_own(study: StoredStudy) -> None:
    drawn = [derived_seed(0, "confirm", k) for k in range(9)]
    assert seeds(study, on_all=False) == drawn[:8]
    taken = replace(study, trials=(*study.trials, replace(study.trials[0], seed=drawn[3])))
    assert seeds(taken, on_all=False) == [*drawn[:3], *drawn[4:]]
    assert len({seed for on_all in (False, True) for seed in seeds(study, on_all=on_all)}) == 2 * SEEDS


def test_all_candidates_get_the_same_seeds_and_the_selected_ones_are_tested(
    study: StoredStudy, grid: Grid, opened: list[str]
) -> None:
    found = confirm(study)
    assert [row.results for row in found.candidates] == [tuple(errors) for errors in (FEW, TIED, MANY)]
    assert (found.winner, found.cheapest, found.tied) == (1, 0, (1, 0))
    fresh, on_all = seeds(study, on_all=False), seeds(study, on_all=True)
    assert sorted(grid.trained) == sorted(
        [(name, seed) for name in ("#1", "#0", "#2") for seed in fresh]
        + [(name, seed) for name in ("#1", "#0") for seed in on_all]
    )
    assert opened == ["confirm conv-0: #1, #0; 8 seeds each 2"]
    assert [final.errors for final in found.finals] == [tuple(range(1, 9)), tuple(range(9, 17))]
    assert (found.train_images, found.validation_images, found.test_images) == (50, 1000, 1000)


def test_a_run_that_diverges_has_no_errors(study: StoredStudy, grid: Grid) -> None:
    grid.ends[1] = "diverged"
    (first, _, _) = NetRuns(study, study.trials[:3], grid).errors().values()  # type: ignore[arg-type]
    assert first == (64, None, 66, 61, 67, 63, 70, 65)
    assert [final.errors for final in finals_of(study, grid, 1)] == [(1, None, 2, 3, 4, 5, 6, 7)]


def test_the_test_set_stays_closed_on_request_and_is_opened_by_the_next_confirmation(
    study: StoredStudy, grid: Grid, opened: list[str]
) -> None:
    closed = confirm(study, test=False)
    assert (closed.winner, closed.finals, closed.test_images, opened) == (1, (), 0, [])
    whole = confirm(study)
    assert [final.number for final in whole.finals] == [1, 0]
    # Closed again for another question, what was evaluated stays known.
    assert confirm(study, top=2, test=False).earlier == whole.finals
    assert confirm(study, top=3, test=False).earlier == whole.finals
    assert confirm(study).finals == whole.finals
    assert len(opened) == 1


def test_the_test_set_is_opened_once_for_what_is_not_known(study: StoredStudy, grid: Grid, opened: list[str]) -> None:
    first = confirm(study)
    assert finals_of(study, grid, 0, 1) == [*first.finals[::-1]]
    assert len(opened) == 1
    assert finals_of(study, grid, 1, 2)[0] == first.finals[0]
    assert opened[1:] == ["confirm conv-0: #2; 8 seeds each 2"]
    # Another question has the same answer, and what was known before stays.
    alone = confirm(study, top=1)
    assert (alone.finals, alone.earlier) == (first.finals[:1], first.finals[1:])
    assert len(opened) == 2


def test_figures_of_other_runs_or_other_test_files_are_measured_again(
    study: StoredStudy, grid: Grid, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = confirm(study)
    lost = study.files.confirm.record_of(1, SEEDS - 1, on_all=True)
    kept = lost.read_bytes()
    lost.unlink()
    finals_of(study, grid, 1)
    assert len(opened) == 2
    lost.write_bytes(kept)
    finals_of(study, grid, 1)
    assert len(opened) == 2
    # The test files were corrected; the training files, which the study's hash is of, were not.
    monkeypatch.setattr(checked, "training_set", lambda *of: SimpleNamespace(options=DataOptions()))
    monkeypatch.setattr(confirming, "own_test_files", lambda options: ("0" * 64, "2" * 64))
    assert confirm(study) == replace(first, study=study.files.path.name), "no files are named"
    corrected = replace(HERE, data_dir=Path("corrected"))
    again = confirm_study(study, corrected)
    assert (again.test_files, again.earlier, len(opened)) == (("0" * 64, "2" * 64), (), 3)
    assert confirm_study(study, corrected, test=False).finals == again.finals
    assert len(opened) == 3


def test_a_copy_of_the_packaged_test_files_is_the_same_test_set() -> None:
    assert own_test_files(DataOptions(data_dir=str(PACKAGED))) is None


def test_without_test_files_nothing_is_trained_for_a_test(study: StoredStudy, grid: Grid, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    grid.options = DataOptions(data_dir=str(tmp_path / "mine"))
    with pytest.raises(DataError, match=r"--no-test confirms without test images$"):
        confirm(study)
    assert grid.trained == []
    assert confirm(study, test=False).winner == 1


def test_a_net_that_is_gone_is_trained_again_with_the_test_set_closed(
    study: StoredStudy, grid: Grid, opened: list[str]
) -> None:
    first = confirm(study)
    folder = ConfirmFolder(grid.folder)
    gone = [folder.net_of(1, 3), folder.net_of(0, 0)]
    for path in gone:
        path.unlink()
    grid.trained.clear()
    assert confirm(study) == replace(first, study=study.files.path.name)
    on_all = seeds(study, on_all=True)
    assert sorted(grid.trained) == [("#0", on_all[0]), ("#1", on_all[3])]
    assert all(path.exists() for path in gone)
    assert len(opened) == 1
    gone[0].unlink()
    grid.weights = "0" * 64
    with pytest.raises(NotReproducedError, match=r"^#1, seed 4 of 8, trained on all images, has different weights"):
        NetRuns(study, study.trials[:3], grid).train_again([(1, 3)])  # type: ignore[arg-type]
    assert not gone[0].exists()


def test_the_figures_of_a_longer_front_stay(tmp_path: Path, grid: Grid, opened: list[str]) -> None:
    study = placed(handmade.two_objectives(), tmp_path)
    whole = confirm_front(study, HERE)
    best = confirm_front(study, HERE, top=1)
    assert (best.finals, best.earlier) == (whole.finals[2:], whole.finals[:2])
    assert len(opened) == 1
    assert confirmed.load(confirmed.Front, tmp_path) == replace(best, study=tmp_path.name)


Value = Callable[[float, random.Random], float | None]
"""Returns a run's value, given its rate and the random numbers of its seed."""


class Trained(Executor):
    """An executor that trains at once, and counts."""

    workers = 1

    def __init__(self, value: Value, numerics_check: str = "77c0") -> None:
        self.value, self.numerics_check, self.jobs, self.stalls = value, numerics_check, 0, set[float]()
        self.job: Job | None = None

    def start(self) -> Mapping[str, Any]:
        return {"check": self.numerics_check}

    def idle(self) -> int:
        return 0 if self.job else 1

    def submit(self, job: Job) -> None:
        self.job = job
        self.stalls.add(job.stall_seconds)

    def wait(self, timeout: float) -> list[Outcome]:
        job, self.job = self.job, None
        if job is None:
            return []
        self.jobs += 1
        value = self.value(job.config["ridge.rate"], random.Random(job.seed))
        report = Report(
            value=value, metrics={}, weights="", measured={"seconds": 0.01}, end="diverged" if value is None else None
        )
        return [Done(job=job, report=report, state=b"state")]

    def stop(self) -> None: ...


Confirm = Callable[..., tuple[Confirmed, Trained]]


@pytest.fixture
def confirm_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Confirm:
    """Return a function that confirms a study whose runs have these values."""

    def run(
        value: Value,
        study: StoredStudy | None = None,
        numerics_check: str = "77c0",
        observer: Observer | None = None,
        **options: Any,
    ) -> tuple[Confirmed, Trained]:
        executor = Trained(value, numerics_check)
        monkeypatch.setattr("mnist_bench.experiments.own_trainer.executor_for", lambda *given: executor)
        code = OwnCode(trainer="ridge.py:Trainer")
        kept = made.kept_in(tmp_path, study or four())
        return confirm_study(kept, Workplace(observer=observer or Observer()), code=code, **options), executor

    return run


def four(**more: Any) -> StoredStudy:
    """Return a study of four complete trials, of which #3 is best, and one pruned."""
    trials = [made.value_trial(n, [float(n)] * made.VALUE_PERIODS) for n in range(4)]
    return made.value_study([*trials, made.value_trial(4, [9.0])], **more)


def noisy(rate: float, draws: random.Random) -> float:
    return math.log2(rate / 0.001) + draws.gauss(0, 0.01)


ALL = 4 * SEEDS * made.VALUE_PERIODS
"""Reports of the runs of all candidates."""


def test_the_best_mean_wins_and_the_others_are_significantly_worse(confirm_values: Confirm) -> None:
    found, executor = confirm_values(noisy)
    assert (found.winner, found.cheapest, found.tied, found.has_winner) == (3, 3, (3,), True)
    assert [(row.number, row.searched, len(row.results)) for row in found.candidates] == [
        (number, number, SEEDS) for number in (3, 2, 1, 0)
    ]
    assert (found.of_nets, found.finals) == (False, ())
    fresh = found.fresh(3)
    assert fresh is not None
    assert fresh.mean == pytest.approx(3, abs=0.05)
    assert executor.jobs == ALL


def test_a_smaller_value_wins_if_the_study_minimizes_it(confirm_values: Confirm) -> None:
    found, _ = confirm_values(noisy, four(settings={"direction": "minimize", "objective": "loss"}))
    assert (found.winner, found.name, found.minimized) == (0, "loss", True)


def test_a_report_of_an_objective_may_take_any_time(confirm_values: Confirm) -> None:
    _, executor = confirm_values(noisy)
    assert max(executor.stalls) < math.inf
    study = four(name="descent-0")
    study.spec["context"]["objective"] = {}
    _, executor = confirm_values(noisy, study)
    assert executor.stalls == {math.inf}


def test_a_configuration_with_a_run_that_diverges_is_not_selected(confirm_values: Confirm) -> None:
    found, _ = confirm_values(lambda rate, draws: None if rate > 0.004 and draws.random() < 0.5 else noisy(rate, draws))
    assert None in found.candidate(3).results
    assert found.candidate(3).p_value is None
    assert (found.winner, found.tied, found.has_winner) == (2, (2,), False)


def test_an_earlier_confirmation_is_returned_and_earlier_runs_are_not_trained_again(confirm_values: Confirm) -> None:
    first, _ = confirm_values(noisy)
    again, executor = confirm_values(noisy)
    assert (again, executor.jobs) == (first, 0)
    fewer, executor = confirm_values(noisy, top=2)
    assert ([row.number for row in fewer.candidates], fewer.winner, executor.jobs) == ([3, 2], 3, 0)


def test_a_stopped_confirmation_is_resumed(confirm_values: Confirm) -> None:
    asked = count(1)
    with pytest.raises(Stopped):
        confirm_values(noisy, observer=experiments.Stopping(lambda runs: next(asked) > 9))
    found, resumed = confirm_values(noisy)
    assert found.winner == 3
    assert 0 < resumed.jobs < ALL


def test_a_machine_that_computes_differently_and_a_live_study_are_refused(confirm_values: Confirm) -> None:
    with pytest.raises(FingerprintError, match="was searched on a machine that gives different"):
        confirm_values(noisy, numerics_check="other")
    with pytest.raises(StudyLockedError, match="is being searched"):
        confirm_values(noisy, replace(four(), live=True))


def test_a_run_that_diverges_late_has_no_value() -> None:
    fine = Report(value=0.5, metrics={}, weights="", measured={"seconds": 1.0})
    assert last_value([fine, replace(fine, value=0.25)]) == 0.25
    assert last_value([fine, replace(fine, value=0.25, end="diverged")]) is None


def test_values_count_in_their_smallest_step() -> None:
    shares = [errors / 300 for errors in (3, 7, 5, 5)]
    assert smallest_step(shares) == pytest.approx(2 / 300)
    assert smallest_step([0.1 + 0.2, 0.3, None]) == 1.0  # equal but for the rounding of floats
    assert smallest_step([1e300, 1.0, 1.5]) == 0.5


def numbers(study: StudyRecord, top: int) -> tuple[list[int], int]:
    _, trials, left_out = front_trials(study, top)
    return [trial.number for trial in trials], left_out


def test_the_front_goes_from_the_cheapest_up_and_of_a_longer_one_both_ends_are_taken_and_evenly_between_them() -> None:
    assert numbers(handmade.two_objectives(), 8) == ([2, 4, 1], 0)
    shapes = [(20 - number, 100 + number) for number in range(9)]
    trials = [handmade.trial(n, range(wrong), facts={"macs": macs}) for n, (wrong, macs) in enumerate(shapes)]
    study = handmade.study(trials)
    study.spec["space"]["settings"]["objective"] = ["val_accuracy", "macs"]
    assert [numbers(study, top) for top in (5, 2, 1)] == [([0, 2, 4, 6, 8], 4), ([0, 8], 7), ([8], 8)]


def test_without_a_front_it_says_what_would_do() -> None:
    with pytest.raises(UsageError, match="has one objective and no Pareto front; leave out --front"):
        front_trials(handmade.mixed(), 8)
    empty = handmade.two_objectives()
    with pytest.raises(StudyNotFoundError, match="no complete trial"):
        front_trials(replace(empty, trials=tuple(each for each in empty.trials if each.state == "PRUNED")), 8)


def test_a_member_is_on_the_front_where_pairs_of_seeds_say_so() -> None:
    standings = [FRONT.standing(each) for each in FRONT.members]
    assert standings == ["yes", "no", "yes", "no", None, None]
    ahead = FRONT.ahead(FRONT.members[2])
    assert ahead is not None
    assert ahead.of == 4
    assert ahead.mean == pytest.approx(0.009)
    assert ahead.low < ahead.mean < ahead.high
    assert FRONT.ahead(FRONT.members[3]) == replace(ahead, of=2, mean=-ahead.mean, low=-ahead.high, high=-ahead.low)
    close = replace(FRONT, finals=(final(4, *EVEN), final(1, *reversed(EVEN)), *FRONT.finals[2:]))
    assert close.standing(close.members[1]) == "not shown"
    swings = (1, 1, 30, 1, 1, 1, 1, 1)
    between = replace(
        FRONT, members=(FRONT.members[0], FRONT.members[1], FRONT.members[2]),
        finals=(final(4, *swings), final(1, *(6, 5, 6, 6, 5, 6, 5, 6)), final(2, *(7, 7, 8, 8, 7, 7, 7, 8))),
    )  # fmt: skip
    assert between.standing(between.members[2]) == "no", "#1 is ahead in every pair, though #4 has the better mean"
    beaten = between.ahead(between.members[2])
    assert beaten is not None
    assert beaten.of == 1
    surpassed = replace(between, finals=(final(4, *swings), final(1, *EVEN), final(2, *(3, 5, 4, 4, 3, 5, 4, 4))))
    assert surpassed.standing(surpassed.members[2]) == "not shown", "nor is it ahead of #4, which one seed spoils"
    alone = replace(FRONT, members=FRONT.members[:1], finals=FRONT.finals[:1])
    assert alone.standing(alone.members[0]) == "not shown", "of the front the most accurate alone, which cost more"
    assert replace(alone, left_out=0).standing(alone.members[0]) == "yes"
    broken = replace(FRONT, finals=(final(4, *EVEN[1:], None), final(1, *[50] * 8), *FRONT.finals[2:]))
    assert broken.standing(broken.members[2]) == "not shown", "#4 costs less, and one of its runs did not finish"


def test_the_table_says_what_was_found() -> None:
    table = FRONT.table()
    cells = [dict(zip([column.heading for column in table.columns], texts, strict=True)) for texts in table.texts()]
    assert cells[0] == {
        "trial": "#4", "MACs": "900", "test": "98.70% [98.64, 98.76]", "on the front": "yes",
        "ahead of what costs no more": "–", "in the search": "99.00%",
    }  # fmt: skip
    assert cells[2]["ahead of what costs no more"].startswith("+0.90 [+0.8")
    assert cells[2]["ahead of what costs no more"].endswith("] of #4")
    assert [cells[5][name] for name in ("test", "on the front")] == ["–", "–"]
    assert table.caption[1] == (
        "two: 6 configurations of the front of accuracy and MACs, 8 fresh seeds each, trained on all 60,000 images."
    )
    assert "#7: 7 of 8 runs finished; it is not compared." in table.footnotes
    assert any(line.startswith("3 more are on the front of the search") for line in table.footnotes)
    assert [each["on_front"] for each in table.document["members"]] == ["yes", "no", "yes", "no", None, None]
    told = [
        finding(replace(FRONT, members=some), NextCommands(study="two"))
        for some in (FRONT.members, FRONT.members[:1], FRONT.members[5:])
    ]
    assert told == [
        "The front on the test images: 98.70% [98.64, 98.76] with 900 MACs (#4) to 99.90% [99.87, 99.93] with 3k MACs "
        "(#7).",
        "The front on the test images: 98.70% [98.64, 98.76] with 900 MACs (#4).",
        "Of the front, no training on all images finished.",
    ]


def test_it_is_kept_and_what_is_damaged_is_no_front(tmp_path: Path) -> None:
    folder = tmp_path / "renamed"
    path = StudyFolder(folder).confirm.front
    path.parent.mkdir(parents=True)
    assert load(Front, folder) is None
    earlier = replace(FRONT, earlier=(final(30, *EVEN),))
    keep(earlier, folder)
    assert load(Front, folder) == replace(earlier, study="renamed")
    known = Evaluated(finals=(*FRONT.finals, *earlier.earlier), images=1000, files=None)
    assert evaluated(folder, None) == known
    path.write_text(path.read_text().replace("900", "901"))
    with pytest.raises(StorageError, match="not a complete confirmation of a front"):
        load(Front, folder)
    short = replace(FRONT.finals[0], errors=FRONT.finals[0].errors[1:])
    for finals, words in (
        (FRONT.finals[::-1], "other trials than"),
        ((short, *FRONT.finals[1:]), "more seeds for one"),
    ):
        keep(replace(FRONT, finals=finals), folder)
        with pytest.raises(StorageError, match=f"it has errors of {words}"):
            load(Front, folder)
