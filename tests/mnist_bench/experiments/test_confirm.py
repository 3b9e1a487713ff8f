"""What a confirmation is made of, without training: candidates, the selection, figures, the file that keeps it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from itertools import count, product
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
from mnist_bench.experiments import confirm as confirming, confirmed, own_trainer
from mnist_bench.experiments.confirm import NetRuns, candidates_of, confirm_front, confirm_study, front_trials, seeds
from mnist_bench.experiments.confirmed import Confirmed, Evaluated, Final, Front, evaluated, load, own_test_files
from mnist_bench.experiments.trainings import Observer, Task, Workplace
from mnist_bench.options import SEEDS
from mnist_bench.studies import checked
from search.errors import FingerprintError, SearchError, StorageError, StudyLockedError, StudyNotFoundError, UsageError
from search.event_log.records import StudyRecord
from search.executors.protocol import Done, Job, Outcome
from search.hashed import EndReason, derived_seed
from search.study.folder import ConfirmFolder, StudyFolder
from search.study.studies import StoredStudy
from search.trainer_api import Report
from support import experiments, handmade
from support.experiments import EVEN, FRONT, compared, final, found, keep
from support.scripted import Clock, Scripted

HERE = Workplace(observer=Observer())


def each_its_own(study: StoredStudy) -> StoredStudy:
    """Return a study whose trials have configurations of their own."""
    trials = [replace(t, config=with_params(t.config, {"optim.lr": 0.01 + t.number / 1000})) for t in study.trials]
    return replace(study, trials=tuple(trials))


def trained_for(*periods: int) -> StoredStudy:
    """Return a study whose trials, the best first, were trained for these periods."""
    trials = [handmade.trial(number, range(number + 5), periods=count) for number, count in enumerate(periods)]
    return each_its_own(handmade.study(trials))


TWINS = [handmade.trial(number, range(9 - number), params={"optim.lr": 0.01 + number % 2}) for number in range(4)]
FEW_VALUES = [handmade.value_trial(0, [1.0] * 4), *(handmade.value_trial(3 - n, [9.0] * n) for n in (1, 2))]


def four(**more: Any) -> StoredStudy:
    """Return a study of four complete trials of values, of which #3 is best, and one pruned."""
    trials = [handmade.value_trial(number, [float(number)] * handmade.VALUE_PERIODS) for number in range(4)]
    return handmade.value_study([*trials, handmade.value_trial(4, [9.0])], **more)


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
        (trained_for(3, 1, 1), 8, [0, 1, 2]),
        (trained_for(1), 8, [0]),
        (four(), 8, [3, 2, 1, 0]),
        (handmade.value_study(FEW_VALUES), 8, [0, 1]),
    ],
)
def test_the_candidates_are_the_best_distinct_configurations_with_as_much_training_as_the_second(
    study: StoredStudy, top: int, candidates: list[int]
) -> None:
    assert [trial.number for trial in candidates_of(study, top)] == candidates


LONG = handmade.changed(
    handmade.study(
        [handmade.trial(n, range(20 - n), facts={"macs": 100 + n}, params={"optim.lr": n}) for n in range(9)]
    ),
    space={"settings": {"objective": ["val_accuracy", "macs"]}},
)


@pytest.mark.parametrize(
    ("study", "top", "front", "left_out"),
    [
        (handmade.two_objectives(), 8, [2, 4, 1], 0),
        (LONG, 5, [0, 2, 4, 6, 8], 4),
        (LONG, 2, [0, 8], 7),
        (LONG, 1, [8], 8),
    ],
)
def test_the_front_goes_from_the_cheapest_up_and_of_a_longer_one_both_ends_are_taken_and_evenly_between_them(
    study: StudyRecord, top: int, front: list[int], left_out: int
) -> None:
    cost, trials, rest = front_trials(study, top)
    assert (cost, [trial.number for trial in trials], rest) == ("macs", front, left_out)


