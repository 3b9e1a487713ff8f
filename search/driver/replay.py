"""Decide everything in an event log again, and compare: the same driver, given the recorded reports.

Proposals come from the same visible trials, verdicts from the same curves, and in a search by logical order the order
of events is decided again, too. The first event that differs is named; the events after it mean nothing.

Reading a study never runs custom code. The proposals and verdicts of custom samplers and pruners are taken from the
log; everything that follows from them is decided again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, assert_never

from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from search import canonical_json
from search.differences import differences
from search.driver.dispatcher import WorkerTime
from search.driver.driver import Driver
from search.driver.period_results import GivenUp, Result
from search.errors import TooManyFailuresError
from search.event_log import (
    REPEATED,
    Asked,
    Created,
    Declined,
    Event,
    GoalSet,
    History,
    Reported,
    Resumed,
    Stopped,
    StopRules,
    Told,
    codec,
    trial_of,
)
from search.plugins import Code, Loaded
from search.space import Space
from search.strategies import OF_CONSTRAINTS, ForeignPruner, ForeignSampler, encode
from search.study import StudySpec
from search.trainer_api import PLAIN, Plan, Planner


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """The result of deciding a study's events again."""

    events: int
    """Number of events, from the first one, that were decided as in the log."""
    difference: str | None
    """How the next event differs from the log; None if none differs."""
    believed: tuple[str, ...] = ()
    """Names of the samplers and pruners whose decisions were taken from the log."""


class _Otherwise(Exception):
    """An event was decided otherwise."""


class RecordedPlanner:
    """Plans as a log has it: for a study whose own planner is not at hand."""

    codec = PLAIN

    def __init__(self, events: Sequence[Event]) -> None:
        self._plans = {canonical_json.dumps(event.params): _plan(event) for event in events if isinstance(event, Asked)}

    def __call__(self, params: Mapping[str, Any]) -> Plan[Mapping[str, Any]]:
        """Return the plan of a trial; of parameters that the log does not have, that of another trial.

        Such a proposal differs from the log, whatever its plan.
        """
        return self._plans.get(canonical_json.dumps(params), next(iter(self._plans.values())))


def _plan(event: Asked) -> Plan[Mapping[str, Any]]:
    constraints = {name: excess for name, excess in event.constraints.items() if name != REPEATED}
    return Plan(config=event.config, costs=event.costs, facts=event.facts, constraints=constraints)


def replay(
    events: Sequence[Event], planner_for: Callable[[StudySpec], Planner[Any]], *, proposes: bool = True
) -> Replay:
    """Decide a study's events, from its creation on, again.

    Unless it `proposes`, the proposals of a built-in sampler are taken from the log, too: a sampler that asks which
    configurations are feasible needs the study's own planner.

    Raises:
        UsageError: a package that the study's sampler needs is not installed.
    """
    history = History.of(events[:1])
    stored = StudySpec.from_json(history.spec)
    recorded = _Recorded(events, history)
    spec = _as_recorded(stored if proposes else _without_proposals(stored), recorded)
    own = (way for way in (spec.sampler, spec.pruner) if isinstance(way, ForeignSampler | ForeignPruner))
    believed = tuple(way.name for way in own)
    driver = Driver(spec=spec, history=history, recorder=recorded, planner=planner_for(spec), dispatcher=recorded)
    try:
        while (event := recorded.next) is not None:
            _decide(driver, event, history)
    except _Otherwise as difference:
        return Replay(events=history.seq, difference=f"event {history.seq}: {difference}", believed=believed)
    return Replay(events=history.seq, difference=None, believed=believed)


def _without_proposals(spec: StudySpec) -> StudySpec:
    """Return a specification whose sampler counts as custom code, so that the log replaces it."""
    code = Code(module="", sha256="")
    return replace(spec, sampler=ForeignSampler(name=spec.sampler.name, code=code, portable=spec.sampler.portable))


def _as_recorded(spec: StudySpec, recorded: _Recorded) -> StudySpec:
    """Return a stored specification in which the log replaces custom samplers and pruners."""
    sampler, pruner = spec.sampler, spec.pruner
    if isinstance(sampler, ForeignSampler):
        sampler = replace(sampler, loaded=_stand_in(sampler, "sampler", _RecordedProposals(recorded, spec.space)))
    if isinstance(pruner, ForeignPruner):
        pruner = replace(pruner, loaded=_stand_in(pruner, "pruner", _RecordedVerdicts(recorded)))
    return replace(spec, sampler=sampler, pruner=pruner)


def _stand_in(way: ForeignSampler | ForeignPruner, kind: str, made: object) -> Loaded:
    return Loaded(kind=kind, name=way.name, whole_name=way.name, call=lambda **options: made, source="", code=way.code)


