"""The progress of a search in plain figures, and the observers that receive it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from search.arguments import check_several
from search.driver.dispatcher import AtWork
from search.errors import UsageError
from search.event_log import Forecast, History, StopRules, TrialRecord, WorkLeft
from search.messages import show
from search.plugins import system_errors_of
from search.trainer_api import Report

if TYPE_CHECKING:
    from search.study import StudySpec

MAX_EXPECTED_TRIALS = 10_000
"""The forecast of survivors counts at most this many trials."""
FORECAST_SHARE = 0.05
"""Share of the driver's time that foreseeing the rest of a search may take. It looks at each slot's periods: at 4,000
slots of ten periods that is 5 ms, and all else that follows from an event is done in less than 0.5 ms."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """The facts about a search that do not change while it runs."""

    name: str
    """The study's name."""
    spec: StudySpec
    workers: int
    """Number of worker processes; 0 if it is not known."""
    goal: int
    resumed: bool
    lanes: int = 1
    """Trials at once in each worker."""
    stop_rules: StopRules = field(default_factory=StopRules)
    """The rules that may end the search before its goal."""
    trials: tuple[TrialRecord, ...] = ()
    """The trials so far, if the search resumes."""

    @property
    def sampler(self) -> str:
        """The sampler in words."""
        return self.spec.sampler.describe(self.spec.periods)

    @property
    def pruner(self) -> str:
        """The pruner in words."""
        return self.spec.pruner.describe(self.spec.periods)


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """A search at one moment."""

    goal: int
    finished: int
    """Trained trials that have ended."""
    complete: int
    pruned: int
    """Pruned, diverged, out of memory or timed out: Optuna's state PRUNED, those that were not trained aside."""
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
    """Share of worker time lost to the deterministic order so far, 0..1."""
    workers: int
    lanes: int = 1
    """Trials that all workers together train at a time."""
    training: frozenset[int] = frozenset()
    """Running trials of which a worker trains a reporting interval now."""
    ahead: Mapping[int, int] = field(default_factory=dict)
    """By running trial, the number of reporting intervals that are trained and have not been handled."""
    seconds_left: float | None = None
    """Expected time until the search's end; None before a worker of this driver has reported."""
    since: int | None = None
    """Trained trials that have ended since a complete one was better than all before it; None if none is complete."""
    duplicate: int = 0
    """Trials that were not trained, because an earlier one has their configuration and seed."""

    @property
    def best_unfinished(self) -> TrialRecord | None:
        """The running trial with the best value so far, unless a complete one has a better one."""
        known = [trial for trial in self.running if trial.value is not None]
        first = max(known, key=lambda trial: trial.score or 0.0, default=None)
        best = None if self.best is None else self.best.score
        return first if first is not None and (best is None or (first.score or 0.0) > best) else None

    def waits_for(self, trial: TrialRecord) -> Literal["", "a worker", "its turn"]:
        """Return for what a running trial waits; nothing if a worker trains it."""
        if trial.number in self.training:
            return ""
        is_trained = self.ahead.get(trial.number) or len(trial.reports) == len(trial.costs)
        return "its turn" if is_trained else "a worker"


class Observer:
    """Receives the events of a search, in the driver's thread, and decides nothing.

    By itself it does nothing; a subclass overrides the methods that it needs.
    """

    def on_start(self, header: Header) -> None:
        """The workers have started and the search begins or resumes."""

    def on_trial(self, trial: TrialRecord) -> None:
        """A trial was drawn and begins."""

    def on_report(self, trial: TrialRecord) -> None:
        """A report of a trial was handled."""

    def on_end(self, trial: TrialRecord) -> None:
        """A trial ended."""

    def on_progress(self, progress: Progress) -> None:
        """Something changed, or a moment passed."""

    def on_warning(self, text: str) -> None:
        """The search's settings are valid but suspicious; called before anything starts."""

    def on_notice(self, text: str) -> None:
        """Something happened that affects how long the search takes, such as an outage."""


