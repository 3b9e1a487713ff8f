"""The form of the events' payloads: what is believed of a log that somebody else may have written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from annotated_types import Ge, Le, Len
from pydantic import TypeAdapter, ValidationError

from search.canonical_json import finite
from search.event_log.records import Reason, State
from search.event_log.timeline import Order
from search.messages import show
from search.trainer_api import Report

MAX_NUMBER = 2**64
"""No whole number in a log is as large: seeds have 32 or 64 bits."""

Count = Annotated[int, Ge(1), Le(1_000_000)]
Values = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Of a space; those that the search itself reads."""

    objective: str | Annotated[list[str], Len(2, 2)] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SpaceForm:
    """What `Space.to_spec` gives."""

    name: str
    settings: Settings
    fields: list[tuple[str, Values]]


@dataclass(frozen=True, kw_only=True, slots=True)
class SpecForm:
    """What `StudySpec.to_json` gives."""

    space: SpaceForm
    seed: int
    slots: Count
    order: Order
    sampler: Values
    pruner: Values
    periods: Count
    enqueued: list[Values]
    context: Values
    versions: dict[str, str]
    numerics: Values


@dataclass(frozen=True, kw_only=True, slots=True)
class Create:
    """The study begins."""

    name: str
    spec: SpecForm
    format: Annotated[int, Ge(1)] = 1
    """See `search.stored_fields.FORMAT`; the first studies do not say it. It is no part of the fingerprint."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Formatted:
    """What is read of a `create` event before anything else is believed of it."""

    format: Annotated[int, Ge(1)] = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Goal:
    """So many trained trials are wanted in all."""

    goal: Annotated[int, Ge(0), Le(10**9)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """A trial begins."""

    params: Values
    config: Values
    costs: Annotated[list[Annotated[int, Ge(0), Le(2**53)]], Len(1, 1_000_000)]
    facts: dict[str, int | float | str]
    constraints: dict[str, float]
    slot: Annotated[int, Ge(0)]
    seed: Annotated[int, Ge(0)]
    attributes: Values


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportForm:
    """A period of a trial was trained."""

    period: Count
    report: Report
    verdict: bool
    attributes: Values


@dataclass(frozen=True, kw_only=True, slots=True)
class Tell:
    """A trial ends."""

    state: State
    reason: Reason
    value: float | None
    error: str | None
    attributes: Values


@dataclass(frozen=True, kw_only=True, slots=True)
class Decline:
    """No more trials are asked for."""


FORMS: dict[str, type] = {
    "create": Create, "goal": Goal, "ask": Ask, "report": ReportForm, "tell": Tell, "decline": Decline,
}  # fmt: skip


def parse(kind: str, text: str) -> Values:
    """Return the payload of an event of this kind, exactly as it was written.

    Raises:
        ValueError: it is none; the text says in one line which part is wrong.
    """
    try:
        _form(kind).validate_json(text, strict=True)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(show(part) for part in fault["loc"]) or "payload"
        raise ValueError(f"{place}: {fault['msg']}") from None
    values: Values = json.loads(text, parse_constant=finite, parse_float=finite, parse_int=_bounded)
    return values


def format_of(text: str) -> int:
    """Return the format that the payload of a `create` event names; the first one where it names none that can be read,
    for `parse` then says what is wrong."""
    try:
        return _formatted().validate_json(text, strict=True).format
    except ValidationError:
        return 1


@cache
def _formatted() -> TypeAdapter[Formatted]:
    return TypeAdapter(Formatted)


@cache
def _form(kind: str) -> TypeAdapter[Any]:
    if kind not in FORMS:
        raise ValueError(f"there are no events of the kind {kind!r}")
    return TypeAdapter(FORMS[kind])


def _bounded(text: str) -> int:
    number = int(text)
    if abs(number) > MAX_NUMBER:
        raise ValueError(f"{text[:20]}... is too large a whole number")
    return number
