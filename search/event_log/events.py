"""The driver's decisions, one class per kind of event.

An event is complete in itself: the whole study is rebuilt from its events alone. The fields of a class are those of the
event's payload in the database (`search.event_log.codec`), but for the ones that `Event` classes share: they say when
the event happened and to which trial, and have columns of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le, Len
from pydantic import GetPydanticSchema
from pydantic_core import core_schema

from search.event_log.records import StopRule
from search.event_log.timeline import Order
from search.hashed import Reason, State
from search.stored_fields import FORMAT
from search.trainer_api import MAX_COST, MAX_PERIODS, Report

Kind = Literal["create", "goal", "ask", "report", "tell", "decline", "stop", "resume"]
Values = Mapping[str, Any]
"""Plain JSON values."""
MAX_COUNT, MAX_GOAL = MAX_PERIODS, 10**9
Count = Annotated[int, Ge(1), Le(MAX_COUNT)]
_Number = Annotated[int, Ge(0)]


@dataclass(frozen=True, kw_only=True, slots=True)
class _SettingsForm:
    objective: str | Annotated[list[str], Len(2, 2)] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _SpaceForm:
    name: str
    settings: _SettingsForm
    fields: list[tuple[str, Values]]


@dataclass(frozen=True, kw_only=True, slots=True)
class _SpecForm:
    space: _SpaceForm
    seed: int
    concurrent_trials: Count
    sampler: Values
    pruner: Values
    periods: Count
    versions: Mapping[str, str]
    numerics: Values
    order: Order
    context: Values
    enqueued: list[Values] = field(default_factory=list)
    enqueued_from: list[str | None] = field(default_factory=list)


# The one payload field that stays JSON here: what a specification means is known above (`search.study.spec`), and its
# fingerprint is taken of the very values that were written. Of its form this much is checked wherever a log is read.
_Spec = Annotated[Values, GetPydanticSchema(lambda source, handler: handler(_SpecForm))]

# Not part of the payload: validation neither requires it nor checks a field of that name which a later version may add.
_NOT_IN_PAYLOAD = GetPydanticSchema(
    lambda source, handler: core_schema.with_default_schema(core_schema.any_schema(), default=None)
)
_Trial = Annotated[int, _NOT_IN_PAYLOAD]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Happened:
    """The fields of every event."""

    time: Annotated[int, _NOT_IN_PAYLOAD] = 0
    """Logical time, in the costs' unit."""
    later: Annotated[Values, _NOT_IN_PAYLOAD] = field(default_factory=dict)
    """Fields of the payload that this version does not know."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Created(_Happened):
    """The study begins."""

    kind: ClassVar[Kind] = "create"
    name: str
    spec: _Spec
    """The result of `StudySpec.to_json`."""
    format: Annotated[int, Ge(1)] = FORMAT
    """See `search.stored_fields.FORMAT`. No part of the fingerprint."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GoalSet(_Happened):
    """The total number of trained trials is set."""

    kind: ClassVar[Kind] = "goal"
    goal: Annotated[int, Ge(0), Le(MAX_GOAL)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked(_Happened):
    """A trial begins."""

    kind: ClassVar[Kind] = "ask"
    trial: _Trial
    params: Values
    config: Values
    """As the planner's codec writes it, so that a log can be read without the trainer's class."""
    costs: Annotated[tuple[Annotated[int, Ge(0), Le(MAX_COST)], ...], Len(1, MAX_PERIODS)]
    facts: Mapping[str, int | float | str]
    constraints: Mapping[str, float]
    slot: Annotated[int, Ge(0)]
    seed: Annotated[int, Ge(0)]
    attributes: Values
    """System attributes of Optuna's samplers and pruners."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reported(_Happened):
    """A period of a trial was trained."""

    kind: ClassVar[Kind] = "report"
    trial: _Trial
    period: Count
    report: Report
    prune: bool
    """Whether the pruner stops the trial here."""
    verdict: bool
    """Whether the trial trains no further, for any reason."""
    attributes: Values
    """System attributes that changed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told(_Happened):
    """A trial ends."""

    kind: ClassVar[Kind] = "tell"
    trial: _Trial
    external: Annotated[bool, _NOT_IN_PAYLOAD] = False
    """Whether the machine, not the search, brought it about (out of memory, a timeout)."""
    state: State
    reason: Reason
    value: float | None
    error: str | None
    attributes: Values
    """System attributes that changed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Declined(_Happened):
    """No more trials are asked for."""

    kind: ClassVar[Kind] = "decline"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stopped(_Happened):
    """The search ends before its goal, by a rule of its user's; trials under way are left as they are."""

    kind: ClassVar[Kind] = "stop"
    rule: StopRule
    limit: float
    """The patience, in trials, or the value that was to be reached."""
    best: _Number
    """Number of the complete trial that reached it, or than which none was better since."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resumed(_Happened):
    """The search continues after it had ended early, with the trials that were running."""

    kind: ClassVar[Kind] = "resume"


Event = Created | GoalSet | Asked | Reported | Told | Declined | Stopped | Resumed
OfTrial = Asked | Reported | Told
"""Events that happen to a trial."""


def trial_of(event: Event) -> int | None:
    """Return the number of the trial that an event happens to, if it happens to one."""
    return event.trial if isinstance(event, OfTrial) else None
