"""The driver: the one process that owns a study and decides. Ask, train a period, report, prune, tell.

It handles the slots' events in logical order, or as they arrive. Every decision is an event: appended to the log,
folded into the history, copied to Optuna's tables. Nothing else is state, so a driver that dies at any point is
resumed by reading the log.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice, takewhile
from numbers import Real
from typing import Any, Protocol, assert_never

from search import canonical_json
from search.database import storage_errors
from search.driver.dispatcher import Periods
from search.driver.period_results import GivenUp, Result, as_stored
from search.driver.progress import Meter, Observer, expected_survivors
from search.driver.resume import restored
from search.errors import TooManyFailuresError, UsageError
from search.event_log import (
    REPEATED,
    UNTRAINED,
    Asked,
    Declined,
    Event,
    GoalSet,
    History,
    Reported,
    Resumed,
    Slot,
    StopRules,
    Told,
    TrialRecord,
    is_external,
    repeats,
)
from search.hashed import Reason, State
from search.messages import number_of, show
from search.space import constrained
from search.strategies import OptunaStudy, shortfall
from search.study import StudySpec
from search.trainer_api import Plan, Planner, Report, finite

MAX_INFEASIBLE = 200
"""Infeasible configurations in a row that end a search."""
MAX_CRASHES = 5
"""Crashed trials in a row that end a search. Each was tried twice, so if five different ones crash, the trainer or the
machine is the cause."""

NO_RULES = StopRules()
"""Nothing ends a search before its goal."""


class Journal(Protocol):
    """Writes events to the log and to Optuna's tables; see `search.driver.outages.Recorder`."""

    def append(self, event: Event) -> None: ...
    def show(self, event: Event) -> None: ...


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
        observer: Observer | None = None,
        on_trial_end: Callable[[TrialRecord], None] = lambda trial: None,
        optuna_study: OptunaStudy | None = None,
        typical_costs: Sequence[float] = (),
    ) -> None:
        """Continue after a history.

        Args:
            spec: the study's specification.
            history: the study so far; the driver applies its own events to it.
            recorder: where events are written.
            planner: the planner of the study.
            dispatcher: gets periods trained.
            observer: sees the search's progress.
            on_trial_end: keeps or removes the files of a trial that has ended.
            optuna_study: the study in memory after that history; by default it is made here.
            typical_costs: mean cost of each period of random configurations; empty if it is not known.
        """
        self._spec = spec
        self._history = history
        self._recorder = recorder
        self._planner = constrained(planner, spec.space)
        self._dispatcher = dispatcher
        self._observer = observer or Observer()
        self._on_trial_end = on_trial_end
        self._optuna_study = optuna_study or restored(spec, history, planner)
        repeating = history.trials if spec.seeds == "configuration" else ()
        self._configurations = {canonical_json.dumps(trial.config) for trial in repeating if trial.is_trained}
        """Those that were tried, if seeds follow from configurations."""
        # A study that was begun when longer plans were accepted has such trials, and may ask for more of them.
        self._max_periods = max([spec.periods, *(len(trial.costs) for trial in history.trials)])
        self._meter = Meter(history, dispatcher, expected_survivors(spec, history.goal), typical_costs)
        for trial in history.running():
            if not history.is_decided(trial.number):
                dispatcher.adopt(trial.number)

    def run(self, stopping: Callable[[], bool], rules: StopRules = NO_RULES) -> bool:
        """Drive until the goal is reached or a rule ends the search (True), or until `stopping` says so (False).

        Raises:
            TooManyFailuresError: configurations crash, or are infeasible, one after the other.
            WorkerError: the workers cannot continue.
            UsageError: a plan or a report cannot be kept in the log, or a plan has more periods than the search, or
                lacks the cost that the search minimises.
            StorageError: the log cannot be written.
        """
        with storage_errors():
            while (slot := self._history.next_slot()) is not None:
                # Before each event, not after each end: killed between an end and the stop that follows from it, a
                # search stops when it is run again, before it decides anything else.
                if self.stop_early(rules):
                    self._dispatcher.drain()
                    break
                stop = stopping()  # asked once a turn: between two answers it could be a different one
                if not stop:
                    # Before each event, not only while one is waited for: a proposal of tpe takes 0.17 s after ten
                    # thousand trials, and a worker that came back meanwhile would idle for as long.
                    self._dispatcher.keep_busy()
                # Ending a trial whose end is decided needs no worker, so a search that stops still does it.
                if (stop and not slot.verdict) or not self.step():
                    self._dispatcher.drain()
                    return False
                self._observer.on_progress(self._meter.read())
        return True

    def set_goal(self, goal: int) -> None:
        """Write how many trained trials the study shall have; if it had stopped asking, this begins a new segment."""
        self._record(GoalSet(time=self._history.timeline.now(), goal=goal))

    def stop_early(self, rules: StopRules) -> bool:
        """Write that the search ends here if a rule ends it; return whether one does."""
        stopped = rules.verdict(self._history)
        if stopped is not None:
            self._record(stopped)
        return stopped is not None

    def go_on(self) -> None:
        """Write that the search continues after it had ended early."""
        self._record(Resumed(time=0 if self._history.newest is None else self._history.newest.time))

    def step(self) -> bool:
        """Handle the next event; False if there is none, or the search stops before the event is known."""
        slot = self._history.next_slot()
        if slot is None:
            return False
        if slot.trial is None and self._history.trained >= self._history.goal:
            self._record(Declined(time=slot.next_time))
        elif slot.trial is None and self._is_exhausted():
            self._observer.on_notice(
                f"The search asks for no more than {number_of(self._history.trained, 'trial')}: its last "
                f"{MAX_INFEASIBLE} proposals repeated earlier configurations."
            )
            self._record(Declined(time=slot.next_time))
        elif slot.trial is None:
            self._ask(slot)
        elif slot.verdict:
            self._tell(slot.trial)
        else:
            # In logical order the period of the logically first trial, by arrival the first one to arrive.
            obtained = self._dispatcher.obtain(slot.trial if repeats(self._spec.order) else None)
            if obtained is None:
                return False
            self._handle(*obtained)
        return True

    def _ask(self, slot: Slot) -> None:
        # The number counts infeasible trials, too: each proposal has one of its own, and with it its own draws.
        number = len(self._history.trials)
        params = self._optuna_study.ask(number, self._spec.given(number))
        plan = self._planner(params)
        _check_periods(plan, self._max_periods, number)
        if self._spec.cost is not None:
            _check_cost(plan, self._spec.cost, number)
        # Before the event is made: its attributes hold the constraints, by which samplers recognise the infeasible.
        self._optuna_study.weigh(plan.facts)
        config = dict(self._planner.codec.to_json(plan.config))
        seed = self._spec.trial_seed(number, config)
        constraints = {**plan.constraints, **self._repetition(number, plan, config)}
        self._optuna_study.constrain(number, constraints)
        asked = Asked(
            time=slot.next_time,
            trial=number,
            params=dict(sorted(params.items())),  # as they are read from the log
            config=config,
            costs=plan.costs,
            facts=dict(plan.facts),
            constraints=constraints,
            slot=slot.index,
            seed=seed,
            attributes=self._optuna_study.attributes(number),
        )
        self._record(asked)
        if not self._history.is_decided(number):
            self._dispatcher.adopt(number)
            self._observer.on_trial(self._history.trials[number])

    def _repetition(self, number: int, plan: Plan[Any], config: Mapping[str, Any]) -> dict[str, float]:
        """Return the constraint that a feasible trial misses if an earlier one has its configuration, and its seed."""
        if self._spec.seeds == "trial" or not plan.feasible:
            return {}
        key = canonical_json.dumps(config)
        # A trial of an earlier study has a seed of its own.
        is_repeated = key in self._configurations and self._spec.taken(number) is None
        self._configurations.add(key)
        return {REPEATED: 1.0} if is_repeated else {}

    def _handle(self, number: int, result: Result) -> None:
        match result:
            case Report():
                self._report(
                    self._history.trials[number], replace(finite(result), handled=result.handled or time.time())
                )
            case GivenUp(reason="crashed", error=error):
                self._end(number, "FAIL", "crashed", None, error=error)
            case GivenUp(reason=reason, error=error):
                self._give_up(number, reason, error=error)
            case _:
                assert_never(result)

    def _report(self, trial: TrialRecord, report: Report) -> None:
        number, period = trial.number, trial.next_period
        last = period == len(trial.costs) or report.end == "finished"
        if (
            last and report.value is None and report.end in (None, "finished")
        ):  # it would be complete, and could not be ranked
            self._end(number, "FAIL", "crashed", None, error="Its last report has no value, and names no end.")
            return
        prune = False
        if report.value is not None:
            # At the last period, too, although nothing can be stopped: this gives the pruner the value as well, with
            # which it compares later trials.
            stops = self._optuna_study.report(number, period, report.value)
            prune = stops and not last and not self._spec.keeps(number)
        # The verdict is an event apart from the end that follows from it (`Told`): if the search is killed between the
        # two, it resumes with the verdict, and the pruner is not asked a second time.
        verdict = prune or last or report.end is not None
        reported = Reported(
            time=self._history.slot_of(number).next_time,
            trial=number,
            period=period,
            report=as_stored(report, with_details=verdict),
            prune=prune,
            verdict=verdict,
            attributes=self._new_attributes(number),
        )
        self._record(reported)
        self._meter.count(trial.costs[period - 1], report)
        self._dispatcher.advance_to(number, period)
        self._observer.on_report(self._history.trials[number])

    def _tell(self, number: int) -> None:
        """End a trial whose last report, or whose plan, decides how."""
        trial = self._history.trials[number]
        if not trial.reports:
            self._end(number, "PRUNED", "duplicate" if REPEATED in trial.constraints else "infeasible", None)
            return
        last = trial.reports[-1]
        match last.end:
            case "diverged" | "out_of_memory":
                self._give_up(number, last.end)
            case "finished":
                self._end(number, "COMPLETE", "complete", last.value)
            case None if len(trial.reports) == len(trial.costs):
                self._end(number, "COMPLETE", "complete", last.value)
            case None:
                if self._spec.cost is not None and trial.score is not None:
                    # With two objectives the value of a smaller budget would be ranked with those of whole ones.
                    short = shortfall(len(trial.reports), len(trial.costs), trial.score)
                    self._optuna_study.constrain(number, {"pruned": short})
                self._end(number, "PRUNED", "pruned", last.value)
            case _:
                assert_never(last.end)

    def _give_up(self, number: int, reason: Reason, *, error: str | None = None) -> None:
        """End a trial that cannot continue, with a constraint from which the sampler learns."""
        self._optuna_study.constrain(number, {reason: 1.0})
        self._end(number, "PRUNED", reason, None, error=error)

    def _end(self, number: int, state: State, reason: Reason, value: float | None, *, error: str | None = None) -> None:
        self._optuna_study.tell(number, state, value)
        told = Told(
            time=self._history.slot_of(number).next_time,
            trial=number,
            external=is_external(reason),
            state=state,
            reason=reason,
            value=value,
            error=error,
            attributes=self._new_attributes(number),
        )
        self._record(told)
        # After the event, never before: files that are removed of a trial whose end is not in the log would have to be
        # trained again. A driver that dies in between does this when it is started again (`clean_up`).
        self._on_trial_end(self._history.trials[number])
        self._dispatcher.forget(number)
        if reason not in UNTRAINED:
            self._observer.on_end(self._history.trials[number])
        self._check_failures()

    def _new_attributes(self, number: int) -> dict[str, Any]:
        known = self._history.attributes[number]
        now = self._optuna_study.attributes(number)
        return {key: value for key, value in now.items() if key not in known or known[key] != value}

    def _record(self, event: Event) -> None:
        # The order of writes that all else rests on. What is in the log has happened, so it comes first; the history
        # may not know what the log has lost. Optuna's tables come last: of the 33 ms that a trial takes the driver they
        # are 24, and if they lack the newest event, the next run adds it.
        event = self._history.linked(event)
        self._recorder.append(event)
        self._history.apply(event)
        self._recorder.show(event)

    def _is_exhausted(self) -> bool:
        """Return whether the space seems to have no configuration that was not tried."""
        duplicates = _streak(self._history.trials, "duplicate", MAX_INFEASIBLE, skipping=("infeasible",))
        return len(duplicates) == MAX_INFEASIBLE

    def _check_failures(self) -> None:
        trials = self._history.trials
        # Not skipping running trials: they have trained, so the space is not infeasible throughout.
        bounds = "limits and constraints" if self._spec.space.constraints else "limits"
        words = f"are infeasible under the space's {bounds}"
        _check_streak(trials, "infeasible", MAX_INFEASIBLE, words, skipping=("duplicate",))
        if self._history.ends["crashed"] >= MAX_CRASHES:
            _check_streak(trials, "crashed", MAX_CRASHES, "crashed", skipping=("running", *UNTRAINED))


