"""A whole process is timed; one that fails or is not wanted any more is no timing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mnist_bench.errors import Stopped
from mnist_bench.experiments import cold_start
from search.errors import WorkerError


@pytest.mark.slow
def test_a_process_is_timed_from_its_start_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "search.py").write_text("raise SystemExit('not the package')")  # a file of the user's
    monkeypatch.chdir(tmp_path)
    began = time.perf_counter()
    seconds = cold_start.seconds(["space", "list"], lambda: False)
    assert 0 < seconds <= time.perf_counter() - began


@pytest.mark.slow
def test_a_process_that_fails_is_no_timing_and_its_command_can_be_copied() -> None:
    arguments = cold_start.train_arguments("no-such", 3, device="cpu", precision="fp32", data_dir=Path("my data"))
    with pytest.raises(WorkerError) as failed:
        cold_start.seconds(arguments, lambda: False)
    assert str(failed.value) == (
        "The timed training failed; this shows why: mnist-bench train no-such --seed 3 --device cpu --precision fp32 "
        "--data-dir 'my data'"
    )


def test_a_process_is_ended_where_the_user_wants_an_end(tmp_path: Path) -> None:
    looks = iter([False, False])
    arguments = cold_start.train_arguments("ladder/99.6", 0, device="cpu", precision="fp32", data_dir=None)
    with pytest.raises(Stopped):
        cold_start.seconds(arguments, lambda: next(looks, True))  # else it trains for hours
