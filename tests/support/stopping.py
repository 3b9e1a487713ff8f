"""Observers that stop an experiment, and experiments that are stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from mnist_bench.errors import Stopped
from mnist_bench.experiments.grid import Observer, TrainingRun
from search.trainer_api import Report


class Stopping(Observer):
    """Keeps what it hears, and stops an experiment when a function of the number of runs that ended says so."""

    def __init__(self, stopping: Callable[[int], bool]) -> None:
        self.started: list[int] = []
        self.ended: list[TrainingRun] = []
        self.news: list[str] = []
        self._stopping = stopping

    @property
    def runs(self) -> int:
        """The number of runs that ended."""
        return len(self.ended)

    def on_start(self, runs: int, seconds: float) -> None:
        """See `Observer.on_start`."""
        self.started.append(runs)

    def on_run(self, run: TrainingRun, reports: Sequence[Report]) -> None:
        """See `Observer.on_run`."""
        self.ended.append(run)

    def on_news(self, text: str) -> None:
        """See `Observer.on_news`."""
        self.news.append(text)

    def stopping(self) -> bool:
        """See `Observer.stopping`."""
        return self._stopping(self.runs)


def never() -> Stopping:
    """Return an observer that stops nothing."""
    return Stopping(lambda runs: False)


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
