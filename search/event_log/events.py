"""The driver's decisions, one class per kind of event, and as rows of the database.

An event is complete in itself: the whole study is rebuilt from its events alone. The fields of a class are those of the
event's payload in the database, but for the ones that `Event` classes share: they say when
the event happened and to which trial, and have columns of their own.

Rows are validated against the event's class, because SQLite stores whatever anybody writes. Numbers keep their
spelling: a value of 1 must not become 1.0, because digests and hashes are taken of canonical JSON, which distinguishes
the two. So pydantic checks the text, and the event is made of the values that Python's own JSON reader returns.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, get_args

from annotated_types import Ge, Le, Len
from pydantic import GetPydanticSchema, TypeAdapter, ValidationError
from pydantic_core import core_schema

from search import canonical_json
from search.arguments import MAX_BUDGET
from search.canonical_json import parse_finite
from search.errors import UsageError
from search.event_log.records import StopRule
from search.hashed import Order, Reason, State
from search.messages import show
from search.stored_fields import FORMAT
from search.trainer_api import MAX_COST, MAX_PERIODS, Report

Kind = Literal["create", "goal", "ask", "report", "tell", "decline", "stop", "resume"]
Values = Mapping[str, Any]  # plain JSON values
MAX_COUNT = MAX_PERIODS
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

    time: Annotated[int, _NOT_IN_PAYLOAD] = 0  # logical time, in the costs' unit
    later: Annotated[Values, _NOT_IN_PAYLOAD] = field(default_factory=dict)
    """Fields of the payload that this version does not know."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Created(_Happened):
    """The study begins."""

    kind: ClassVar[Kind] = "create"
    name: str
    spec: _Spec  # the result of `StudySpec.to_json`
    format: Annotated[int, Ge(1)] = FORMAT  # see `search.stored_fields.FORMAT`. No part of the fingerprint.


