"""Observers that stop an experiment, and experiments that are stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from mnist_bench.errors import Stopped
from mnist_bench.experiments.grid import Observer, TrainingRun
from search.trainer_api import Report


class Stopping(Observer):
    """Counts the runs that end, and stops an experiment when a function of their number says so."""

    def __init__(self, stopping: Callable[[int], bool]) -> None:
        self.runs = 0
        self._stopping = stopping

    def on_run(self, run: TrainingRun, reports: Sequence[Report]) -> None:
        """See `Observer.on_run`."""
        self.runs += 1

    def stopping(self) -> bool:
        """See `Observer.stopping`."""
        return self._stopping(self.runs)


def at_once() -> Stopping:
    """Return an observer that stops an experiment before anything is trained."""
    return Stopping(lambda runs: True)


def after(number: int) -> Stopping:
    """Return an observer that stops an experiment after so many runs."""
    return Stopping(lambda runs: runs >= number)


def stopped_after(hear: Callable[..., object]) -> Callable[..., NoReturn]:
    """Return an experiment that tells `hear` its arguments and is stopped then."""

    def experiment(*arguments: Any) -> NoReturn:
        hear(*arguments)
        raise Stopped

    return experiment
