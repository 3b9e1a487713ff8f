"""The driver: the one process that owns a study and decides. Ask, train a period, report, prune, tell.

`Decisions` makes the next event from the history alone; it knows no workers, no files and no database, so a log is
checked by letting it decide again (`search.driver.replay`). `Driver` gets periods trained for it and writes each event:
to the log, to the history, to Optuna's tables. Nothing else is state: a driver that dies is resumed by reading the log.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice, takewhile
from numbers import Real
from typing import Any

from search.database import storage_errors
from search.driver.dispatcher import Dispatcher, Result, as_stored
from search.driver.progress import Meter, Observer, expected_survivors, tell
from search.errors import TooManyFailuresError, UsageError
from search.event_log.events import Asked, Declined, Event, GoalSet, Reported, Resumed, Told, trial_of
from search.event_log.history import History, StopRules, Turn
from search.event_log.records import ENDS, TrialRecord
from search.hashed import Reason, derived_seed, repeats
from search.messages import number_of, show
from search.proposals.prospects import Prospects
from search.space.space import constrained
from search.strategies.optuna_study import OptunaStudy, shortfall
from search.study.optuna_tables import OptunaTables
from search.study.spec import StudySpec
from search.trainer_api import Plan, Planner, Report, finite

MAX_INFEASIBLE = 200  # infeasible configurations in a row after which a search only ends what is in work
MAX_CRASHES = 5
"""Crashed trials in a row that end a search. Each was tried twice, so if five different ones crash, the trainer or the
machine is the cause."""
NO_RULES = StopRules()


class Decisions:
    """Makes the events of a study, each from those before it."""

    def __init__(
        self, spec: StudySpec, history: History, planner: Planner[Any], study: OptunaStudy | None = None
    ) -> None:
        """Continue after a history, to which the caller applies each event; `study`: that history's in memory."""
        self._spec, self._history = spec, history
        self._planner = constrained(planner, spec.space)
        self._study = study or restored(spec, history, planner)

    def event(self, turn: Turn, result: tuple[int, Result] | None) -> Event:
        """Return what happens at a turn; if a trial trains, from the result of its period."""
        if result is not None:
            return self._handle(*result)
        if turn.trial is not None:
            return self._end(self._history.trials[turn.trial])
        if self._history.trained >= self._history.budget or self._finds_nothing_feasible():
            return Declined(time=turn.time)
        return self._ask(turn)

    def budget(self, budget: int) -> GoalSet:
        """Set how many trained trials the study shall have; if it had stopped asking, this begins a new segment."""
        return GoalSet(time=self._history.timeline.now(), goal=budget)

    def resumed(self) -> Resumed:
        """Continue after the search had ended early."""
        return Resumed(time=self._history.time)

    def check_crashes(self) -> None:
        """TooManyFailuresError if configurations crash, one after the other."""
        if self._history.ends["crashed"] < MAX_CRASHES:
            return
        if first := _first_in_a_row(self._history.trials, "crashed", MAX_CRASHES, ("running", "infeasible")):
            cause = f"; the first one: {first.cause}" if first.cause else ""
            failed = TooManyFailuresError(f"{MAX_CRASHES} trials in a row crashed{cause}.")
            failed.add_note(first.error or "")  # for those who ask for the traceback
            raise failed

    def check_feasible(self) -> None:
        """TooManyFailuresError if it stops asking because configurations are infeasible, one after the other."""
        if self._finds_nothing_feasible():
            bounds = "limits and constraints" if self._spec.space.constraints else "limits"
            raise TooManyFailuresError(f"{MAX_INFEASIBLE} trials in a row are infeasible under the space's {bounds}.")

    def _finds_nothing_feasible(self) -> bool:
        # Not skipping running trials: they train, so the space is not infeasible throughout.
        return _first_in_a_row(self._history.trials, "infeasible", MAX_INFEASIBLE) is not None

    def _ask(self, turn: Turn) -> Asked:
        # The number counts infeasible trials, too: each proposal has one of its own, and with it its own draws.
        number = len(self._history.trials)
        params = self._study.ask(number, self._spec.given(number))
        plan = self._planner(params)
        _check_periods(plan, self._spec.periods, number)
        if self._spec.cost is not None:
            _check_cost(plan, self._spec.cost, number)
        # Before the event is made: its attributes hold the constraints, by which samplers recognise the infeasible.
        self._study.weigh(plan.facts)
        self._study.constrain(number, plan.constraints)
        return Asked(
            time=turn.time,
            trial=number,
            params=dict(sorted(params.items())),  # as they are read from the log
            config=dict(self._planner.codec.to_json(plan.config)),
            costs=plan.costs,
            facts=dict(plan.facts),
            constraints=dict(plan.constraints),
            slot=turn.index,
            seed=derived_seed(self._spec.seed, "trial", number),
            attributes=self._study.attributes(number),
        )

    def _handle(self, number: int, result: Result) -> Event:
        if not isinstance(result, Report):
            return self._told(number, result.reason, error=result.error)
        report = replace(finite(result), handled=result.handled or time.time())
        trial = self._history.trials[number]
        period = trial.next_period
        last = period == len(trial.costs) or report.end == "finished"
        if last and report.value is None and report.end in (None, "finished"):
            # It would be complete, and could not be ranked.
            return self._told(number, "crashed", error="Its last report has no value, and names no end.")
        prune = False
        if report.value is not None:
            # At the last period, too, although nothing can be stopped: this gives the pruner the value as well, with
            # which it compares later trials.
            stops = self._study.report(number, period, report.value)
            prune = stops and not last
        # The verdict is an event apart from the end that follows from it (`Told`): if the search is killed between the
        # two, it resumes with the verdict, and the pruner is not asked a second time.
        verdict = prune or last or report.end is not None
        return Reported(
            time=self._history.turn_of(number).time,
            trial=number,
            period=period,
            prune=prune,
            verdict=verdict,
            report=as_stored(report, with_details=verdict),
            attributes=self._new_attributes(number),
        )

    def _end(self, trial: TrialRecord) -> Told:
        """End a trial whose last report, or whose plan, decides how."""
        if not trial.reports:
            return self._told(trial.number, "infeasible")
        last, done, whole = trial.reports[-1], len(trial.reports), len(trial.costs)
        if last.end in ("diverged", "out_of_memory"):
            return self._told(trial.number, last.end)
        if last.end == "finished" or done == whole:
            return self._told(trial.number, "complete", last.value)
        if self._spec.cost is not None and trial.score is not None:
            # With two objectives the value of a smaller budget would be ranked with those of whole ones.
            self._study.constrain(trial.number, {"pruned": shortfall(done, whole, trial.score)})
        return self._told(trial.number, "pruned", last.value)

    def _told(self, number: int, reason: Reason, value: float | None = None, error: str | None = None) -> Told:
        end = ENDS[reason]
        if end.counts_against:
            self._study.constrain(number, {reason: 1.0})
        self._study.tell(number, end.state, value)
        return Told(
            time=self._history.turn_of(number).time,
            trial=number,
            external=end.external,
            state=end.state,
            reason=reason,
            value=value,
            error=error,
            attributes=self._new_attributes(number),
        )

    def _new_attributes(self, number: int) -> dict[str, Any]:
        known, now = self._history.attributes[number], self._study.attributes(number)
        return {key: value for key, value in now.items() if key not in known or known[key] != value}


