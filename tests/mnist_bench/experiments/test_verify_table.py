"""Rows trained again: what must be equal is, or is named; what need not be is within noise, or is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_bench.data import DataOptions, load_training_set
from mnist_bench.errors import Stopped
from mnist_bench.experiments.grid import Grid, Observer
from mnist_bench.experiments.verify_table import Verified, VerifyOptions, drawn_rows, sentences, table_of, verify_rows
from mnist_bench.tables import RecordedBenchmark
from search.errors import UsageError
from search.executors.in_process import InProcessExecutor
from search.study import WorkFolder
from search.trainer_api import TrainerSpec
from support import handmade_table, stopping

DATA = load_training_set(DataOptions(subset=1200))
ELSEWHERE = "e" * 64


def table(**changes: Any) -> RecordedBenchmark:
    """Return the handmade table as if it had been trained on a few images of MNIST."""
    made = handmade_table.table()
    about = replace(made.about, data_hash=DATA.data_hash, split_hash=DATA.split.digest, **changes)
    return RecordedBenchmark(about, made.arrays)


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Return the options of the trainer that stands in for the workers'; a test may change them."""
    of_trainer: dict[str, object] = {}

    @contextmanager
    def opened(folder: Path, what: str, observer: Observer, **asked: Any) -> Iterator[Grid]:
        assert asked["data"] == DataOptions(task="mnist-5k")
        spec = TrainerSpec(factory="support.handmade_table:Trainer", options=of_trainer)
        executor = InProcessExecutor(spec)
        yield Grid(executor=executor, numerics=executor.start(), data=DATA, folder=folder, observer=observer)
        executor.stop()

    monkeypatch.setattr("mnist_bench.experiments.verify_table.open_grid", opened)
    return of_trainer


def verified(of: RecordedBenchmark, folder: Path, rows: int = 25, seed: int = 0) -> Verified:
    return verify_rows(of, VerifyOptions(rows=rows, seed=seed, results=folder), Observer())


@pytest.mark.parametrize(("given", "fault"), [({"rows": 0}, "rows=0: give a whole"), ({"seed": -1}, "seed=-1: give a")])
def test_options_that_no_verification_can_have_are_refused(given: dict[str, Any], fault: str) -> None:
    with pytest.raises(UsageError, match=f"^{fault}"):
        VerifyOptions(**given)


def test_rows_that_come_to_the_same_bits_are_identical(options: dict[str, object], tmp_path: Path) -> None:
    found = verified(table(), tmp_path)
    assert {row.verdict for row in found.rows} == {"identical"}
    assert found.holds
    assert sentences(found) == [
        "Retrained 25 runs of 270 of table handmade (drawn with seed 0); 25 of them must be bit-identical here "
        "(numerics check cccc…): 25 of 25 are identical."
    ]
    assert any(row.then is None for row in found.rows), "a row that diverged is compared, too"


def test_a_seed_decides_which_rows_they_are() -> None:
    drawn = [[row.key for row in drawn_rows(table(), VerifyOptions(rows=20, seed=seed))] for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0] == sorted(set(drawn[0]))
    assert len(drawn_rows(table(), VerifyOptions(rows=1000))) == 270


def test_one_image_more_is_a_difference_where_the_bits_must_be_equal(
    options: dict[str, object], tmp_path: Path
) -> None:
    options["worse"] = 1
    found = verified(table(), tmp_path)
    assert not found.holds
    ended = [row for row in found.rows if row.then is not None]
    assert {(row.verdict, row.first_difference) for row in ended} == {("differs", "period 1, errors")}
    texts = table_of(found).texts()
    assert any("differs" in cells for cells in texts)


@pytest.mark.parametrize(("worse", "verdict"), [(10, "within noise"), (500, "outside noise")])
def test_elsewhere_the_last_error_must_be_within_the_noise_of_a_seed(
    options: dict[str, object], tmp_path: Path, worse: int, verdict: str
) -> None:
    options.update(worse=worse, canary=ELSEWHERE)
    found = verified(table(), tmp_path)
    ended = [row for row in found.rows if row.then is not None]
    assert {row.verdict for row in ended} == {verdict}
    assert found.holds == (verdict == "within noise")
    assert not any(row.must_be_equal for row in found.rows)
    said = sentences(found)
    assert "none of them must be bit-identical here (numerics check eeee…)." in said[0]
    assert f"{len(ended)} {verdict}" in said[1]
    for row in ended:  # 4 standard deviations of a difference, each about 0.25 points
        assert row.tolerance == pytest.approx(4 * 2**0.5 * 0.0025, rel=0.3)


def test_another_revision_of_the_trainer_need_not_give_the_same_bits(
    options: dict[str, object], tmp_path: Path
) -> None:
    options["worse"] = 10
    found = verified(table(trainer_revision=1), tmp_path)
    assert found.holds
    assert not any(row.must_be_equal for row in found.rows)


def test_where_the_table_does_not_tell_its_noise_nothing_is_judged(options: dict[str, object], tmp_path: Path) -> None:
    options.update(worse=500, canary=ELSEWHERE)
    alone = handmade_table.with_rows(table(), table().arrays.seed == 0)
    found = verified(alone, tmp_path)
    assert {row.verdict for row in found.rows if row.then is not None} == {"cannot tell"}
    assert found.holds


def test_other_data_are_refused(options: dict[str, object], tmp_path: Path) -> None:
    other = table()
    with pytest.raises(UsageError, match="Table handmade was trained on other data"):
        verified(RecordedBenchmark(replace(other.about, data_hash="0" * 64), other.arrays), tmp_path)


def test_stopped_it_goes_on_and_after_its_end_it_begins_anew(options: dict[str, object], tmp_path: Path) -> None:
    asked = VerifyOptions(rows=10, results=tmp_path)
    first, second, third = stopping.after(3), stopping.after(11), stopping.after(11)
    states = WorkFolder(tmp_path / "_tables" / "handmade").checkpoints
    with pytest.raises(Stopped):
        verify_rows(table(), asked, first)
    assert list(states.iterdir())
    assert verify_rows(table(), asked, second)
    assert 3 <= first.runs < 10
    assert first.runs + second.runs == 10
    assert not list(states.iterdir())
    assert verify_rows(table(), asked, third)
    assert third.runs == 10


def test_a_program_reads_every_row_and_its_verdict(options: dict[str, object], tmp_path: Path) -> None:
    result = table_of(verified(table(), tmp_path, rows=3))
    assert result.document["holds"] is True
    assert [record["verdict"] for record in result.records()] == ["identical"] * 3
    assert result.document["rows"] == [dict(record) for record in result.records()]
    assert np.isfinite([record["then"] for record in result.records() if record["then"] is not None]).all()
