"""What makes the recorded benchmarks: rows kept through every end, and tables of them; nothing is trained for real."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import make_tables
import pytest
import row_ledger

from mnist_bench import tables
from mnist_bench.errors import Stopped
from mnist_bench.experiments.grid import TrainingRun
from search.errors import StorageError
from search.study import WorkFolder
from search.trainer_api import Report
from support.paths import ROOT

PUBLISHED = ROOT / "results" / "published" / "tables"
CANARY = "c" * 64


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the points of both spaces, and no rows."""
    for name in ("conv", "grid"):
        (tmp_path / f"{name}.points.json").write_bytes((PUBLISHED / f"{name}.points.json").read_bytes())
    monkeypatch.setattr(make_tables, "FOLDER", tmp_path)
    monkeypatch.setattr(make_tables, "WORK", tmp_path / "work")
    return tmp_path


@dataclass
class FakeGrid:
    """Trains at once; `left` are the trainings after which it is stopped."""

    left: list[int]
    folder: Path
    numerics: Mapping[str, Any]

    def train(self, runs: Sequence[TrainingRun]) -> Any:
        """See `Grid.train`."""
        self.left[0] -= len(runs)
        if self.left[0] < 0:
            raise Stopped
        return {(run.name, run.seed): _reports(run) for run in runs}


def _reports(run: TrainingRun) -> list[Report]:
    errors = 300 + int(run.name) % 50 + run.seed
    return [
        Report(
            value=1 - errors / 10_000,
            metrics={"epoch": epoch, "train_loss": 0.5, "val_loss": 0.25, "errors": errors},
            weights=f"{int(run.name):032x}{run.seed:032x}",
            seconds=1.0,
            details={"unseen_errors": 2 * errors} if epoch == 6 else {},
        )
        for epoch in (0.5, 1, 2, 4, 6)
    ]


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many trainings are left before the maker is stopped, to be changed in place."""
    count = [0]

    @contextmanager
    def opened(folder: Path, *what: object, **options: object) -> Iterator[FakeGrid]:
        WorkFolder(folder).checkpoints.mkdir(parents=True, exist_ok=True)
        yield FakeGrid(count, folder, {"canary": CANARY, "kind": "cpu-bf16"})

    monkeypatch.setattr(make_tables, "open_grid", opened)
    return count


def test_a_stopped_maker_goes_on_with_what_is_missing(folder: Path, left: list[int]) -> None:
    left[0] = 159  # the first stage has 99 rows in batches of 60; its second batch is the last that ends
    make_tables.train(30, 1)
    assert len(make_tables.made("conv-5k")) == 159
    before = (folder / "conv-5k.jsonl").read_text()
    left[0] = 60
    make_tables.train(30, 1)
    assert (folder / "conv-5k.jsonl").read_text().startswith(before)
    assert len(make_tables.made("conv-5k")) == 219
    assert len((folder / "numerics.jsonl").read_text().splitlines()) == 1


def test_a_torn_line_is_trained_again_and_other_bits_are_an_error(folder: Path, left: list[int]) -> None:
    left[0] = 99
    make_tables.train(30, 1)
    ledger = folder / "conv-5k.jsonl"
    whole = ledger.read_text()
    ledger.write_text(whole[:-100])
    assert len(make_tables.made("conv-5k")) == 98
    row = make_tables.made("conv-5k")[0, 0]
    assert row_ledger.from_values(json.loads(row_ledger.to_line(row))) == row
    ledger.write_text(whole + whole.splitlines()[0].replace("0.25", "0.26", 1) + "\n")
    with pytest.raises(StorageError, match=r"conv-5k.jsonl:100: trained before to other bits \(point 0, seed 0\)"):
        make_tables.made("conv-5k")


def test_parts_of_the_grid_are_whole_and_hold_each_other() -> None:
    parts = [set(make_tables.cells_of(part)) for part in make_tables.GRID_PARTS]
    assert [len(part) for part in parts] == [120, 240, 480, 960]
    assert all(smaller < larger for smaller, larger in pairwise(parts))


@pytest.mark.slow
def test_the_largest_part_that_is_whole_becomes_the_table(left: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    stages = [
        make_tables.Stage(
            table="grid-5k", keys=tuple((cell, seed) for seed in range(3) for cell in make_tables.cells_of(part))
        )
        for part in make_tables.GRID_PARTS[:2]
    ]
    monkeypatch.setattr(make_tables, "stages", lambda: iter(stages))
    left[0] = 660
    make_tables.train(30, 1)  # one batch of 720 rows is missing
    assert len(make_tables.whole("grid-5k", make_tables.made("grid-5k"))) == 120
    left[0] = 60
    make_tables.train(30, 1)
    found = make_tables.made("grid-5k")
    there = make_tables.whole("grid-5k", found)
    made = tables.RecordedBenchmark(*make_tables.table("grid-5k", found, there))
    assert len(made) == 240
    assert len(tables.cells(made.space)) == 240
    assert made.space.distributions["optim.batch_size"].values == (128,)
    assert made.seeds == dict.fromkeys(range(240), (0, 1, 2))
    for point in (0, 77, 239):
        cell = there[point]
        assert made.points[point] == make_tables.points("grid")[cell]
        assert made.row(point, 2).periods == found[cell, 2].periods
        assert made.unseen_error(point, 2) == 2 * (302 + cell % 50) / 20_000


def test_without_rows_there_is_no_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tables.shipped, "FOLDER", tmp_path / "shipped")
    make_tables.build()
    assert capsys.readouterr().out == ""
    assert list((tmp_path / "shipped").iterdir()) == []
