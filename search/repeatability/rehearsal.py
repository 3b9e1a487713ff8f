"""A search in memory, and the decisions of its strategies when they decide each of its turns again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from search.driver.driver import restored
from search.errors import TooManyFailuresError
from search.event_log.events import Asked, Created, Event, GoalSet, Reported
from search.event_log.history import History
from search.event_log.log import readable
from search.repeatability.made_up import MadeUpTrainer
from search.simulation import VirtualExecutor, search_in_memory
from search.strategies.strategy import is_own
from search.study.spec import StudySpec
from search.trainer_api import Planner

Decision = Mapping[str, Any]
"""Plain values by decision: of a proposal the parameters, of a verdict whether the trial stops."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Length:
    """Where a rehearsal ends: at whichever limit is reached first."""

    proposals: int
    trials: int
    """Trained ones."""


def rehearse(spec: StudySpec, planner: Planner[Mapping[str, Any]], length: Length) -> list[Event]:
    """Return the events of a search of some length, in logical order, that trains nothing.

    Raises:
        UsageError: the sampler or the pruner sets a system attribute that is not a plain JSON value.
        PluginError: it raises, or proposes a value outside its range.
    """
    events: list[Event] = []

    def keep(event: Event) -> None:
        readable(event)  # values that cannot be written to a log cannot be rehearsed
        events.append(event)

    for event in (Created(name="rehearsal", spec=spec.to_json()), GoalSet(goal=length.trials)):
        keep(event)
    history = History.of(events)
    executor = VirtualExecutor(MadeUpTrainer(), workers=1, seconds=lambda job: 1.0)
    with suppress(TooManyFailuresError):
        search_in_memory(
            spec, planner, executor, history, on_event=keep, stopping=lambda: len(history.trials) >= length.proposals
        )
    return events


def recorded(spec: StudySpec, events: Sequence[Event]) -> dict[str, Decision]:
    """Return the decisions of your own strategies, by turn: "#3", or "#3 after period 2"."""
    return {turn: _as_logged(event) for turn, event in _turns(spec, events)}


def decided_anew(spec: StudySpec, events: Sequence[Event]) -> dict[str, Decision]:
    """Return their decisions at each of these turns, each asked in a study made anew of the events before."""
    history = History()
    turns = {id(event): turn for turn, event in _turns(spec, events)}
    found: dict[str, Decision] = {}
    for event in events:
        if id(event) in turns:
            found[turns[id(event)]] = _decide(spec, history, event)
        history.apply(event)
    return found


def _turns(spec: StudySpec, events: Sequence[Event]) -> Iterator[tuple[str, Asked | Reported]]:
    """Yield the events that your own strategies decided, with words for each."""
    for event in events:
        if isinstance(event, Asked) and is_own(spec.sampler):
            yield f"#{event.trial}", event
        elif isinstance(event, Reported) and is_own(spec.pruner):
            yield f"#{event.trial} after period {event.period}", event


def _as_logged(event: Asked | Reported) -> Decision:
    return dict(event.params) if isinstance(event, Asked) else {"stops": event.prune}


def _decide(spec: StudySpec, history: History, event: Event) -> Decision:
    optuna_study = restored(spec, history, None)
    if isinstance(event, Asked):
        return optuna_study.ask(event.trial)
    if isinstance(event, Reported) and event.report.value is not None:
        is_last = event.period == len(history.trials[event.trial].costs)
        return {"stops": optuna_study.report(event.trial, event.period, event.report.value) and not is_last}
    return {}
