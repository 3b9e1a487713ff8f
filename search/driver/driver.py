"""The driver: the one process that owns a study and decides. Ask, train a period, report, prune, tell.

It handles the slots' events in logical order, or as they arrive. Every decision is an event: appended to the log,
folded into the history, copied to Optuna's tables. Nothing else is state, so a driver that dies at any point is
resumed by reading the log.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol, assert_never

from search import canonical_json
from search.database import storage_errors
from search.driver.dispatcher import WorkerTime
from search.driver.period_results import Exhausted, Result
from search.driver.progress import Meter, Observer
from search.errors import TooManyFailuresError
from search.event_log import Active, Event, History, Reason, Slot, State, TrialRecord, is_external, linked
from search.executors import Done, Raised
from search.strategies import OptunaStudy, shortfall
from search.study import StudySpec
from search.trainer_api import Planner, Report

MAX_INFEASIBLE = 200
"""Infeasible configurations in a row that end a search."""
MAX_CRASHES = 5
"""Crashed trials in a row that end a search."""


class Journal(Protocol):
    """Where events are written, and shown to Optuna's tools; see `search.driver.outages.Recorder`."""

    def append(self, event: Event) -> None: ...
    def show(self, event: Event) -> None: ...


class Periods(Protocol):
    """Where periods get trained; see `search.driver.dispatcher.Dispatcher`."""

    @property
    def time(self) -> WorkerTime: ...
    def adopt(self, active: Active) -> None: ...
    def obtain(self, wanted: Active | None, history: History) -> tuple[Active, Result] | None: ...
    def keep_busy(self, history: History) -> None: ...
    def drain(self, history: History) -> None: ...
    def advance_to(self, trial: int, period: int) -> None: ...
    def forget(self, trial: int) -> None: ...


