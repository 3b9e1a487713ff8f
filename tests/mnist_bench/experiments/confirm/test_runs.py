"""The runs of a confirmation, in a grid that trains nothing: estimates, records, and what is evaluated again."""

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
from mnist_bench.errors import NotReproducedError
from mnist_bench.experiments.confirm import confirming, results as confirmed, runs
from mnist_bench.experiments.confirm.confirming import ConfirmOptions, RaceOptions, confirm_front, confirm_study
from mnist_bench.experiments.confirm.results import Evaluated, Final
from mnist_bench.experiments.confirm.runs import FINAL, RACE, NetRuns, all_stand, own_test_files, preferred
from mnist_bench.experiments.grid import Observer, TrainingRun
from mnist_bench.studies import compatibility
from search.hashed import EndReason
from search.study.folder import ConfirmFolder, StudyFolder
from search.trainer_api import Report
from support import handmade, stopping
from support.handmade_confirmation import found

SECOND = 1_000_000
"""Estimated microseconds of each of the six periods of a run."""


@dataclass
class Grid:
    """A grid of two workers in which every run takes what it is estimated to take, and ends as `ends` says."""

    folder: Path
    executor: Any = field(default_factory=lambda: SimpleNamespace(workers=2))
    ends: dict[int, EndReason] = field(default_factory=dict)
    """How runs end early, by their place among a configuration's seeds."""
    behind: dict[str, int] = field(default_factory=dict)
    """Errors that the runs of a configuration make in addition, by its name."""
    weights: str = ""
    trained: list[tuple[str, int]] = field(default_factory=list)
    observer: Observer = field(default_factory=Observer)

    @property
    def data(self) -> Any:
        split = SimpleNamespace(train=range(50), validation=range(1000), images=1050)
        return SimpleNamespace(split=split, options=DataOptions())

    def task_of(self, run: TrainingRun) -> Any:
        return SimpleNamespace(costs=(SECOND,) * 6, name=run.name, seed=run.seed)

    def costs_left(self, run: TrainingRun) -> tuple[int, ...]:
        return () if (run.name, run.seed) in self.trained else (SECOND,) * 6

    def train(self, asked: Sequence[TrainingRun], *of: Any, **more: Any) -> dict[tuple[str, int], tuple[Report, ...]]:
        self.trained += [(run.name, run.seed) for run in asked]
        return {(run.name, run.seed): self._curve(run) for run in asked}

    def last_state(self, run: TrainingRun) -> bytes | None:
        return None

    def _curve(self, run: TrainingRun) -> tuple[Report, ...]:
        place = int(run.title.split("seed ")[1].split()[0]) - 1
        wrong = range(60 + place + self.behind.get(run.name, 0))
        curve = [*handmade.trial(0, wrong).reports]
        if (end := self.ends.get(place)) is not None:
            curve = [replace(curve[0], value=None, end=end, metrics={**curve[0].metrics, "errors": None})]
        return tuple(replace(report, weights=self.weights or report.weights) for report in curve)


STUDY = handmade.mixed()
TRIALS = [replace(trial, costs=(SECOND,) * 6) for trial in STUDY.trials[:3]]
"""Of three configurations that took 1.5 s for each estimated second."""


def made(folder: Path, **how: Any) -> tuple[Grid, NetRuns]:
    study = replace(STUDY, files=StudyFolder(folder))
    grid = Grid(study.files.confirm.path, **how)
    grid.folder.mkdir(parents=True, exist_ok=True)
    return grid, NetRuns(study, TRIALS, grid)  # type: ignore[arg-type]


def test_workers_wait_for_each_other_after_each_round(tmp_path: Path) -> None:
    _, its = made(tmp_path)
    run = 6 * 1.5
    # Of three runs in each of the first two rounds, one waits for a worker; in the third are six.
    assert its.estimate(RACE, [0, 1, 2], 1) == pytest.approx(2 * run)
    assert its.estimate(RACE, [0, 1, 2], 4) == pytest.approx((2 + 2 + 3) * run)
    assert its.estimate(RACE, [0, 1], 2) == pytest.approx(2 * run)
    # On all images nobody waits before the last seed.
    assert its.estimate(FINAL, [0], FINAL.seeds) == pytest.approx(FINAL.seeds / 2 * run)
    assert its.estimate(FINAL, [0], FINAL.seeds - 1) == 0


