"""Explain one trial: where its parameters came from, and how it ranked after each period."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from search import canonical_json
from search.driver.driver import restored
from search.event_log.events import Asked, Event
from search.event_log.history import History
from search.explanations.standings import Standing, standings
from search.strategies.pruners import NoPruner, OpaquePruner
from search.strategies.samplers import ProposalOrigin
from search.study.spec import StudySpec
from search.trainer_api import Planner


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """Where a trial came from and how it ranked."""

    origin: ProposalOrigin
    trained: int
    """Trials that were trained or were being trained when it was proposed."""
    ended: int
    """Those of them that had ended."""
    standings: tuple[Standing, ...]


def explain(
    events: Sequence[Event], number: int, planner_for: Callable[[StudySpec], Planner[Any] | None]
) -> Explanation:
    """Explain trial `number` of a study; its sampler proposes again from the events before the trial.

    Raises:
        UsageError: a package that the sampler needs is not installed.
        TooManyFailuresError: hardly any configuration is feasible.
    """
    before = _before(events, number)
    history = History.of(before)
    spec = StudySpec.from_json(history.spec)
    origin, trained, ended = _origin(spec, history, number, planner_for), history.trained, history.finished
    for event in events[len(before) :]:
        history.apply(event)
    return Explanation(
        origin=origin,
        trained=trained,
        ended=ended,
        standings=tuple(standings(events, history.trials[number], spec.pruner, spec.cost)),
    )


def proposes_again(
    events: Sequence[Event], number: int, planner_for: Callable[[StudySpec], Planner[Any] | None]
) -> bool:
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


def _origin(
    spec: StudySpec, history: History, number: int, planner_for: Callable[[StudySpec], Planner[Any] | None]
) -> ProposalOrigin:
    if number < len(spec.enqueued):
        return ProposalOrigin(kind="enqueued")
    if spec.given(number) is not None:
        return ProposalOrigin(kind="start list")
    if isinstance(spec.pruner, OpaquePruner):  # which is not asked here, and whose code need not be at hand
        spec = replace(spec, pruner=NoPruner())
    return restored(spec, history, planner_for(spec)).origin(number)
