"""What is decided again from an event log: all of it, to be compared (`replay`), or one trial's part (`explain`).

Proposals come from the same visible trials, verdicts from the same curves, and in a search by logical order the order
of events is decided again, too. The first event that differs is named; the events after it mean nothing.

Reading a study never runs custom code. The proposals and verdicts of custom samplers and pruners are taken from the
log; everything that follows from them is decided again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from search import canonical_json
from search.differences import differences
from search.driver.dispatcher import GivenUp, Result
from search.driver.driver import Decisions, restored
from search.errors import TooManyFailuresError
from search.event_log.events import (
    Asked,
    Event,
    GoalSet,
    Reported,
    Resumed,
    Stopped,
    Told,
    payload_of,
    to_row,
    trial_of,
)
from search.event_log.history import History, StopRules, Turn
from search.event_log.records import TrialRecord
from search.hashed import repeats
from search.loading import Code, Loaded
from search.proposals.choice import Why
from search.space.space import Space, score
from search.strategies.optuna_study import OF_CONSTRAINTS
from search.strategies.pruners import ForeignPruner, NoPruner
from search.strategies.samplers import ForeignSampler, Origin
from search.strategies.strategy import Foreign
from search.study.spec import StudySpec
from search.trainer_api import PLAIN, Plan, Planner


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """The result of deciding a study's events again."""

    events: int  # number of events, from the first one, that were decided as in the log
    difference: str | None  # how the next event differs from the log; None if none differs
    believed: tuple[str, ...] = ()  # names of the samplers and pruners whose decisions were taken from the log


class _Otherwise(Exception):
    """An event was decided otherwise."""


class RecordedPlanner:
    """Plans as a log has it: for a study whose own planner is not at hand."""

    codec = PLAIN

    def __init__(self, events: Sequence[Event]) -> None:
        self._plans = {canonical_json.dumps(event.params): _plan(event) for event in events if isinstance(event, Asked)}

    def __call__(self, params: Mapping[str, Any]) -> Plan[Mapping[str, Any]]:
        """Return a trial's plan; of parameters that the log does not have, which differ anyway, that of another."""
        return self._plans.get(canonical_json.dumps(params), next(iter(self._plans.values())))


def _plan(event: Asked) -> Plan[Mapping[str, Any]]:
    return Plan(config=event.config, costs=event.costs, facts=event.facts, constraints=event.constraints)


def replay(
    events: Sequence[Event], planner_for: Callable[[StudySpec], Planner[Any]], *, proposes: bool = True
) -> Replay:
    """Decide a study's events, from its creation on, again.

    Unless it `proposes`, the proposals of a built-in sampler are taken from the log, too: a sampler that asks which
    configurations are feasible needs the study's own planner.
    """
    history = History.of(events[:1])
    spec = StudySpec.from_json(history.spec)
    if not proposes:  # its sampler counts as custom code
        code = Code(module="", sha256="")
        own = ForeignSampler(name=spec.sampler.name, code=code, portable=spec.sampler.portable)
        spec = replace(spec, sampler=own)
    recorded, believed = _Recorded(events, history, spec.space), []
    for kind in ("sampler", "pruner"):
        strategy = getattr(spec, kind)
        if isinstance(strategy, Foreign) and strategy.code is not None:
            believed.append(strategy.name)
            loaded = Loaded(
                kind=kind,
                name=strategy.name,
                whole_name=strategy.name,
                call=lambda **_: recorded,
                source="",
                code=strategy.code,
            )
            changed: dict[str, Any] = {kind: replace(strategy, loaded=loaded)}
            spec = replace(spec, **changed)
    decisions, difference = Decisions(spec, history, planner_for(spec)), None
    try:
        while (event := recorded.next) is not None:
            made = _decided(decisions, event, history)
            if differing := differences(_plain(event), _plain(made)):
                listed = "; ".join(
                    f"{path} {old} in the log, {new} when decided again" for path, old, new in differing[:3]
                )
                raise _Otherwise(f"{_named(event)}: {listed}")
            history.apply(made)
    except _Otherwise as otherwise:
        difference = f"event {history.seq}: {otherwise}"
    return Replay(events=history.seq, difference=difference, believed=tuple(believed))


