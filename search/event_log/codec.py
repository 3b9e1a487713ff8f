"""Events as rows of the database, and back.

Rows are validated against the event's class, because SQLite stores whatever anybody writes. Numbers keep their
spelling: a value of 1 must not become 1.0, because digests and hashes are taken of canonical JSON, which distinguishes
the two. So pydantic checks the text, and the event is made of the values that Python's own JSON reader returns.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, NamedTuple, get_args

from annotated_types import Ge
from pydantic import TypeAdapter, ValidationError

from search import canonical_json
from search.canonical_json import parse_finite
from search.errors import UsageError
from search.event_log.events import Asked, Event, Kind, OfTrial, Reported, Told, trial_of
from search.messages import show
from search.trainer_api import Report

MAX_NUMBER = 2**64
"""No whole number in a log is as large: seeds have 32 or 64 bits."""
_CLASSES: Mapping[str, type[Event]] = {event.kind: event for event in get_args(Event)}


class Columns(NamedTuple):
    """An event's columns in the database, in the order in which they are read and hashed."""

    kind: Kind
    time: int
    trial: int | None
    external: bool
    payload: str
    """All else, as canonical JSON."""


def payload_of(event: Event) -> dict[str, Any]:
    """Return the plain values of an event that have no column of their own."""
    values = {name: getattr(event, name) for name in _payload_fields(event.kind)}
    if isinstance(event, Reported):
        values["report"] = event.report.to_json()
    return {**event.later, **values}


def to_row(event: Event) -> Columns:
    """Return the columns of an event, from which it can be read back.

    Raises:
        TypeError, ValueError: it cannot; the text says in one line why.
    """
    external = isinstance(event, Told) and event.external
    row = Columns(event.kind, event.time, trial_of(event), external, canonical_json.dumps(payload_of(event)))
    from_row(*row)
    return row


def from_row(kind: object, time: object, trial: object, external: object, payload: object) -> Event:
    """Return the event that a row's columns hold.

    Raises:
        OtherVersionError: a newer version wrote it.
        ValueError: they do not hold one; the text says in one line which part is wrong.
    """
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
        return _formatted().validate_json(text, strict=True).format
    except ValidationError:
        return None


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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Formatted:
    """The fields of a `create` event that are read before the others are trusted."""

    format: Annotated[int, Ge(1)] = 1


@cache
def _formatted() -> TypeAdapter[_Formatted]:
    return TypeAdapter(_Formatted)


def _bounded(text: str) -> int:
    number = int(text)
    if abs(number) > MAX_NUMBER:
        raise ValueError(f"{text[:20]}... is too large a whole number")
    return number


_DECODER = json.JSONDecoder(parse_constant=parse_finite, parse_float=parse_finite, parse_int=_bounded)
"""One for all events: `json.loads` would make one for each, which is a third of the time."""
