"""Fixtures of experiments."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.executors.in_process import InProcessExecutor
from search.trainer_api import TrainerSpec


@pytest.fixture
def in_this_process(left_open: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train here: a worker takes five seconds to start. That it would come to the same bits is shown elsewhere."""

    def executor(spec: TrainerSpec, workers: int, log: Path) -> InProcessExecutor:
        return InProcessExecutor(spec)

    monkeypatch.setattr("mnist_bench.experiments.trainings.LocalExecutor", executor)
