"""A search in memory, and what its strategies decide when they are asked once more at every turn of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from search.driver import Driver, Observer, WithoutWorkers, restored
from search.errors import TooManyFailuresError
from search.event_log import Active, Asked, Created, Event, GoalSet, History, Reported, codec, linked, readable
from search.repeatability.made_up import MadeUpTrainer
from search.stored_fields import FORMAT
from search.strategies import ForeignPruner, ForeignSampler
from search.study import StudySpec
from search.trainer_api import Planner, Report

Decision = Mapping[str, Any]
"""Plain values by what was decided: of a proposal the parameters, of a verdict whether the trial stops."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Length:
    """How long a rehearsal goes on: to whichever comes first."""

    proposals: int
    trials: int
    """Trained ones."""


def rehearse(spec: StudySpec, planner: Planner[Mapping[str, Any]], length: Length) -> list[Event]:
    """Return the events of a search of some length.

    Raises:
        UsageError: the sampler or the pruner sets a system attribute that is no plain JSON value.
        PluginError: it raises, or proposes what its range does not hold.
    """
    history = History()
    stage = _Stage()
    for event in (Created(name="rehearsal", spec=spec.to_json(), format=FORMAT), GoalSet(goal=length.trials)):
        stage.append(linked(event, history))
        history.apply(stage.events[-1])
    driver = Driver(
        spec=spec, history=history, recorder=stage, planner=planner, dispatcher=stage, observer=Observer(),
        on_trial_end=lambda trial: None, optuna_study=restored(spec, history, planner),
    )  # fmt: skip
    with suppress(TooManyFailuresError):
        driver.run(lambda: len(history.trials) >= length.proposals)
    return stage.events


def to_rows(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Return events as a database has them, as plain values."""
    return [asdict(codec.to_row(event)) for event in events]


def from_rows(rows: Sequence[Mapping[str, Any]]) -> list[Event]:
    """Return the events that such rows hold."""
    return [codec.from_row(**{**row, "payload": json.dumps(row["payload"])}) for row in rows]


def recorded(spec: StudySpec, events: Sequence[Event]) -> dict[str, Decision]:
    """Return what a user's own strategies decided, by turn: "#3", or "#3 after period 2"."""
    return {turn: _as_logged(event) for turn, event in _turns(spec, events)}


def decided_anew(spec: StudySpec, events: Sequence[Event]) -> dict[str, Decision]:
    """Return what they decide at each of these turns, when each is asked in a study made anew of the events before."""
    history = History()
    turns = {id(event): turn for turn, event in _turns(spec, events)}
    found: dict[str, Decision] = {}
    for event in events:
        if id(event) in turns:
            found[turns[id(event)]] = _decide(spec, history, event)
        history.apply(event)
    return found


def _turns(spec: StudySpec, events: Sequence[Event]) -> Iterator[tuple[str, Asked | Reported]]:
    """Yield the events that a user's own strategies decided, with words for each."""
    for event in events:
        if isinstance(event, Asked) and isinstance(spec.sampler, ForeignSampler):
            yield f"#{event.trial}", event
        elif isinstance(event, Reported) and isinstance(spec.pruner, ForeignPruner):
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


class _Stage(WithoutWorkers):
    """Stands in for the event log, which it keeps in memory, and for the workers, which train what is made up."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self._trainer = MadeUpTrainer()

    def append(self, event: Event) -> None:
        """Keep an event; errors as in `EventLog.append`, so that what cannot be searched with cannot be rehearsed."""
        readable(codec.to_row(event))
        self.events.append(event)

    def obtain(self, wanted: Active | None, history: History) -> tuple[Active, Report]:
        """Train the next period of the wanted trial, else of the first one."""
        active = wanted or next(active for active in history.timeline.actives() if not active.verdict)
        period = active.periods_done + 1
        _, report = self._trainer.advance(history.trials[active.number].config, active.seed, period, None)
        return active, report
