"""How far a search is, in plain figures, and who is told."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from search.event_log import History, Order, TrialRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """What stands above a search while it runs."""

    name: str
    space: str
    sampler: str
    pruner: str
    seed: int
    slots: int
    workers: int
    numerics: Mapping[str, Any]
    goal: int
    resumed: bool
    order: Order = "logical"
    lanes: int = 1
    """Trials at once in each worker."""
    cost: str | None = None
    """What is minimised beside the value; None with one objective."""
    context: Mapping[str, Any] = field(default_factory=dict)
    """What the study holds of its trainer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """A search at one moment."""

    goal: int
    finished: int
    """Trained trials that have ended."""
    complete: int
    pruned: int
    """Pruned, diverged, out of memory or timed out: Optuna's state PRUNED, infeasible ones aside."""
    failed: int
    infeasible: int
    running: tuple[TrialRecord, ...]
    best: TrialRecord | None
    seconds: float
    """Since this driver started."""
    saved_periods: int
    """Periods that pruned trials were spared."""
    total_periods: int
    """Periods that all ended trials would have had."""
    order_cost: float
    """Share of worker time lost to the logical order so far, 0..1."""
    workers: int
    handled: int
    """Trained trials that this driver has ended, for an estimate of the time left."""

    @property
    def seconds_left(self) -> float | None:
        """Return an estimate from the pace so far, in seconds; None before the first trial has ended."""
        if not self.handled:
            return None
        return (self.goal - self.finished) * self.seconds / self.handled


class Observer:
    """Is told what happens in a search; may draw, must not decide. Called from the driver's thread.

    Does nothing by itself: a subclass has the methods for what it wants to hear of.
    """

    def on_start(self, header: Header) -> None:
        """The workers are up and the search goes on from here."""

    def on_trial(self, trial: TrialRecord) -> None:
        """A trial was asked."""

    def on_report(self, trial: TrialRecord) -> None:
        """A period of a trial was handled."""

    def on_end(self, trial: TrialRecord) -> None:
        """A trial ended."""

    def on_progress(self, progress: Progress) -> None:
        """Something changed, or a moment passed."""

    def on_notice(self, text: str) -> None:
        """Something happened that whoever waits for the search should know."""


class Meter:
    """Takes progress from a history, counting from the moment it was made."""

    def __init__(self, history: History, workers: int) -> None:
        self._history = history
        self._workers = workers
        self._since = time.monotonic()
        self._finished_before = history.finished

    def read(self, order_cost: float) -> Progress:
        """Return the progress now."""
        history, ends = self._history, self._history.ends
        return Progress(
            goal=history.goal,
            finished=history.finished,
            complete=ends["complete"],
            pruned=history.finished - ends["complete"] - ends["crashed"],
            failed=ends["crashed"],
            infeasible=ends["infeasible"],
            running=tuple(history.trials[active.number] for active in history.timeline.actives()),
            best=history.best,
            seconds=time.monotonic() - self._since,
            saved_periods=history.saved_periods,
            total_periods=history.planned_periods,
            order_cost=order_cost,
            workers=self._workers,
            handled=history.finished - self._finished_before,
        )
