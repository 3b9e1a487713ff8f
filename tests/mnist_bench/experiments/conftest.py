"""Fixtures of experiments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.executors.in_process import InProcessExecutor
from search.trainer_api import TrainerSpec


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train here: a worker takes five seconds to start. That it would come to the same bits is shown elsewhere."""

    def executor(spec: TrainerSpec, workers: int, log: Path) -> InProcessExecutor:
        return InProcessExecutor(spec)

    def leave_open(*_: Any) -> None:
        """Do nothing: it would stay closed for other tests."""

    monkeypatch.setattr("mnist_bench.data.guard.close_test_set", leave_open)
    monkeypatch.setattr("mnist_bench.experiments.grid.LocalExecutor", executor)
