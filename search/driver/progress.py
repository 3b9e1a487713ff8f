"""The progress of a search in plain figures, and the observers that receive it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from search.arguments import check_several
from search.driver.dispatcher import Dispatcher
from search.errors import PluginError, UsageError, system_error
from search.event_log.events import Asked, Event, Reported, Told
from search.event_log.forecast import Forecast, WorkLeft
from search.event_log.history import History, StopRules
from search.event_log.records import TrialRecord
from search.messages import in_a_sentence, show
from search.trainer_api import Report, is_feasible

if TYPE_CHECKING:
    from search.study.spec import StudySpec

MAX_EXPECTED_TRIALS = 10_000  # the share that survives hardly depends on their number, and for a billion takes hours
LARGE_ORDER_COST = 0.1
"""Share of worker time. With 8 workers and twice as many concurrent trials the order costs less, even if estimates are
40% off (docs/concepts/ordering.md): a search in which it costs more can be set up better."""
LARGE_ORDER_SECONDS = 60.0
"""Seconds of worker time: for less, nobody sets up another search."""
FORECAST_SHARE = 0.05
"""Share of the driver's time that foreseeing the rest of a search may take. It looks at the periods of each concurrent
trial: at 4,000 trials of ten periods that is 5 ms, and all else that follows from an event takes less than 0.5 ms."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """The facts about a search that do not change while it runs."""

    name: str  # the study's
    spec: StudySpec
    workers: int  # worker processes; 0 if it is not known
    budget: int
    resumed: bool
    stop_rules: StopRules = field(default_factory=StopRules)

    @property
    def sampler(self) -> str:
        """The sampler in words."""
        return self.spec.sampler.describe()

    @property
    def pruner(self) -> str:
        """The pruner in words."""
        return self.spec.pruner.describe(self.spec.ends)


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """A search at one moment. Trials are trained ones that have ended, unless a field says otherwise."""

    budget: int
    finished: int
    complete: int
    pruned: int  # or diverged, out of memory, timed out
    failed: int
    infeasible: int  # not trained
    running: tuple[TrialRecord, ...]
    best: TrialRecord | None
    seconds: float  # since this driver started
    saved_periods: int  # that pruned trials were spared
    total_periods: int  # that all ended trials would have had
    order_cost: float  # share of worker time lost to the deterministic order so far, 0..1
    training: frozenset[int] = frozenset()  # running trials of which a worker trains a period now
    ahead: Mapping[int, int] = field(default_factory=dict)  # by running trial: periods trained and not handled yet
    seconds_left: float | None = None  # None before a worker of this driver has reported
    since: int | None = None  # trials since a complete one was better than all before it; None if none is complete

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
    """Receives the events of a search, in the driver's thread, and decides nothing. Override what you need."""

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

    def on_notice(self, text: str) -> None:
        """Something that the user may want to know: settings are suspicious, trials of another study come first."""


