"""Why a trial was proposed as it was, and why it was stopped or continued: decided again from the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from search import canonical_json
from search.driver.driver import restored
from search.event_log.events import Asked, Event, Reported, Told
from search.event_log.history import History
from search.event_log.records import TrialRecord
from search.proposals.choice import Why
from search.space.objective import score
from search.strategies.pruners import ForeignPruner, NoPruner, Pruner
from search.strategies.samplers import Origin
from search.study.spec import StudySpec
from search.trainer_api import Planner

PlannerFor = Callable[[StudySpec], Planner[Any] | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A trial after one of its periods, among all trials that had reported after the same period by then; with two
    objectives among those of them that cost no more."""

    period: int  # from 1
    value: float | None  # the figure that the search maximises or minimizes; None if the trial could not continue
    place: int  # 1 is the best; of equal values all have the best place
    arrived: int  # trials that had reported, this one among them
    asked: bool  # whether the pruner may stop a trial after this period
    rule: str
    """Which trials the pruner lets continue, in a few words; or why it lets this one continue (its start condition);
    empty if it stops none."""
    stopped: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """Where a trial came from and how it ranked."""

    origin: Origin
    why: Why | None  # the model's reasons for the proposal
    trained: int  # trials that were trained or were being trained when it was proposed
    ended: int  # those of them that had ended
    standings: tuple[Standing, ...]


def explain(events: Sequence[Event], number: int, planner_for: PlannerFor) -> Explanation:
    """Explain trial `number` of a study; its sampler proposes again from the events before the trial.

    Raises:
        UsageError: a package that the sampler needs is not installed.
        TooManyFailuresError: hardly any configuration is feasible.
    """
    before = _before(events, number)
    history = History.of(before)
    spec = StudySpec.from_json(history.spec)
    origin, why = _origin(spec, history, number, planner_for)
    trained, ended = history.trained, history.finished
    for event in events[len(before) :]:
        history.apply(event)
    ranks = tuple(_standings(events, history.trials[number], spec.pruner, spec.cost))
    return Explanation(origin=origin, why=why, trained=trained, ended=ended, standings=ranks)


def proposes_again(events: Sequence[Event], number: int, planner_for: PlannerFor) -> bool:
    """Return whether the sampler of a study proposes trial `number` again as the log has it; true if it was given.

    A planner that does not know what the study's own planner ruled out leads to other proposals. Errors as `explain`.
    """
    before = _before(events, number)
    history, asked = History.of(before), events[len(before)]
    spec = StudySpec.from_json(history.spec)
    if spec.given(number) is not None or not isinstance(asked, Asked):
        return True
    proposed = restored(spec, history, planner_for(spec)).ask(number)
    return canonical_json.dumps(proposed) == canonical_json.dumps(dict(asked.params))


def _before(events: Sequence[Event], number: int) -> list[Event]:
    """Return the events before a trial."""
    return [*takewhile(lambda event: not (isinstance(event, Asked) and event.trial == number), events)]


def _origin(spec: StudySpec, history: History, number: int, planner_for: PlannerFor) -> tuple[Origin, Why | None]:
    if spec.given(number) is not None:
        return "enqueued" if number < len(spec.enqueued) else "start list", None
    if isinstance(spec.pruner, ForeignPruner):  # which is not asked here, and whose code need not be at hand
        spec = replace(spec, pruner=NoPruner())
    return restored(spec, history, planner_for(spec)).origin(number)


def _standings(events: Sequence[Event], trial: TrialRecord, pruner: Pruner, cost: str | None) -> Iterator[Standing]:
    """Yield the rank of a trial after each of its periods, as the pruner knew it.

    `cost` is the fact that a search with two objectives minimises.
    """
    values: dict[int, dict[int, float]] = {}
    rivals: set[int] = set()
    complete: set[int] = set()
    for event in events:
        if isinstance(event, Asked) and (cost is None or _costs_no_more(event, trial, cost)):
            rivals.add(event.trial)
        if isinstance(event, Told) and event.state == "COMPLETE":
            complete.add(event.trial)
        if not isinstance(event, Reported) or event.trial not in rivals:
            continue
        value, arrived = event.report.value, values.setdefault(event.period, {})
        reached = None if value is None else score(value, trial.direction)
        if reached is not None:
            arrived[event.trial] = reached
        if event.trial == trial.number:
            is_judged = value is not None and event.period < len(trial.costs) and pruner.may_stop_at(event.period)
            awaited = pruner.awaits(len(complete & arrived.keys())) if is_judged else ""
            asked = is_judged and not awaited
            yield Standing(
                period=event.period,
                value=value,
                place=1 + sum(reached is None or other > reached for other in arrived.values()),
                arrived=len(arrived) + (value is None),
                asked=asked,
                rule=pruner.rule(len(arrived), "" if cost is None else " that cost no more") if asked else awaited,
                stopped=event.prune,
            )


def _costs_no_more(proposed: Asked, trial: TrialRecord, cost: str) -> bool:
    """Return whether a proposed trial costs at most as much as the trial in question."""
    return cost in proposed.facts and cost in trial.facts and proposed.facts[cost] <= trial.facts[cost]