TWO = handmade.two_objectives()
DIVERGED = handmade.study([handmade.trial(0, range(5), periods=2, reason="diverged")])
NO_VALUE = handmade.value_study([handmade.value_trial(0, [None])])
ALL_PRUNED = replace(TWO, trials=tuple(each for each in TWO.trials if each.state == "PRUNED"))


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda: candidates_of(DIVERGED, 8), StudyNotFoundError, "no complete or pruned trial to confirm"),
        (lambda: candidates_of(NO_VALUE, 8), StudyNotFoundError, "no complete or pruned trial to confirm"),
        (
            lambda: confirm_study(handmade.mixed(live=True), HERE),
            StudyLockedError,
            "conv-0 is being searched; confirm it",
        ),
        (
            lambda: confirm_front(replace(TWO, live=True), HERE),
            StudyLockedError,
            "two is being searched; confirm its f",
        ),
        (lambda: front_trials(handmade.mixed(), 8), UsageError, "has one objective and no Pareto front; leave out --f"),
        (lambda: front_trials(ALL_PRUNED, 8), StudyNotFoundError, "no complete trial"),
        (
            lambda: compared(handmade.mixed(), {1: (60, None), 0: (None, None)}),
            SearchError,
            "None of the candidates trains to its end with fresh seeds",
        ),
    ],
)
def test_what_cannot_be_confirmed_is_refused(ask: Callable[[], object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        ask()


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
        ([(3, 3), (2, 9), (1, 1)], {0: STEADY, 1: NOISY, 2: WORSE}, 1, 1),  # equal means: fewer MACs
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


# Figures


def test_figures_by_hand() -> None:
    # errors 60 64 62 66 63 63 61 65: squares about the mean 63 sum to 28; t with 7 degrees of freedom is 2.364624
    reach = 2.364624 * (28 / 7 / 8) ** 0.5 / 10_000
    fresh, test = found().fresh(1), found().test(0)
    assert fresh is not None
    assert (fresh.mean, *(fresh.interval or ())) == pytest.approx((0.9937, 0.9937 - reach, 0.9937 + reach))
    assert test is not None
    assert (test.mean, test.seeds) == pytest.approx((0.9940, 7))
    assert found().test(2) is confirmed.figures((None, None), 10) is None
    assert (found().tied, found().has_winner) == ((1, 0), False)


@pytest.mark.parametrize(
    ("errors", "images", "mean", "median", "not_learned", "within"),
    [
        ((0, 10), 10, 0.5, 0.5, (0.0,), (0, 0.01, 0.99, 1)),
        ((3, None), 10, 0.7, 0.7, (), None),
        ((100, 120, 110, 130, 90, 100, 8972, 110), 10_000, 0.87835, 0.989, (0.1028,), (0.3, 0.87, 0.88, 0.999)),
        ((100, 120), 10_000, 0.989, 0.989, (), (0.97, 0.989, 0.989, 1)),
    ],
    ids=["as wide as can be", "one seed", "one that did not learn", "both learned"],
)
def test_a_mean_has_an_interval_that_an_accuracy_can_have_and_names_what_did_not_learn(
    errors: tuple[int | None, ...],
    images: int,
    mean: float,
    median: float,
    not_learned: tuple[float, ...],
    within: tuple[float, float, float, float] | None,
) -> None:
    made = confirmed.figures(errors, images)
    assert made is not None
    assert (made.mean, made.median) == pytest.approx((mean, median))
    assert (made.not_learned, made.seeds) == (not_learned, len(errors) - errors.count(None))
    assert (made.interval is None) == (within is None)
    if made.interval and within:
        assert within[0] < made.interval[0] < within[1] <= within[2] < made.interval[1] < within[3]


# The file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of the study conv-0, with one for its confirmation."""
    (tmp_path / "conv-0" / "confirm").mkdir(parents=True)
    return tmp_path / "conv-0"


OTHER_DATA = r"conv-0 was trained on other data \(its hash 01234567, here 8f9dfd1a\)"
"""Only training looks at the data, which are not the study's here."""


def test_a_result_is_kept_and_returned_for_the_same_question(folder: Path) -> None:
    study = handmade.kept_in(folder.parent, handmade.mixed())
    further = handmade.kept_in(
        folder.parent, replace(handmade.mixed(), trials=(*study.trials, handmade.trial(8, range(3))))
    )
    assert load(Confirmed, folder) is None
    keep(found(), folder)
    assert confirm_study(study, HERE) == confirm_study(study, HERE, test=False) == found()
    for asked, top in ((study, 3), (further, 8)):
        with pytest.raises(UsageError, match=OTHER_DATA):
            confirm_study(asked, HERE, top=top)
    closed = found(finals=(), test_images=0)
    keep(closed, folder)
    assert confirm_study(study, HERE, test=False) == closed
    with pytest.raises(UsageError, match=OTHER_DATA):
        confirm_study(study, HERE)
    renamed = folder.rename(folder.parent / "renamed")
    assert load(Confirmed, renamed) == replace(closed, study="renamed")


def test_nets_that_are_gone_and_cannot_be_trained_here_leave_the_result_as_it_is(folder: Path) -> None:
    files, heard = StudyFolder(folder).confirm, experiments.Stopping()
    experiments.write_records(files)
    keep(found(), folder)
    files.net_of(1, 3).touch()
    study = handmade.kept_in(folder.parent, handmade.mixed())
    assert confirm_study(study, Workplace(observer=heard)) == found()
    (told,) = heard.news
    assert told.startswith("7 networks trained on all images cannot be made again here: Study conv-0 was trained on o")


OLD, NEW = ("0" * 64, "1" * 64), ("0" * 64, "2" * 64)
"""Test files before a correction, and after it."""


def test_what_is_known_of_a_test_set_is_what_was_evaluated_on_the_same_files(folder: Path) -> None:
    first, second = found().finals
    third = final(30, 1, 2)
    keep(found(test_images=100, test_files=OLD), folder)
    keep(replace(FRONT, test_images=300, test_files=NEW, earlier=(third,)), folder)
    assert load(Front, folder) == replace(FRONT, study="conv-0", test_images=300, test_files=NEW, earlier=(third,))
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
        load(Confirmed, folder)


@pytest.mark.parametrize(
    "made",
    [
        found(winner=7),
        found(winner=None),
        found(cheapest=7),
        found(test_images=0),
        found(finals=(final(8),)),
        replace(FRONT, finals=FRONT.finals[::-1]),
        replace(FRONT, finals=(final(4, *EVEN[1:]), *FRONT.finals[1:])),
    ],
)
def test_a_file_that_contradicts_itself_is_one_sentence(folder: Path, made: Confirmed | Front) -> None:
    keep(made, folder)
    with pytest.raises(StorageError, match="move it away, and it is made again"):
        load(type(made), folder)


# Networks


FEW, TIED, MANY = range(60, 68), (64, 59, 66, 61, 67, 63, 70, 65), range(160, 168)


@dataclass
class Grid:
    """A grid in which every run takes no time, and ends as `ends` says; and the test set: the first net gets one
    image wrong, the next one two."""

    folder: Path
    ends: dict[int, EndReason] = field(default_factory=dict)  # early, by the place of a run among the seeds
    errors: dict[str, Sequence[int]] = field(default_factory=dict)  # of a configuration's runs, by its name
    weights: str = ""
    trained: list[tuple[str, int]] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)  # purposes for which the test set was evaluated
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

    def last_state(self, task: Task) -> bytes:
        return b"state"

    def scores(self, grid: object, *, purpose: str, logs: Sequence[Path]) -> Any:
        self.opened.append(f"{purpose} {len(logs)}")
        wrong = count(1)
        images = SimpleNamespace(labels=range(1000))
        return SimpleNamespace(images=images, score=lambda task, state: SimpleNamespace(errors=next(wrong)))

    def _curve(self, run: Task) -> tuple[Report, ...]:
        place = int(run.title.split()[2]) - 1
        curve = [*handmade.trial(0, range(self.errors.get(run.name, FEW)[place])).reports]
        if (end := self.ends.get(place)) is not None:
            curve = [replace(curve[0], value=None, end=end, metrics={**curve[0].metrics, "errors": None})]
        return tuple(replace(report, weights=self.weights or report.weights) for report in curve)


@pytest.fixture
def grid(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Grid:
    """Return the grid of all confirmations of a study in `tmp_path`, in which #1 makes the fewest errors."""
    grid = Grid(tmp_path / "confirm", errors={"#0": TIED, "#2": MANY})
    grid.folder.mkdir()
    monkeypatch.setattr(confirming, "open_grid_of", lambda *asked: nullcontext(grid))
    monkeypatch.setattr(confirming, "Scores", grid.scores)
    monkeypatch.setattr(confirming, "export", lambda state, config: state)
    return grid


@pytest.fixture
def study(tmp_path: Path) -> StoredStudy:
    """Return the study `handmade.mixed`, in `tmp_path`."""
    return replace(handmade.mixed(), files=StudyFolder(tmp_path))


def runs(study: StoredStudy, grid: Any) -> NetRuns:
    return NetRuns(study, study.trials[:3], grid)


def finals_of(study: StoredStudy, grid: Grid, *numbers: int) -> list[Final]:
    return [*runs(study, grid).finals(numbers).finals]


def test_seeds_are_fresh_and_the_parts_have_their_own(study: StoredStudy) -> None:
    drawn = [derived_seed(0, "confirm", k) for k in range(9)]
    assert seeds(study, on_all=False) == drawn[:8]
    taken = replace(study, trials=(*study.trials, replace(study.trials[0], seed=drawn[3])))
    assert seeds(taken, on_all=False) == [*drawn[:3], *drawn[4:]]
    assert len({seed for on_all in (False, True) for seed in seeds(study, on_all=on_all)}) == 2 * SEEDS


def test_all_candidates_get_the_same_seeds_and_the_selected_ones_are_tested(study: StoredStudy, grid: Grid) -> None:
    found = confirm_study(study, HERE)
    assert [row.results for row in found.candidates] == [tuple(errors) for errors in (FEW, TIED, MANY)]
    assert (found.winner, found.cheapest, found.tied) == (1, 0, (1, 0))
    fresh, on_all = seeds(study, on_all=False), seeds(study, on_all=True)
    asked = [*product(("#1", "#0", "#2"), fresh), *product(("#1", "#0"), on_all)]
    assert sorted(grid.trained) == sorted(asked)
    assert grid.opened == ["confirm conv-0: #1, #0; 8 seeds each 2"]
    assert [final.errors for final in found.finals] == [tuple(range(1, 9)), tuple(range(9, 17))]
    assert (found.train_images, found.validation_images, found.test_images) == (50, 1000, 1000)


def test_a_run_that_diverges_has_no_errors(study: StoredStudy, grid: Grid) -> None:
    grid.ends[1] = "diverged"
    assert runs(study, grid).errors()[0] == (64, None, 66, 61, 67, 63, 70, 65)
    assert [final.errors for final in finals_of(study, grid, 1)] == [(1, None, 2, 3, 4, 5, 6, 7)]


def test_the_test_set_is_opened_once_for_what_is_not_known(study: StoredStudy, grid: Grid) -> None:
    closed = confirm_study(study, HERE, test=False)
    assert (closed.winner, closed.finals, closed.test_images, grid.opened) == (1, (), 0, [])
    whole = confirm_study(study, HERE)
    assert [final.number for final in whole.finals] == [1, 0]
    for top in (2, 3):  # closed again for another question, what was evaluated stays known
        assert confirm_study(study, HERE, top=top, test=False).earlier == whole.finals
    assert confirm_study(study, HERE).finals == whole.finals
    alone = confirm_study(study, HERE, top=1)
    assert (alone.finals, alone.earlier) == (whole.finals[:1], whole.finals[1:])
    assert finals_of(study, grid, 0, 1) == [*whole.finals[::-1]]
    assert len(grid.opened) == 1
    assert finals_of(study, grid, 1, 2)[0] == whole.finals[0]
    assert grid.opened[1:] == ["confirm conv-0: #2; 8 seeds each 2"]


def test_figures_of_other_runs_or_other_test_files_are_measured_again(
    study: StoredStudy, grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = confirm_study(study, HERE)
    lost = study.files.confirm.record_of(1, SEEDS - 1, on_all=True)
    kept = lost.read_bytes()
    lost.unlink()
    finals_of(study, grid, 1)
    lost.write_bytes(kept)
    finals_of(study, grid, 1)
    assert len(grid.opened) == 2
    # The test files were corrected; the training files, which the study's hash is of, were not.
    monkeypatch.setattr(checked, "training_set", lambda *of: SimpleNamespace(options=DataOptions()))
    monkeypatch.setattr(confirming, "own_test_files", lambda options: NEW)
    assert confirm_study(study, HERE) == replace(first, study=study.files.path.name), "no files are named"
    corrected = replace(HERE, data_dir=Path("corrected"))
    again = confirm_study(study, corrected)
    assert (again.test_files, again.earlier, len(grid.opened)) == (NEW, (), 3)
    assert confirm_study(study, corrected, test=False).finals == again.finals
    assert len(grid.opened) == 3


def test_a_copy_of_the_packaged_test_files_is_the_same_test_set() -> None:
    assert own_test_files(DataOptions(data_dir=str(PACKAGED))) is None


def test_without_test_files_nothing_is_trained_for_a_test(study: StoredStudy, grid: Grid, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    grid.options = DataOptions(data_dir=str(tmp_path / "mine"))
    with pytest.raises(DataError, match=r"--no-test confirms without test images$"):
        confirm_study(study, HERE)
    assert grid.trained == []
    assert confirm_study(study, HERE, test=False).winner == 1


def test_a_net_that_is_gone_is_trained_again_with_the_test_set_closed(study: StoredStudy, grid: Grid) -> None:
    first = confirm_study(study, HERE)
    folder = ConfirmFolder(grid.folder)
    gone = [folder.net_of(1, 3), folder.net_of(0, 0)]
    for path in gone:
        path.unlink()
    grid.trained.clear()
    assert confirm_study(study, HERE) == replace(first, study=study.files.path.name)
    on_all = seeds(study, on_all=True)
    assert sorted(grid.trained) == [("#0", on_all[0]), ("#1", on_all[3])]
    assert all(path.exists() for path in gone)
    assert len(grid.opened) == 1
    gone[0].unlink()
    grid.weights = "0" * 64
    with pytest.raises(NotReproducedError, match=r"^#1, seed 4 of 8, trained on all images, has different weights"):
        runs(study, grid).train_again([(1, 3)])
    assert not gone[0].exists()


def test_the_figures_of_a_longer_front_stay(tmp_path: Path, grid: Grid) -> None:
    study = replace(TWO, files=StudyFolder(tmp_path))
    whole, best = confirm_front(study, HERE), confirm_front(study, HERE, top=1)
    assert (best.finals, best.earlier) == (whole.finals[2:], whole.finals[:2])
    assert len(grid.opened) == 1
    assert load(Front, tmp_path) == replace(best, study=tmp_path.name)


# Values of another trainer


Value = Callable[[float, random.Random], float | None]
"""Returns a run's value, given its rate and the random numbers of its seed."""


class Trained(Scripted):
    """An executor that trains at once on a machine with this numerics check."""

    numerics_check = "77c0"

    def start(self) -> Mapping[str, Any]:
        return {"check": self.numerics_check}

    @property
    def jobs(self) -> int:
        return len(self.started)


def noisy(rate: float, draws: random.Random) -> float:
    return math.log2(rate / 0.001) + draws.gauss(0, 0.01)


def broken(rate: float, draws: random.Random) -> float | None:
    return None if rate > 0.004 and draws.random() < 0.5 else noisy(rate, draws)


Confirm = Callable[..., tuple[Confirmed, Trained]]
ALL = 4 * SEEDS * handmade.VALUE_PERIODS
"""Reports of the runs of all candidates."""


@pytest.fixture
def confirm_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Confirm:
    """Return a function that confirms a study whose runs have these values."""

    def run(
        value: Value = noisy,
        study: StoredStudy | None = None,
        numerics_check: str = "77c0",
        place: Workplace = HERE,
        **options: Any,
    ) -> tuple[Confirmed, Trained]:
        def outcome(job: Job) -> Outcome:
            found = value(job.config["ridge.rate"], random.Random(job.seed))
            end: EndReason | None = "diverged" if found is None else None
            report = Report(value=99.0 if found is None else found, metrics={}, weights="", end=end)
            return Done(job=job, report=report, state=b"state")

        executor = Trained(Clock(), outcome)
        executor.numerics_check = numerics_check
        monkeypatch.setattr(own_trainer, "executor_for", lambda *given: executor)
        return confirm_study(handmade.kept_in(tmp_path, study or four()), place, **options), executor

    return run


@pytest.mark.parametrize(
    ("value", "settings", "selected", "has_winner"),
    [
        (noisy, {}, 3, True),
        (noisy, {"direction": "minimize", "objective": "loss"}, 0, True),
        (broken, {}, 2, False),  # a run of #3 diverges
    ],
)
def test_the_best_mean_of_all_runs_is_selected(
    confirm_values: Confirm, value: Value, settings: dict[str, str], selected: int, has_winner: bool
) -> None:
    found, executor = confirm_values(value, four(settings=settings) if settings else None)
    assert (found.winner, found.cheapest, found.tied, found.has_winner) == (selected, selected, (selected,), has_winner)
    assert (found.name, found.minimized) == (settings.get("objective", "value"), bool(settings))
    assert {(row.number, row.searched, len(row.results)) for row in found.candidates} == {
        (number, number, SEEDS) for number in range(4)
    }
    assert (found.of_nets, found.finals) == (False, ())
    assert (None in found.candidate(3).results, found.candidate(3).p_value is None) == (value is broken, selected != 0)
    fresh = found.fresh(selected)
    assert fresh is not None
    assert fresh.mean == pytest.approx(selected, abs=0.05)
    assert executor.jobs == ALL or value is broken


def test_a_report_of_an_objective_may_take_any_time(confirm_values: Confirm) -> None:
    _, executor = confirm_values()
    assert all(job.stall_seconds < math.inf for _, job in executor.started)
    _, executor = confirm_values(study=handmade.changed(four(name="descent-0"), context={"objective": {}}))
    assert {job.stall_seconds for _, job in executor.started} == {math.inf}


def test_an_earlier_confirmation_is_returned_and_earlier_runs_are_not_trained_again(confirm_values: Confirm) -> None:
    asked = count(1)
    with pytest.raises(Stopped):
        confirm_values(place=Workplace(observer=experiments.Stopping(lambda runs: next(asked) > 9)))
    first, resumed = confirm_values()
    assert 0 < resumed.jobs < ALL
    again, executor = confirm_values()
    assert (again, executor.jobs) == (first, 0)
    fewer, executor = confirm_values(top=2)
    assert ([row.number for row in fewer.candidates], fewer.winner, executor.jobs) == ([3, 2], 3, 0)


def test_a_machine_that_computes_differently_is_refused(confirm_values: Confirm) -> None:
    with pytest.raises(FingerprintError, match="was searched on a machine that gives different"):
        confirm_values(numerics_check="other")


@pytest.mark.parametrize(
    ("values", "step"),
    [
        ([errors / 300 for errors in (3, 7, 5, 5)], 2 / 300),
        ([0.1 + 0.2, 0.3, None], 1.0),  # equal but for the rounding of floats
        ([1e300, 1.0, 1.5], 0.5),
    ],
)
def test_values_count_in_their_smallest_step(values: list[float | None], step: float) -> None:
    assert confirming.smallest_step(values) == pytest.approx(step)


# A front


SWINGS = (1, 1, 30, 1, 1, 1, 1, 1)
BETWEEN = replace(
    FRONT,
    members=FRONT.members[:3],
    finals=(final(4, *SWINGS), final(1, *(6, 5, 6, 6, 5, 6, 5, 6)), final(2, *(7, 7, 8, 8, 7, 7, 7, 8))),
)
ALONE = replace(FRONT, members=FRONT.members[:1], finals=FRONT.finals[:1])
CLOSE = final(4, *EVEN), final(1, *reversed(EVEN)), *FRONT.finals[2:]
SPOILED = final(4, *SWINGS), final(1, *EVEN), final(2, *(3, 5, 4, 4, 3, 5, 4, 4))
UNFINISHED = final(4, *EVEN[1:], None), final(1, *[50] * 8), *FRONT.finals[2:]


@pytest.mark.parametrize(
    ("front", "place", "standing", "rival"),
    [
        *zip([FRONT] * 6, range(6), ["yes", "no", "yes", "no", None, None], [None, 4, 4, 2, None, None], strict=True),
        (replace(FRONT, finals=CLOSE), 1, "not shown", 4),
        (BETWEEN, 2, "no", 1),  # #1 is ahead in every pair, though #4 has the better mean
        (replace(BETWEEN, finals=SPOILED), 2, "not shown", 4),  # nor is it ahead of #4, which one seed spoils
        (ALONE, 0, "not shown", None),  # of the front the most accurate alone, which cost more
        (replace(ALONE, left_out=0), 0, "yes", None),
        (replace(FRONT, finals=UNFINISHED), 2, "not shown", 8),  # #4 costs less, and one of its runs did not finish
    ],
)
def test_a_member_is_on_the_front_where_pairs_of_seeds_say_so(
    front: Front, place: int, standing: str | None, rival: int | None
) -> None:
    member = front.members[place]
    ahead = front.ahead(member)
    assert (front.standing(member), ahead and ahead.of) == (standing, rival)


def test_how_far_a_member_is_ahead_of_its_rival_by_hand() -> None:
    ahead = FRONT.ahead(FRONT.members[2])
    assert ahead is not None
    assert ahead.mean == pytest.approx(0.009)
    assert ahead.low < ahead.mean < ahead.high
    assert FRONT.ahead(FRONT.members[3]) == replace(ahead, of=2, mean=-ahead.mean, low=-ahead.high, high=-ahead.low)
