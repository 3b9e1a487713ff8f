"""The runs of a confirmation, in a grid that trains nothing: seeds, records, and what is evaluated on the test set."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import PACKAGED
from mnist_bench.errors import DataError, NotReproducedError
from mnist_bench.experiments.confirm import confirming, results as confirmed, runs
from mnist_bench.experiments.confirm.confirming import ConfirmOptions, confirm_front, confirm_study
from mnist_bench.experiments.confirm.results import SEEDS, Confirmed, Final
from mnist_bench.experiments.confirm.runs import FRESH, ON_ALL, NetRuns, own_test_files, seeds
from mnist_bench.experiments.grid import Observer, TrainingRun
from mnist_bench.studies import checked
from search.hashed import EndReason, derived_seed
from search.study.folder import ConfirmFolder, StudyFolder
from search.study.studies import StoredStudy
from search.trainer_api import Report
from support import handmade

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

    def task_of(self, run: TrainingRun) -> Any:
        return SimpleNamespace(name=run.name, seed=run.seed)

    def seconds(self, runs: Sequence[TrainingRun]) -> float:
        return float(len(runs))

    def train(self, asked: Sequence[TrainingRun], *of: Any, **more: Any) -> dict[tuple[str, int], tuple[Report, ...]]:
        self.trained += [(run.name, run.seed) for run in asked]
        return {(run.name, run.seed): self._curve(run) for run in asked}

    def last_state(self, run: TrainingRun) -> bytes | None:
        return b"state"

    def _curve(self, run: TrainingRun) -> tuple[Report, ...]:
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
    """Return the purposes for which the test set was opened."""
    Scores.opened = []
    monkeypatch.setattr(runs, "Scores", Scores)
    monkeypatch.setattr(runs, "export", lambda state, config: state)
    return Scores.opened


@pytest.fixture
def grid(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, opened: list[str]) -> Grid:
    """Return the grid of all confirmations of a study in `tmp_path`, in which #1 makes the fewest errors."""
    grid = Grid(tmp_path / "confirm", errors={"#0": TIED, "#2": MANY})
    grid.folder.mkdir()
    monkeypatch.setattr(confirming, "open_grid_of", lambda *of: nullcontext(grid))
    return grid


def placed(study: StoredStudy, folder: Path) -> StoredStudy:
    return replace(study, files=StudyFolder(folder))


@pytest.fixture
def study(tmp_path: Path) -> StoredStudy:
    """Return the study `handmade.mixed`, in `tmp_path`."""
    return placed(handmade.mixed(), tmp_path)


def confirm(study: StoredStudy, **asked: Any) -> Confirmed:
    return confirm_study(study, ConfirmOptions(**asked), Observer())


def finals_of(study: StoredStudy, grid: Grid, *numbers: int) -> list[Final]:
    return [*NetRuns(study, study.trials[:3], grid).finals(numbers, DataOptions()).finals]  # type: ignore[arg-type]


def test_seeds_are_fresh_and_the_parts_have_their_own(study: StoredStudy) -> None:
    drawn = [derived_seed(0, "confirm", k) for k in range(9)]
    assert seeds(study, FRESH) == drawn[:8]
    taken = replace(study, trials=(*study.trials, replace(study.trials[0], seed=drawn[3])))
    assert seeds(taken, FRESH) == [*drawn[:3], *drawn[4:]]
    assert len({seed for part in (FRESH, ON_ALL) for seed in seeds(study, part)}) == 2 * SEEDS


def test_all_candidates_get_the_same_seeds_and_the_selected_ones_are_tested(
    study: StoredStudy, grid: Grid, opened: list[str]
) -> None:
    found = confirm(study)
    assert [row.results for row in found.candidates] == [tuple(errors) for errors in (FEW, TIED, MANY)]
    assert (found.winner, found.cheapest, found.tied) == (1, 0, (1, 0))
    fresh, on_all = seeds(study, FRESH), seeds(study, ON_ALL)
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
    for module in (runs, confirming):
        monkeypatch.setattr(module, "own_test_files", lambda options: ("0" * 64, "2" * 64))
    assert confirm(study) == replace(first, study=study.files.path.name), "no files are named"
    again = confirm(study, data_dir=Path("corrected"))
    assert (again.test_files, again.earlier, len(opened)) == (("0" * 64, "2" * 64), (), 3)
    assert confirm(study, data_dir=Path("corrected"), test=False).finals == again.finals
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
    on_all = seeds(study, ON_ALL)
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
    whole = confirm_front(study, ConfirmOptions(), Observer())
    best = confirm_front(study, ConfirmOptions(top=1), Observer())
    assert (best.finals, best.earlier) == (whole.finals[2:], whole.finals[:2])
    assert len(opened) == 1
    assert confirmed.load(confirmed.Front, tmp_path) == replace(best, study=tmp_path.name)