class Observers(Observer):
    """Hands every event to several observers, in turn, each time inside what `around` returns."""

    def __init__(
        self, observers: Sequence[Observer], around: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        def handing_on(name: str) -> Callable[[Any], None]:
            hooks = [getattr(observer, name) for observer in observers]

            def call(argument: Any) -> None:
                with around():
                    for hook in hooks:
                        hook(argument)

            return call

        for name in vars(Observer):
            if name.startswith("on_"):
                setattr(self, name, handing_on(name))


@contextmanager
def system_errors_of(what: str) -> Iterator[None]:
    """Turn an error of the disk or of a database inside into a PluginError that says that `what` raised it.

    A search turns such errors into those of its study (`search.database.storage_errors`): without this, a file that a
    planner cannot find would be reported as a database that cannot be written.
    """
    try:
        yield
    except Exception as error:
        if system_error(error) is None:
            raise
        raise PluginError(f"The {what} raised {type(error).__name__}: {in_a_sentence(error)}.") from error


def blamed(own: Observer) -> Observer:
    """Return an observer whose errors of the disk or of a database are reported as its own."""
    return Observers([own], lambda: system_errors_of("observer"))


class Callbacks(Observer):
    """Calls functions with each trial that has ended; UsageError if one cannot be called."""

    def __init__(self, functions: Sequence[Callable[[TrialRecord], object]]) -> None:
        check_several("callbacks", functions)
        for function in functions:
            if not callable(function):
                raise UsageError(f"callbacks={show(repr(function))}: give functions that take a trial.")
        self._functions = tuple(functions)

    def on_end(self, trial: TrialRecord) -> None:
        for function in self._functions:
            function(trial)


def tell(observer: Observer, event: Event, history: History) -> None:
    """Tell an observer of an event that a history includes."""
    if isinstance(event, Asked) and is_feasible(event.constraints):
        observer.on_trial(history.trials[event.trial])
    elif isinstance(event, Reported):
        observer.on_report(history.trials[event.trial])
    elif isinstance(event, Told) and event.reason != "infeasible":
        observer.on_end(history.trials[event.trial])


def expected_survivors(spec: StudySpec, budget: int) -> Sequence[float]:
    """Return how many trials of a search the pruner is expected to leave in each period."""
    trials = min(budget, MAX_EXPECTED_TRIALS)
    return spec.pruner.survivors(trials, spec.ends, two_objectives=spec.cost is not None)


def order_advice(spec: StudySpec, dispatcher: Dispatcher) -> str | None:
    """Return what the deterministic order cost and how another search loses less; None if it cost little."""
    share = dispatcher.ordering_share
    if share < LARGE_ORDER_COST or dispatcher.ordering < LARGE_ORDER_SECONDS:
        return None
    more = 2 * max(spec.concurrent_trials, dispatcher.executor.workers)
    cost = " or with `cost=` for the seconds of a report" if "objective" in spec.context else ""
    return (
        f"The deterministic order cost {share:.0%} of worker time; a new search with {more} concurrent trials{cost} "
        "loses less."
    )


class Meter:
    """Takes progress from a history and from those who train, counting from the moment it was made."""

    def __init__(
        self, history: History, dispatcher: Dispatcher, expected: Sequence[float], typical_costs: Sequence[float] = ()
    ) -> None:
        """`expected` and `typical_costs`: see `Forecast`."""
        self._history, self._dispatcher = history, dispatcher
        self._forecast = Forecast(history, expected, typical_costs)
        self._left: WorkLeft
        self._foresee_at = -math.inf
        self._since = time.monotonic()
        self._seconds, self._cost = 0.0, 0  # measured and estimated, of the periods so far

    def count(self, cost: int, report: Report) -> None:
        """Take in that a period was trained."""
        self._seconds += report.seconds
        self._cost += cost

    def read(self) -> Progress:
        """Return the progress now."""
        history, ends, ahead = self._history, self._history.ends, self._dispatcher.ahead()
        return Progress(
            budget=history.budget,
            finished=history.finished,
            complete=ends["complete"],
            failed=ends["crashed"],
            pruned=history.finished - ends["complete"] - ends["crashed"],
            infeasible=ends["infeasible"],
            running=tuple(history.running()),
            best=history.best,
            seconds=time.monotonic() - self._since,
            saved_periods=history.saved_periods,
            total_periods=history.planned_periods,
            order_cost=self._dispatcher.ordering_share,
            training=self._dispatcher.at_work(),
            ahead=ahead,
            seconds_left=self._seconds_left(ahead),
            since=None if history.improved is None else history.since_improved,
        )

    def _seconds_left(self, ahead: Mapping[int, int]) -> float | None:
        begun, history = time.monotonic(), self._history
        has_ended = history.stop is not None or history.finished >= history.budget  # the forecast of which is quick
        if begun >= self._foresee_at or has_ended:
            self._left = self._forecast.remaining(ahead)
            self._foresee_at = begun + (time.monotonic() - begun) / FORECAST_SHARE
        if not self._cost:
            return None
        workers, waiting = self._dispatcher.executor.workers, self._dispatcher.ordering_share
        return self._left.seconds(workers=workers, pace=self._seconds / self._cost, waiting=waiting)


def seconds_left(history: History, spec: StudySpec) -> float | None:
    """Return about how long a search still takes at the pace of its reports so far; None before the first report."""
    trained = [pair for trial in history.trials for pair in zip(trial.costs, trial.reports, strict=False)]
    if not trained:
        return None
    pace = sum(report.seconds for _, report in trained) / sum(cost for cost, _ in trained)
    workers = {trial.reports[-1].worker for trial in history.running() if trial.reports}
    left = Forecast(history, expected_survivors(spec, history.budget)).remaining({})
    return left.seconds(workers=max(1, len(workers)), pace=pace)