class Driver:
    """Drives one study to its trial budget."""

    def __init__(
        self,
        *,
        spec: StudySpec,
        history: History,
        append: Callable[[Event], None],
        planner: Planner[Any],
        dispatcher: Dispatcher,
        tables: OptunaTables | None = None,
        observer: Observer | None = None,
        release: Callable[[TrialRecord], None] = lambda trial: None,
        optuna_study: OptunaStudy | None = None,
        typical_costs: Sequence[float] = (),
    ) -> None:
        """Continue after a history.

        `append` writes an event to the log; when it returns, the event has happened. A search in memory has no
        `tables`. `release` keeps or removes the files of a trial that has ended.
        """
        self._history, self._append, self._tables, self._dispatcher = history, append, tables, dispatcher
        self._repeats = repeats(spec.order)
        self._observer, self._release = observer or Observer(), release
        self._decisions = Decisions(spec, history, planner, optuna_study)
        self._meter = Meter(history, dispatcher, expected_survivors(spec, history.budget), typical_costs)
        for trial in history.running():
            if not history.is_decided(trial.number):
                dispatcher.adopt(trial.number)

    def run(self, stopping: Callable[[], bool], rules: StopRules = NO_RULES) -> bool:
        """Drive until the trial budget or a rule ends the search (True), or until `stopping` says so (False)."""
        with storage_errors():
            while (turn := self._history.next_turn()) is not None:
                # Before each event, not after each end: killed between an end and the stop that follows from it, a
                # search stops when it is run again, before it decides anything else.
                if (stopped := rules.stopped(self._history)) is not None:
                    self._record(stopped)
                    self._dispatcher.drain()
                    return True
                stop = stopping()  # asked once a turn: between two answers it could be a different one
                if not stop:
                    # Before each event, not only while one is waited for: a proposal of tpe takes 0.4 s after ten
                    # thousand trials, and a worker that came back meanwhile would idle for as long.
                    self._dispatcher.keep_busy()
                # Ending a trial whose end is decided needs no worker, so a search that stops still does it.
                if (stop and not turn.decided) or not self._step(turn):
                    self._dispatcher.drain()
                    return False
                self._observer.on_progress(self._meter.read())
        self._decisions.check_feasible()
        return True

    def raise_budget(self, budget: int) -> None:
        """Write how many trained trials the study shall have."""
        self._record(self._decisions.budget(budget))

    def go_on(self) -> None:
        """Write that the search continues after it had ended early."""
        self._record(self._decisions.resumed())

    def _step(self, turn: Turn) -> bool:
        """Handle the next event; False if the search stops before it is known."""
        result = None
        if turn.trains:
            # In logical order the period of the logically first trial, by arrival the first one to arrive.
            result = self._dispatcher.obtain(turn.trial if self._repeats else None)
            if result is None:
                return False
        self._record(self._decisions.event(turn, result))
        return True

    def _record(self, event: Event) -> None:
        # The order of writes that all else rests on. What is in the log has happened, so it comes first; the history
        # may not know what the log has lost. Optuna's tables come last: if they lack an event, the next run adds it.
        self._append(event)
        self._history.apply(event)
        number = trial_of(event)
        if self._tables is not None:
            self._tables.show(number)
        if isinstance(event, Asked) and not self._history.is_decided(event.trial):
            self._dispatcher.adopt(event.trial)
        elif isinstance(event, Reported):
            self._meter.count(self._history.trials[event.trial].costs[event.period - 1], event.report)
            self._dispatcher.advance_to(event.trial, event.period)
        elif isinstance(event, Told):
            # After the event, never before: files that are removed of a trial whose end is not in the log would have to
            # be trained again. A driver that dies in between does this when it is started again (`clean_up`).
            self._release(self._history.trials[event.trial])
            self._dispatcher.forget(event.trial)
        if number is not None:
            tell(self._observer, event, self._history)
        if isinstance(event, Told):
            self._decisions.check_crashes()