def _check_streak(
    trials: list[TrialRecord], reason: Reason, most: int, words: str, *, skipping: tuple[Reason, ...]
) -> None:
    """Stop if the newest trials, some kinds aside, all ended for one reason."""
    streak = _streak(trials, reason, most, skipping)
    if len(streak) >= most:
        first = streak[-1]
        cause = f"; the first one: {first.cause}" if first.cause else ""
        failed = TooManyFailuresError(f"{most} trials in a row {words}{cause}.")
        failed.add_note(first.error or "")  # for those who ask for the traceback
        raise failed


def _streak(trials: list[TrialRecord], reason: Reason, most: int, skipping: tuple[Reason, ...]) -> list[TrialRecord]:
    """Return the newest trials, at most `most`, newest first, that all ended for one reason, some kinds aside."""
    newest = (trial for trial in reversed(trials) if trial.reason not in skipping)
    return [*islice(takewhile(lambda trial: trial.reason == reason, newest), most)]


def _check_periods(plan: Plan[Any], most: int, number: int) -> None:
    """Check that a plan has no more periods than the search was made for, by which pruners set their rungs.

    Raises:
        UsageError: it has.
    """
    if len(plan.costs) > most:
        raise UsageError(
            f"Trial {number}'s plan has {len(plan.costs)} costs, one for each period, and the search was made for "
            f"{number_of(most, 'period')}; make it with periods={len(plan.costs)}, or plan no more than {most}."
        )


def _check_cost(plan: Plan[Any], cost: str, number: int) -> None:
    """Check that a plan says what it costs, unless it is infeasible: then nothing is compared with it.

    Raises:
        UsageError: it does not.
    """
    found = plan.facts.get(cost)
    if isinstance(found, Real) or (found is None and not plan.feasible):
        return
    held = "nothing" if found is None else show(found)
    raise UsageError(
        f"The facts of trial {number}'s plan have to hold its {cost}, which the search minimizes, as a number; they "
        f"hold {held}."
    )