def _decide(driver: Driver, event: Event, history: History) -> None:
    """Let the driver make the event that is recorded next."""
    match event:
        case GoalSet() if history.stop is None:
            driver.set_goal(event.goal)
        case Stopped() if history.stop is None:
            # Which rules were given, the log alone knows; whether one held, is decided again.
            if not driver.stop_early(StopRules.of(event)):
                raise _Otherwise(
                    f"{_named(event)} comes when its {event.rule} of {event.limit:g} did not end the search"
                )
        case Resumed() if history.stop is not None:
            driver.go_on()
        case Created() | GoalSet() | Asked() | Reported() | Told() | Declined() | Stopped() | Resumed():
            if history.next_slot() is None:
                raise _Otherwise(f"{_named(event)} comes when nothing was left to do")
            before = history.seq
            with suppress(TooManyFailuresError):  # the search ended here, and was run again
                driver.step()
            if history.seq == before:
                raise _Otherwise(f"{_named(event)} comes when nothing feasible was found any more")
        case _:
            assert_never(event)


class _Recorded:
    """Replaces a search's log, comparing events instead of writing them, and its dispatcher, repeating results."""

    def __init__(self, events: Sequence[Event], history: History) -> None:
        self.time = WorkerTime()
        self._events = events
        self._history = history

    @property
    def next(self) -> Event | None:
        """The event that is to be decided next."""
        return self._events[self._history.seq] if self._history.seq < len(self._events) else None

    def append(self, event: Event) -> None:
        """Compare an event with the recorded one."""
        recorded = self._expected()
        if event.saw != recorded.saw:
            raise _Otherwise(f"when {_named(recorded)} was decided, the event before it was another one")
        differing = differences(_plain(recorded), _plain(event))
        if differing:
            listed = "; ".join(f"{path} {old} in the log, {new} when decided again" for path, old, new in differing[:3])
            raise _Otherwise(f"{_named(recorded)}: {listed}")

    def obtain(self, wanted: int | None) -> tuple[int, Result]:
        """Return the trial of the recorded event, and the result of its period from which that event followed."""
        event = self._expected()
        trains = {trial.number for trial in self._history.running() if not self._history.is_decided(trial.number)}
        if not isinstance(event, Reported | Told) or event.trial not in (trains if wanted is None else {wanted}):
            turn = "a period's" if wanted is None else f"#{wanted}'s"
            raise _Otherwise(f"{_named(event)} comes when it was {turn} turn")
        return event.trial, _result(event)

    def at_work(self) -> frozenset[int]:
        """Return that nothing trains."""
        return frozenset()

    def ahead(self) -> dict[int, int]:
        """Return that nothing waits."""
        return {}

    def nothing(self, *_: object) -> None:
        """Do nothing: there are no workers, no states and no tables."""

    show = adopt = keep_busy = drain = advance_to = forget = nothing

    def _expected(self) -> Event:
        if self.next is None:
            raise RuntimeError("the replay continued past the log's end")
        return self.next


class _RecordedProposals(BaseSampler):
    """Proposes the parameters in the log, and sets the attributes in it."""

    def __init__(self, recorded: _Recorded, space: Space) -> None:
        self._recorded = recorded
        self._ranges = space.distributions

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        event = self._recorded.next
        if isinstance(event, Asked) and param_name in event.params:
            return encode(self._ranges[param_name], event.params[param_name])
        # The log has no such value: any of the range will do for the difference to be found.
        is_choice = isinstance(param_distribution, CategoricalDistribution)
        return param_distribution.choices[0] if is_choice else param_distribution.low  # type: ignore[attr-defined]

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        _note(self._recorded, study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        _note(self._recorded, study, trial)


class _RecordedVerdicts(BasePruner):
    """Stops the trials that were stopped according to the log."""

    def __init__(self, recorded: _Recorded) -> None:
        self._recorded = recorded

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        _note(self._recorded, study, trial)
        event = self._recorded.next
        return isinstance(event, Reported) and event.prune


def _note(recorded: _Recorded, study: Study, trial: FrozenTrial) -> None:
    """Set the attributes of a trial that the code set according to the log; the driver sets the constraints."""
    event = recorded.next
    if isinstance(event, Asked | Reported | Told):
        for key, value in event.attributes.items():
            if not key.startswith(OF_CONSTRAINTS):
                study._storage.set_trial_system_attr(trial._trial_id, key, value)


def _result(event: Reported | Told) -> Result:
    """Return the result of a period from which a recorded event followed."""
    match event:
        case Reported(report=report):
            return report
        case Told(external=True, reason="out_of_memory" | "timed_out" as reason, error=error):
            return GivenUp(reason, str(error))
        case Told(error=error):
            return GivenUp("crashed", str(error))
        case _:
            assert_never(event)


def _named(event: Event) -> str:
    number = trial_of(event)
    return event.kind if number is None else f"{event.kind} of #{number}"


def _plain(event: Event) -> dict[str, object]:
    if isinstance(event, Reported):  # a log without times is completed with those of the replay
        event = replace(event, report=replace(event.report, handled=None))
    row = codec.to_row(event)
    payload = {key: value for key, value in row.payload.items() if key != "saw"}
    return {"kind": row.kind, "time": row.time, "trial": row.trial, "external": row.external, **payload}