def restored(spec: StudySpec, history: History, planner: Planner[Any] | None) -> OptunaStudy:
    """Return the in-memory study with all trials of a history; the planner tells samplers what is feasible."""
    study = OptunaStudy(
        name=str(spec.seed),  # by which Optuna's hyperband assigns brackets, in every version alike
        space=spec.space,
        sampler=spec.sampler,
        pruner=spec.pruner,
        seed=spec.seed,
        periods=spec.periods,
        lasting=not repeats(spec.order),
        prospects=None
        if planner is None
        else partial(Prospects, spec.space, constrained(planner, spec.space), spec.seed),
    )
    for trial in history.trials:
        study.restore(trial, history.attributes[trial.number])
    return study


def _first_in_a_row(
    trials: list[TrialRecord], reason: Reason, most: int, skipping: tuple[Reason, ...] = ()
) -> TrialRecord | None:
    """Return the first of so many newest trials, some kinds aside, if all ended for one reason."""
    newest = (trial for trial in reversed(trials) if trial.reason not in skipping)
    row = [*islice(takewhile(lambda trial: trial.reason == reason, newest), most)]
    return row[-1] if len(row) == most else None


def _check_periods(plan: Plan[Any], most: int, number: int) -> None:
    """UsageError if a plan has more periods than the search was made for, by which pruners set their rungs."""
    if len(plan.costs) > most:
        raise UsageError(
            f"Trial {number}'s plan has {len(plan.costs)} costs, one for each period, and the search was made for "
            f"{number_of(most, 'period')}; make it with periods={len(plan.costs)}, or plan no more than {most}."
        )


def _check_cost(plan: Plan[Any], cost: str, number: int) -> None:
    """UsageError if a plan does not say what it costs, unless it is infeasible: then nothing is compared with it."""
    found = plan.facts.get(cost)
    if not isinstance(found, Real) and (found is not None or plan.feasible):
        held = "nothing" if found is None else show(found)
        raise UsageError(
            f"The facts of trial {number}'s plan have to hold its {cost}, which the search minimizes, as a number; "
            f"they hold {held}."
        )