def test_what_is_trained_takes_no_time_and_its_pace_counts_for_the_rest(tmp_path: Path) -> None:
    observer = stopping.never()
    _, its = made(tmp_path, observer=observer)
    slow = replace(TRIALS[0], reports=tuple(replace(report, seconds=3.0) for report in TRIALS[0].reports))
    its._rates[0] = runs._rate([slow.reports], slow.costs)
    assert its.estimate(RACE, [0], 1) == pytest.approx(18)
    for _ in range(2):
        its.train(RACE, [0], 2)
    assert observer.news == ["#0 racing, to 2 seeds; about 36 s", "#0 racing, to 2 seeds; trained before"]
    assert its.estimate(RACE, [0], 2) == 0
    assert its.estimate(RACE, [0], 4) == pytest.approx(9)  # two more seeds, on two workers, as fast as the last


def test_errors_are_those_of_the_last_reports_and_none_without_an_end(tmp_path: Path) -> None:
    _, its = made(tmp_path, ends={1: "diverged"})
    assert its.scores([1, 0], 4) == {1: [60, None, 62, 63], 0: [60, None, 62, 63]}


OLD, NEW = ("0" * 64, "1" * 64), ("0" * 64, "2" * 64)
"""Test files before a correction, and after it."""


class Scores:
    """Stands in for the test set: each net gets as many images wrong as its seed's place, and a committee none."""

    opened: list[str]

    def __init__(self, grid: Grid, options: DataOptions, *, purpose: str, ledgers: Sequence[Path]) -> None:
        self.images = SimpleNamespace(labels=range(1000))
        Scores.opened.append(f"{purpose} {len(ledgers)}")
        self._seen: list[int] = []

    def score(self, task: Any, state: bytes) -> Any:
        self._seen.append(task.seed)
        return SimpleNamespace(errors=len(self._seen))

    def committee_errors(self, members: Sequence[Any]) -> int:
        return 100 + len(members)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the purposes for which the test set was opened."""
    Scores.opened = []
    monkeypatch.setattr(runs, "Scores", Scores)
    monkeypatch.setattr(Grid, "last_state", lambda grid, run: b"state")
    monkeypatch.setattr(runs, "export", lambda state, config: state)
    return Scores.opened


def finals(its: NetRuns, *numbers: int) -> Evaluated:
    return its.finals(numbers, DataOptions())


def test_the_test_set_is_opened_once_for_what_is_not_known(tmp_path: Path, opened: list[str]) -> None:
    _, its = made(tmp_path, ends={2: "diverged"})
    first = finals(its, 1, 0)
    assert opened == ["confirm conv-0: #1, #0; 8 seeds each 2"]
    assert first.images == 1000
    assert first.numbers == [1, 0]
    assert first.finals[0] == Final(number=1, errors=(1, 2, None, 3, 4, 5, 6, 7), committee=107, test_files=None)
    confirmed.save(found(finals=first.finals, test_images=1000), tmp_path)
    _, again = made(tmp_path, ends={2: "diverged"})
    assert finals(again, 0, 1) == replace(first, finals=first.finals[::-1])
    assert len(opened) == 1
    assert finals(again, 1, 2).finals[0] == first.finals[0]
    assert opened[1:] == ["confirm conv-0: #2; 8 seeds each 2"]


def test_what_was_evaluated_of_other_runs_or_on_other_test_files_is_evaluated_again(
    tmp_path: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed.save(found(finals=finals(made(tmp_path)[1], 1).finals, test_images=1000), tmp_path)
    lost = ConfirmFolder(tmp_path / "confirm").record_of(1, FINAL.seeds - 1, on_all=True)
    kept = lost.read_bytes()
    lost.unlink()
    finals(made(tmp_path)[1], 1)
    assert len(opened) == 2
    lost.write_bytes(kept)
    finals(made(tmp_path)[1], 1)
    assert len(opened) == 2
    monkeypatch.setattr(runs, "own_test_files", lambda options: NEW)
    assert finals(made(tmp_path)[1], 1).test_files == NEW
    assert len(opened) == 3


def test_a_copy_of_the_packaged_test_files_is_the_same_test_set() -> None:
    assert own_test_files(DataOptions(data_dir=str(PACKAGED))) is None


def test_a_net_that_is_made_again_has_the_weights_of_its_record(tmp_path: Path, opened: list[str]) -> None:
    _, its = made(tmp_path)
    finals(its, 1, 0)
    folder = ConfirmFolder(tmp_path / "confirm")
    gone = [folder.net_of(1, 3), folder.net_of(0, 0)]
    for path in gone:
        path.unlink()
    its.train_again([(1, 3), (0, 0)])
    assert all(path.exists() for path in gone)
    _, otherwise = made(tmp_path, weights="0" * 64)
    gone[0].unlink()
    with pytest.raises(NotReproducedError, match=r"^#1, seed 4 of 8, trained on all images, has different weights"):
        otherwise.train_again([(1, 3)])
    assert not gone[0].exists()


@pytest.fixture
def grid(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Grid:
    """Return the grid of all confirmations of the study in `tmp_path`, in which #1 makes the fewest errors."""
    grid = Grid(tmp_path / "confirm", behind={"#0": 1, "#2": 1})
    grid.folder.mkdir()
    monkeypatch.setattr(confirming, "open_grid_of", lambda *of: nullcontext(grid))
    return grid


