"""Fixtures of experiments."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from search.executors.in_process import InProcessExecutor
from search.executors.protocol import Done, Outcome
from search.trainer_api import TrainerSpec


@pytest.fixture
def in_this_process(left_open: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train here, as the last of the workers: one takes five seconds to start. That it would come to the same bits is
    shown elsewhere."""

    def executor(spec: TrainerSpec, workers: int, log: Path) -> InProcessExecutor:
        class Last(InProcessExecutor):
            def wait(self, timeout: float) -> list[Outcome]:
                return [
                    replace(each, report=replace(each.report, worker=workers - 1)) if isinstance(each, Done) else each
                    for each in super().wait(timeout)
                ]

        return Last(spec)

    monkeypatch.setattr("mnist_bench.experiments.trainings.LocalExecutor", executor)
