"""The interface between a search and a trainer: a plan made before training, and the pure call that trains a period.

The search knows nothing of nets or data. It hands parameters to a *planner*, gets a `Plan`, and lets an executor call
a *trainer*'s `advance` once per period. `advance` is a pure function of its arguments: on every worker it returns the
same report and the same state, bit for bit.

A configuration is an object of the trainer's own class `C` where the planner makes it and where the trainer trains it.
Between the two it is JSON, in the event log and in every job. The `Codec` of the planner writes the JSON, and the
`Codec` of the trainer reads it, once per period.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Generic, Protocol, TypeVar, cast, get_args

from search import canonical_json
from search.arguments import is_number
from search.errors import OtherVersionError, UsageError
from search.hashed import EndReason
from search.messages import in_a_sentence, listing, show
from search.stored_fields import stored, unknown

Json = Any
MAX_PERIODS = 1_000_000  # most periods of a trial
MAX_COST = 2**53  # largest cost of a period: an integer in every JSON reader, also in those that have only floats
MAX_MEASURED = 100  # most figures that a report measures: each is stored with every report, and is a column of tables
C = TypeVar("C")  # A trainer's configurations


@dataclass(frozen=True)  # with slots, Python 3.11 cannot call Codec[C](...)
class Codec(Generic[C]):
    """A configuration as JSON, and back."""

    to_json: Callable[[C], Mapping[str, Json]]
    """Returns plain values: mappings, lists, texts, numbers, true, false and null."""
    from_json: Callable[[Mapping[str, Json]], C]
    """Returns the configuration that `to_json` was given."""


PLAIN: Codec[Mapping[str, Json]] = Codec(dict, dict)  # for trainers whose configuration is JSON as it is


@dataclass(frozen=True, kw_only=True)
class Plan(Generic[C]):
    """A configuration with its costs, limits and facts, known before it is trained."""

    config: C
    """The whole configuration, as the trainer takes it."""
    costs: tuple[int, ...]
    """Logical cost of each period, in whole microseconds, as estimated and never measured."""
    constraints: Mapping[str, float] = field(default_factory=dict)
    """By how much each limit is exceeded; above zero means infeasible."""
    facts: Mapping[str, int | float | str] = field(default_factory=dict)
    """Figures to show, such as parameters and MACs: numbers and texts, no truth values."""

    def __post_init__(self) -> None:
        """Check all parts but the configuration, so that an error shows the planner's own line.

        Raises:
            UsageError: a part has a value that no study can keep.
        """
        if not _are_costs(self.costs):
            raise _refusal("Plan.costs", self.costs, "a tuple of whole microseconds, one for each period")
        _check_parts("Plan.constraints", self.constraints, _is_finite, "a finite number")
        _check_parts(
            "Plan.facts", self.facts, lambda fact: isinstance(fact, str) or _is_finite(fact), "a number or a text"
        )

    @property
    def feasible(self) -> bool:
        """Whether no limit is exceeded."""
        return is_feasible(self.constraints)


def is_feasible(constraints: Mapping[str, float]) -> bool:
    """Return whether no limit is exceeded."""
    return all(excess <= 0 for excess in constraints.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """The result of one period of training. The value, the metrics, the weights and the end are part of the study's
    digest; the rest differs from run to run."""

    value: float | None
    """The figure that the search maximizes, or minimizes if its space says `direction: minimize` (of nets: validation
    accuracy, 0..1); None if the trial ended without it."""
    metrics: Mapping[str, float | int | None]
    """Further deterministic figures by name (of nets: epoch, train_loss, val_loss, errors)."""
    weights: str
    """SHA-256 of the weights after the period."""
    measured: Mapping[str, float] = field(default_factory=dict)
    """Figures of this run by name, such as peak bytes: shown where reports are, in no digest. `seconds` is the time
    that the period took on its worker; the worker measures it, unless the trainer has."""
    end: EndReason | None = None
    """Set if the trial makes no further report. Leave `value` None if it could not continue: the trial ends without a
    value, and a pruner would compare it with those of other trials. If it was `finished` before this period, repeat
    the value of the report before: the trial is complete with it."""
    details: Mapping[str, Json] = field(default_factory=dict, repr=False)
    """Kept only for the trial's last period (of nets: `correct`, one bit a validation image, base64)."""
    worker: int | None = None
    """Which of the executor's workers trained the period, counted from 0."""
    started: float | None = None
    """When the worker was given the period, in seconds since 1970."""
    handled: float | None = None
    """When the driver took it up in the logical order, in seconds since 1970."""

    def __post_init__(self) -> None:
        """Check all parts, so that an error shows the trainer's own line. The value and the metrics may be NaN or
        infinite: the trial has then diverged.

        Raises:
            UsageError: a part has a value that no study can keep.
        """
        _check_parts("Report.metrics", self.metrics, _is_figure, _FIGURE)
        if not _is_figure(self.value):
            raise _refusal("Report.value", self.value, _FIGURE)
        if not isinstance(self.weights, str):
            raise _refusal("Report.weights", self.weights, "a text")
        _check_parts("Report.measured", self.measured, _is_finite, "a finite number")
        if len(self.measured) > MAX_MEASURED:
            raise UsageError(f"Report.measured: {len(self.measured)} figures; give at most {MAX_MEASURED}.")
        if self.end is not None and self.end not in _ENDS:
            raise _refusal("Report.end", self.end, f"{listing(_ENDS)}, or None")
        if self.details and (fault := canonical_json.fault(self.details)) is not None:
            raise UsageError(f"Report.details: give plain JSON values ({in_a_sentence(fault)}).") from fault

    @property
    def seconds(self) -> float:
        """Time that the period took on its worker; 0 if nobody measured it."""
        return self.measured.get("seconds", 0.0)

    @classmethod
    def from_json(cls, values: Json) -> Report:
        """Return the report that `to_json` gave; the first studies have `seconds` on their own.

        Raises:
            OtherVersionError: it has a field that this version does not know.
            TypeError, UsageError: it is not a report.
        """
        if not isinstance(values, Mapping):
            raise TypeError("a report is a mapping")
        if "seconds" in values:
            values = {**values, "measured": {"seconds": values["seconds"]}}
            del values["seconds"]
        known = {item.name for item in fields(cls)}
        report = cls(**{name: value for name, value in values.items() if name in known})
        for name in values:
            if name not in known:
                raise OtherVersionError(unknown(f"report.{name}"))
        return report

    def to_json(self) -> dict[str, Json]:
        """Return plain values for a JSON text: fields only if they differ from their defaults."""
        return stored(self)