def test_a_race_without_a_test_trains_its_leader_alone_and_a_lost_net_is_made_again(
    tmp_path: Path, opened: list[str], grid: Grid
) -> None:
    cheap = replace(STUDY.trials[0], facts={"macs": 1, "parameters": 1})
    study = replace(STUDY, trials=(cheap, *STUDY.trials[1:]), files=StudyFolder(tmp_path))
    asked = RaceOptions(budget=0.1, opening="always")
    led = confirm_study(study, asked, Observer())
    assert (led.leader, led.judged, led.seeds, [final.number for final in led.finals]) == (1, False, 1, [1])
    net = ConfirmFolder(grid.folder).net_of(1, 3)
    net.unlink()
    assert confirm_study(study, asked, Observer()) == replace(led, study=tmp_path.name)
    assert net.exists()
    assert len(opened) == 1


def test_what_was_found_of_a_longer_front_stays(tmp_path: Path, opened: list[str], grid: Grid) -> None:
    two = handmade.two_objectives()
    study = replace(two, files=StudyFolder(tmp_path))
    whole = confirm_front(study, ConfirmOptions(), Observer())
    best = confirm_front(study, ConfirmOptions(top=1), Observer())
    assert (best.finals, best.earlier) == (whole.finals[2:], whole.finals[:2])
    assert len(opened) == 1


def test_of_several_test_sets_that_of_the_named_files_is_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compatibility, "training_set", lambda data, folder, name: SimpleNamespace(options=folder))
    monkeypatch.setattr(runs, "own_test_files", lambda folder: {"old": OLD, "new": NEW}[folder.name])

    def of(final: Final, files: tuple[str, ...]) -> Evaluated:
        return Evaluated(finals=(replace(final, test_files=files),), images=300, test_files=files)

    one, zero = found().finals
    other, old, new = of(zero, NEW), of(one, OLD), of(one, NEW)
    for folder, its in ((Path("old"), old), (Path("new"), new)):
        assert preferred([other, old, new], 1, STUDY, folder) == its
        assert preferred([other, old, new], 0, STUDY, folder) == other
        assert all_stand(its.finals, STUDY, folder)
    assert preferred([other, old, new], 1, STUDY, None) == old
    assert preferred([other, old, new], 2, STUDY, None) == Evaluated(finals=(), images=0)
    assert not all_stand(old.finals, STUDY, Path("new"))