class Observers(Observer):
    """Hands every event to several observers, in turn."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        for name in vars(Observer):
            if name.startswith("on_"):
                setattr(self, name, _all([getattr(observer, name) for observer in observers]))


def _all(hooks: Sequence[Callable[[Any], None]]) -> Callable[[Any], None]:
    def call(argument: Any) -> None:
        for hook in hooks:
            hook(argument)

    return call


class Callbacks(Observer):
    """Calls functions with each trial that has ended."""

    def __init__(self, functions: Sequence[Callable[[TrialRecord], object]]) -> None:
        """Check the functions.

        Raises:
            UsageError: one cannot be called.
        """
        check_several("callbacks", functions)
        for function in functions:
            if not callable(function):
                raise UsageError(f"callbacks={show(repr(function))}: give functions that take a trial.")
        self._functions = tuple(functions)

    def on_end(self, trial: TrialRecord) -> None:
        """Call them in turn."""
        for function in self._functions:
            function(trial)


class BlamedObserver(Observer):
    """Calls an observer, and reports errors of the disk or of a database that it raises as the observer's."""

    def __init__(self, own: Observer) -> None:
        for name in vars(Observer):
            if name.startswith("on_"):
                setattr(self, name, _blamed(getattr(own, name)))


def _blamed(hook: Callable[[Any], None]) -> Callable[[Any], None]:
    def call(argument: Any) -> None:
        with system_errors_of("observer"):
            hook(argument)

    return call


def expected_survivors(spec: StudySpec, goal: int) -> Sequence[float]:
    """Return how many trials of a search the pruner is expected to leave in each period."""
    # The share that survives hardly depends on the number of trials, and computing it for a billion takes hours.
    trials = min(max(goal, 1), MAX_EXPECTED_TRIALS)
    return spec.start.survivors(spec.pruner, trials, spec.periods, two_objectives=spec.cost is not None)


class Meter:
    """Takes progress from a history, counting from the moment it was made."""

    def __init__(
        self, history: History, periods: AtWork, expected: Sequence[float], typical_costs: Sequence[float] = ()
    ) -> None:
        """Watch a history and those who train.

        Args:
            history: the search so far.
            periods: those who train.
            expected: the trials that the pruner leaves in each period.
            typical_costs: mean cost of each period of random configurations; empty if it is not known.
        """
        self._history = history
        self._periods = periods
        self._forecast = Forecast(history, expected, typical_costs)
        self._left: WorkLeft
        """The last forecast."""
        self._foresee_at = -math.inf
        """When the next forecast is made, by the monotonic clock."""
        self._since = time.monotonic()
        self._seconds = 0.0
        """Measured time of the periods so far."""
        self._cost = 0
        """Their estimated cost."""

    def count(self, cost: int, report: Report) -> None:
        """Take in that a period was trained; one that is remembered says nothing of the pace."""
        if report.remembered:
            return
        self._seconds += report.seconds
        self._cost += cost

    def read(self) -> Progress:
        """Return the progress now."""
        history, ends, worker_time, ahead = self._history, self._history.ends, self._periods.time, self._periods.ahead()
        return Progress(
            goal=history.goal,
            finished=history.finished,
            complete=ends["complete"],
            pruned=history.finished - ends["complete"] - ends["crashed"],
            failed=ends["crashed"],
            infeasible=ends["infeasible"],
            duplicate=ends["duplicate"],
            running=tuple(history.running()),
            best=history.best,
            seconds=time.monotonic() - self._since,
            saved_periods=history.saved_periods,
            total_periods=history.planned_periods,
            order_cost=worker_time.ordering_share,
            workers=worker_time.workers,
            lanes=worker_time.lanes,
            training=self._periods.at_work(),
            ahead=ahead,
            seconds_left=self._seconds_left(ahead),
            since=None if history.improved is None else history.since_improved,
        )

    def _seconds_left(self, ahead: Mapping[int, int]) -> float | None:
        begun = time.monotonic()
        history = self._history
        has_ended = history.stop is not None or history.finished >= history.goal  # the forecast of which is quick
        if begun >= self._foresee_at or has_ended:
            self._left = self._forecast.remaining(ahead)
            self._foresee_at = begun + (time.monotonic() - begun) / FORECAST_SHARE
        if not self._cost:
            return None
        worker_time = self._periods.time
        pace = self._seconds / self._cost
        return self._left.seconds(lanes=worker_time.lanes, pace=pace, waiting=worker_time.ordering_share)