class Driver:
    """Drives one study to its goal."""

    def __init__(
        self,
        *,
        spec: StudySpec,
        history: History,
        recorder: Journal,
        planner: Planner[Any],
        dispatcher: Periods,
        observer: Observer,
        on_trial_end: Callable[[TrialRecord], None],
        optuna_study: OptunaStudy,
    ) -> None:
        """Go on after a history; `on_trial_end` keeps what is worth keeping of a trial that has ended and removes the
        rest, `optuna_study` is the study in memory as the history left it."""
        self._spec = spec
        self._history = history
        self._recorder = recorder
        self._planner = planner
        self._dispatcher = dispatcher
        self._observer = observer
        self._on_trial_end = on_trial_end
        self._optuna_study = optuna_study
        self._meter = Meter(history, dispatcher.time.workers)
        for active in history.timeline.actives():
            if not active.verdict:
                dispatcher.adopt(active)

    def run(self, stopping: Callable[[], bool]) -> bool:
        """Drive until the goal is reached (True), or until `stopping` says so (False).

        Raises:
            TooManyFailuresError: configurations crash, or are infeasible, one after the other.
            WorkerError: the workers cannot go on.
            StorageError: the log cannot be written.
        """
        with storage_errors():
            while (slot := self._history.next_slot()) is not None:
                stop = stopping()
                if not stop:
                    self._dispatcher.keep_busy(self._history)
                if (stop and not _is_due(slot)) or not self.step():
                    self._dispatcher.drain(self._history)
                    return False
                self._observer.on_progress(self._meter.read(self._dispatcher.time.ordering_share))
        return True

    def set_goal(self, goal: int) -> None:
        """Write how many trained trials the study shall have; a new segment where it had stopped asking."""
        self._record(Event(kind="goal", time=self._history.timeline.now(), payload={"goal": goal}))

    def step(self) -> bool:
        """Handle the next event; False where there is none, or the search stops before it is known."""
        slot = self._history.next_slot()
        if slot is None:
            return False
        if slot.trial is None:
            self._fill(slot)
        elif slot.trial.verdict:
            self._tell(slot.trial)
        else:
            return self._train(slot.trial)
        return True

    def _train(self, first: Active) -> bool:
        """Handle the period of the logically first trial, or by arrival of any; False where the search stops before."""
        found = self._dispatcher.obtain(self._awaited(first), self._history)
        if found is not None:
            self._handle(*found)
        return found is not None

    def _awaited(self, first: Active) -> Active | None:
        """Return the trial whose period is next; None for whichever comes first."""
        match self._spec.order:
            case "logical":
                return first
            case "arrival":
                return None
            case _:
                assert_never(self._spec.order)

    def _fill(self, slot: Slot) -> None:
        if self._history.trained >= self._history.goal:
            self._record(Event(kind="decline", time=slot.next_time))
        else:
            self._ask(slot)

    def _ask(self, slot: Slot) -> None:
        number = len(self._history.trials)
        fixed = self._spec.enqueued[number] if number < len(self._spec.enqueued) else None
        params = self._optuna_study.ask(number, fixed)
        plan = self._planner(params)
        self._optuna_study.weigh(plan.facts)
        self._optuna_study.constrain(number, plan.constraints)
        payload = {
            "params": params,
            "config": dict(self._planner.codec.to_json(plan.config)),
            "costs": list(plan.costs),
            "facts": dict(plan.facts),
            "constraints": dict(plan.constraints),
            "slot": slot.index,
            "seed": canonical_json.derived_seed(self._spec.seed, "trial", number),
            "attributes": self._optuna_study.attributes(number),
        }
        self._record(Event(kind="ask", time=slot.next_time, trial=number, payload=payload))
        active = self._history.timeline.slots[slot.index].trial
        if active is not None and not active.verdict:
            self._dispatcher.adopt(active)
            self._observer.on_trial(self._history.trials[number])

    def _handle(self, active: Active, result: Result) -> None:
        match result:
            case Done(report=report):
                self._report(active, replace(_finite(report), handled=report.handled or time.time()))
            case Raised():
                self._end(active, "FAIL", "crashed", None, error=result.error)
            case Exhausted():
                self._give_up(active, result.reason, error=result.error)

    def _report(self, active: Active, report: Report) -> None:
        period = active.periods_done + 1
        last = period == len(active.plan.costs)
        prune = False
        if report.value is not None:
            prune = self._optuna_study.report(active.number, period, report.value) and not last
        verdict = prune or last or report.end is not None
        payload = {
            "period": period,
            "report": _plain(report, with_details=verdict),
            "prune": prune,
            "verdict": verdict,
            "attributes": self._new_attributes(active.number),
        }
        self._record(Event(kind="report", time=active.next_time, trial=active.number, payload=payload))
        self._dispatcher.advance_to(active.number, period)
        self._observer.on_report(self._history.trials[active.number])

    def _tell(self, active: Active) -> None:
        """End a trial by what its last report, or its plan, says."""
        trial = self._history.trials[active.number]
        last = trial.reports[-1] if trial.reports else None
        if last is None:
            self._end(active, "PRUNED", "infeasible", None)
        elif last.end is not None:
            self._give_up(active, last.end)
        elif len(trial.reports) == len(trial.costs):
            self._end(active, "COMPLETE", "complete", last.value)
        else:
            if self._spec.cost is not None and last.value is not None:
                short = shortfall(len(trial.reports), len(trial.costs), last.value)
                self._optuna_study.constrain(active.number, {"pruned": short})
            self._end(active, "PRUNED", "pruned", last.value)

    def _give_up(self, active: Active, reason: Reason, *, error: str | None = None) -> None:
        """End a trial that cannot go on; the sampler learns to keep away from its like."""
        self._optuna_study.constrain(active.number, {reason: 1.0})
        self._end(active, "PRUNED", reason, None, error=error)

    def _end(
        self, active: Active, state: State, reason: Reason, value: float | None, *, error: str | None = None
    ) -> None:
        number = active.number
        payload = {
            "state": state,
            "reason": reason,
            "value": value,
            "error": error,
            "attributes": self._new_attributes(number),
        }
        external = is_external(reason)
        self._optuna_study.tell(number, state, value)
        self._record(Event(kind="tell", time=active.next_time, trial=number, external=external, payload=payload))
        self._on_trial_end(self._history.trials[number])
        self._dispatcher.forget(number)
        if reason != "infeasible":
            self._observer.on_end(self._history.trials[number])
        self._check_failures()

    def _new_attributes(self, number: int) -> dict[str, Any]:
        known = self._history.attributes[number]
        now = self._optuna_study.attributes(number)
        return {key: value for key, value in now.items() if key not in known or known[key] != value}

    def _record(self, event: Event) -> None:
        event = linked(event, self._history)
        self._recorder.append(event)
        self._history.apply(event)
        self._recorder.show(event)

    def _check_failures(self) -> None:
        trials = self._history.trials
        _check_streak(trials, "infeasible", MAX_INFEASIBLE, "are infeasible under the space's limits", skipping=())
        if self._history.ends["crashed"] >= MAX_CRASHES:
            _check_streak(trials, "crashed", MAX_CRASHES, "crashed", skipping=("running", "infeasible"))


def _is_due(slot: Slot) -> bool:
    """Return whether the slot's trial has been decided on and only needs to be told."""
    return slot.trial is not None and slot.trial.verdict


def _check_streak(
    trials: list[TrialRecord], reason: Reason, most: int, words: str, *, skipping: tuple[Reason, ...]
) -> None:
    """Stop where the newest trials, some kinds aside, all ended for one reason."""
    streak = 0
    for trial in reversed(trials):
        if trial.reason in skipping:
            continue
        if trial.reason != reason:
            return
        streak += 1
        if streak >= most:
            cause = f"; the first one: {trial.error}" if trial.error else ""
            raise TooManyFailuresError(f"{most} trials in a row {words}{cause}.")


def _finite(report: Report) -> Report:
    """Return a report whose value is a number that can be compared; where it is none, the trial has diverged."""
    if report.value is None or math.isfinite(report.value):
        return report
    return replace(report, value=None, end=report.end or "diverged")


def _plain(report: Report, *, with_details: bool) -> Mapping[str, Any]:
    """Return a report as JSON values: figures that are not finite become null."""
    plain = report.to_json()
    plain["metrics"] = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in report.metrics.items()
    }
    if not with_details:
        plain["details"] = {}
    return plain