def finite(report: Report) -> Report:
    """Return a report whose value is finite; if it is not, the trial has diverged."""
    if report.value is None or math.isfinite(report.value):
        return report
    return replace(report, value=None, end=report.end or "diverged")


def _is_figure(value: object) -> bool:
    # Floats first: with the general check alone, reading a log takes a quarter longer.
    if value is None or type(value) is float:
        return True
    return is_number(value) and (isinstance(value, float) or abs(value) <= sys.float_info.max)


def _is_finite(value: object) -> bool:
    return is_number(value) and _is_figure(value) and math.isfinite(value)


def _are_costs(value: object) -> bool:
    is_right_many = isinstance(value, Sequence) and 1 <= len(value) <= MAX_PERIODS
    return is_right_many and all(type(cost) is int and 0 <= cost <= MAX_COST for cost in cast(Sequence[object], value))


_FIGURE = "a number of a float's size, or None"
_ENDS = get_args(EndReason)


def _check_parts(name: str, parts: object, is_right: Callable[[object], bool], right: str) -> None:
    """Check that a part of a plan or a report is a mapping of names to values of a kind; `right` describes the kind."""
    if not isinstance(parts, Mapping):
        raise _refusal(name, parts, f"a mapping of names to values, each {right}")
    for key, value in parts.items():
        if not isinstance(key, str) or not is_right(value):
            raise _refusal(f"{name}[{show(repr(key))}]", value, right)


def _refusal(name: str, value: object, right: str) -> UsageError:
    return UsageError(f"{name}={show(value)}: give {right}.")


class Planner(Protocol[C]):
    """Turns the parameters of a trial into a plan, without training."""

    @property
    def codec(self) -> Codec[C]:
        """The configurations' JSON."""
        ...

    def __call__(self, params: Mapping[str, Any]) -> Plan[C]:
        """Return the plan of these parameters (names as `section.field`)."""
        ...


@dataclass(frozen=True)  # with slots, Python 3.11 cannot make a generic one
class PlanFunction(Generic[C]):
    """A planner that is made of a function."""

    codec: Codec[C]
    plan: Callable[[Mapping[str, Any]], Plan[C]]

    def __call__(self, params: Mapping[str, Any]) -> Plan[C]:
        return self.plan(params)


class Trainer(Protocol[C]):
    """Trains periods on one device, in a worker or in this process."""

    @property
    def codec(self) -> Codec[C]:
        """The configurations' JSON, as the planner's codec writes it."""
        ...

    @property
    def numerics(self) -> Mapping[str, Json]:
        """The conditions on which results depend here. `check` is required; it and `wide_check` decide whether two
        machines agree."""
        ...

    def advance(self, config: C, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """Train period number `period` (from 1) from `state` (None before the first) and return the new state."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainerSpec:
    """How a worker builds its trainer: a class or function by name, and its JSON arguments."""

    factory: str
    """`package.module:Name`, or `folder/file.py:Name`."""
    options: Mapping[str, Json] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    """Environment variables with which a worker process is started, such as those that select a library's kernels. No
    study stores them: the trainer's check shows whether they had their effect."""

    def __post_init__(self) -> None:
        """Check the options, which are sent to the workers and stored in the study.

        Raises:
            UsageError: one is not a plain JSON value.
        """
        for name, value in self.options.items():
            if (fault := canonical_json.fault(value)) is not None:
                raise UsageError(
                    f"Option {name} of trainer {self.factory} is {show(value)}: give plain JSON values "
                    f"({in_a_sentence(fault)})."
                ) from fault

    def to_json(self) -> dict[str, Json]:
        """Return the description that a study keeps: a file's name without its folder, which may change."""
        return {"factory": self.factory.rpartition("/")[2], "options": dict(self.options)}