@dataclass(frozen=True, kw_only=True, slots=True)
class GoalSet(_Happened):
    """The total number of trained trials is set."""

    kind: ClassVar[Kind] = "goal"
    goal: Annotated[int, Ge(0), Le(MAX_BUDGET)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked(_Happened):
    """A trial begins."""

    kind: ClassVar[Kind] = "ask"
    trial: _Trial
    params: Values
    config: Values  # as the planner's codec writes it, so that a log can be read without the trainer's class
    costs: Annotated[tuple[Annotated[int, Ge(0), Le(MAX_COST)], ...], Len(1, MAX_PERIODS)]
    facts: Mapping[str, int | float | str]
    constraints: Mapping[str, float]
    slot: Annotated[int, Ge(0)]
    seed: Annotated[int, Ge(0)]
    attributes: Values  # system attributes of Optuna's samplers and pruners


@dataclass(frozen=True, kw_only=True, slots=True)
class Reported(_Happened):
    """A period of a trial was trained."""

    kind: ClassVar[Kind] = "report"
    trial: _Trial
    period: Count
    report: Report
    prune: bool  # whether the pruner stops the trial here
    verdict: bool  # whether the trial trains no further, for any reason
    attributes: Values  # system attributes that changed


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
    attributes: Values  # system attributes that changed


@dataclass(frozen=True, kw_only=True, slots=True)
class Declined(_Happened):
    """No more trials are asked for."""

    kind: ClassVar[Kind] = "decline"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stopped(_Happened):
    """The search ends before its trial budget, by a rule of its user's; trials under way are left as they are."""

    kind: ClassVar[Kind] = "stop"
    rule: StopRule
    limit: float  # the patience, in trials, or the value that was to be reached
    best: _Number  # number of the complete trial that reached it, or than which none was better since


@dataclass(frozen=True, kw_only=True, slots=True)
class Resumed(_Happened):
    """The search continues after it had ended early, with the trials that were running."""

    kind: ClassVar[Kind] = "resume"


Event = Created | GoalSet | Asked | Reported | Told | Declined | Stopped | Resumed
OfTrial = Asked | Reported | Told  # events that happen to a trial


def trial_of(event: Event) -> int | None:
    """Return the number of the trial that an event happens to, if it happens to one."""
    return event.trial if isinstance(event, OfTrial) else None


MAX_NUMBER = 2**64  # no integer in a log is as large: seeds have 32 or 64 bits
_CLASSES: Mapping[str, type[Event]] = {event.kind: event for event in get_args(Event)}


class Columns(NamedTuple):
    """An event's columns in the database, in the order in which they are read and hashed."""

    kind: Kind
    time: int
    trial: int | None
    external: bool
    payload: str  # all else, as canonical JSON


def payload_of(event: Event) -> dict[str, Any]:
    """Return the plain values of an event that have no column of their own."""
    values = {name: getattr(event, name) for name in _payload_fields(event.kind)}
    if isinstance(event, Reported):
        values["report"] = event.report.to_json()
    return {**event.later, **values}


def to_row(event: Event) -> Columns:
    """Return the columns of an event, from which it can be read back; TypeError, ValueError if it cannot; the text says
    in one line why."""
    external = isinstance(event, Told) and event.external
    row = Columns(event.kind, event.time, trial_of(event), external, canonical_json.dumps(payload_of(event)))
    from_row(*row)
    return row


def from_row(kind: object, time: object, trial: object, external: object, payload: object) -> Event:
    """Return the event that a row's columns hold; OtherVersionError if a newer version wrote it; ValueError if they do
    not hold one; the text says in one line which part is wrong."""
    if not (
        isinstance(kind, str)
        and isinstance(time, int)
        and isinstance(trial, int | None)
        and isinstance(external, bool)
        and isinstance(payload, str)
    ):
        raise ValueError("a column holds a value of another type")
    if kind not in _CLASSES:
        raise ValueError(f"there are no events of the kind {kind!r}")
    made = _CLASSES[kind]
    if (trial is None) == (made in get_args(OfTrial)):
        raise ValueError(f"{kind!r} with {'no trial' if trial is None else 'a trial'}")
    if external and made is not Told:
        raise ValueError(f"{kind!r} is not an event that the machine causes")
    values = _checked(kind, payload)
    known = _payload_fields(kind)
    own: dict[str, Any] = {name: value for name, value in values.items() if name in known}
    own["later"] = {name: value for name, value in values.items() if name not in known}
    if trial is not None:
        own["trial"] = trial
    if made is Asked:
        own["costs"] = tuple(own["costs"])
    elif made is Reported:
        own["report"] = Report.from_json(own["report"])
    elif made is Told:
        own["external"] = external
    return made(time=time, **own)


def format_of(text: str) -> int | None:
    """Return the format that the payload of a `create` event names, 1 if it names none, as the first versions did; None
    if the payload is damaged."""
    try:
        values = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    written = values.get("format", 1) if isinstance(values, dict) else None
    return written if type(written) is int and written >= 1 else None


def _checked(kind: str, text: str) -> dict[str, Any]:
    """Return a payload exactly as it was written."""
    try:
        _form(kind).validate_json(text, strict=True)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(show(part) for part in fault["loc"]) or "payload"
        raise ValueError(f"{place}: {fault['msg']}") from None
    except UsageError as error:  # of `Report`, which checks itself
        raise ValueError(f"report: {error}") from None
    values: dict[str, Any] = _DECODER.decode(text)
    return values


@cache
def _payload_fields(kind: str) -> frozenset[str]:
    return frozenset(item.name for item in fields(_CLASSES[kind])) - {"time", "trial", "external", "later"}


@cache
def _form(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(_CLASSES[kind])


def _bounded(text: str) -> int:
    number = int(text)
    if abs(number) > MAX_NUMBER:
        raise ValueError(f"{text[:20]}... is too large an integer")
    return number


_DECODER = json.JSONDecoder(parse_constant=parse_finite, parse_float=parse_finite, parse_int=_bounded)
"""One for all events: `json.loads` would make one for each, which is a third of the time."""