def _decided(decisions: Decisions, event: Event, history: History) -> Event:
    """Return what is decided where an event is recorded."""
    match event:
        case GoalSet() if history.stop is None:
            return decisions.budget(event.goal)
        case Stopped() if history.stop is None:
            # Which rules were given, the log alone knows; whether one held, is decided again.
            if (stopped := StopRules.of(event).stopped(history)) is None:
                raise _Otherwise(
                    f"{_named(event)} comes when its {event.rule} of {event.limit:g} did not end the search"
                )
            return stopped
        case Resumed() if history.stop is not None:
            return decisions.resumed()
    if (turn := history.next_turn()) is None:
        raise _Otherwise(f"{_named(event)} comes when nothing was left to do")
    try:
        return decisions.event(turn, _result(event, turn, history) if turn.trains else None)
    except TooManyFailuresError:
        raise _Otherwise(f"{_named(event)} comes when nothing feasible was found any more") from None


def _result(event: Event, turn: Turn, history: History) -> tuple[int, Result]:
    """Return the trial of a recorded event, and the result of its period from which that event followed."""
    wanted = turn.trial if repeats(history.order) else None
    trains = {trial.number for trial in history.running() if not history.is_decided(trial.number)}
    if not isinstance(event, Reported | Told) or event.trial not in (trains if wanted is None else {wanted}):
        whose = "a period's" if wanted is None else f"#{wanted}'s"
        raise _Otherwise(f"{_named(event)} comes when it was {whose} turn")
    match event:
        case Reported(report=report):
            return event.trial, report
        case Told(external=True, reason="out_of_memory" | "timed_out" as reason, error=error):
            return event.trial, GivenUp(reason, str(error))
    return event.trial, GivenUp("crashed", str(event.error))


def _plain(event: Event) -> dict[str, object]:
    kind, time, trial, external, _ = to_row(event)
    return {"kind": kind, "time": time, "trial": trial, "external": external, **payload_of(event)}


def _named(event: Event) -> str:
    number = trial_of(event)
    return event.kind if number is None else f"{event.kind} of #{number}"


class _Recorded(BaseSampler, BasePruner):
    """Proposes the parameters in the log, stops the trials that were stopped there, and sets the attributes there."""

    def __init__(self, events: Sequence[Event], history: History, space: Space) -> None:
        self._events, self._history, self._ranges = events, history, space.distributions

    @property
    def next(self) -> Event | None:
        """The event that is to be decided next."""
        return self._events[self._history.seq] if self._history.seq < len(self._events) else None

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        event = self.next
        if isinstance(event, Asked) and param_name in event.params:
            return self._ranges[param_name].encode(event.params[param_name])
        # The log has no such value: any of the range will do for the difference to be found.
        is_choice = isinstance(param_distribution, CategoricalDistribution)
        return param_distribution.choices[0] if is_choice else param_distribution.low  # type: ignore[attr-defined]

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._set_attributes(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._set_attributes(study, trial)

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        self._set_attributes(study, trial)
        return isinstance(self.next, Reported) and self.next.prune

    def _set_attributes(self, study: Study, trial: FrozenTrial) -> None:
        """Set the attributes of a trial that the code set according to the log; the driver sets the constraints."""
        if isinstance(event := self.next, Asked | Reported | Told):
            for key, value in event.attributes.items():
                if not key.startswith(OF_CONSTRAINTS):
                    study._storage.set_trial_system_attr(trial._trial_id, key, value)


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
    """Explain trial `number` of a study; its sampler proposes again from the events before the trial; UsageError if a
    package that the sampler needs is not installed; TooManyFailuresError if hardly any configuration is feasible."""
    before = _before(events, number)
    history = History.of(before)
    spec = StudySpec.from_json(history.spec)
    origin, why = _origin(spec, history, number, planner_for)
    trained, ended = history.trained, history.finished
    for event in events[len(before) :]:
        history.apply(event)
    ranks = tuple(_standings(events, history.trials[number], spec))
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
        return "enqueued", None
    if isinstance(spec.pruner, ForeignPruner):  # which is not asked here, and whose code need not be at hand
        spec = replace(spec, pruner=NoPruner())
    return restored(spec, history, planner_for(spec)).origin(number)


def _standings(events: Sequence[Event], trial: TrialRecord, spec: StudySpec) -> Iterator[Standing]:
    """Yield the rank of a trial after each of its periods, as the pruner knew it."""
    pruner, cost = spec.pruner, spec.cost
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
            is_judged = value is not None and event.period < len(trial.costs) and spec.may_stop_at(event.period)
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
