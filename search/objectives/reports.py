"""A report of an objective as plain numbers: what it may yield, return or print, and what it may not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from search import canonical_json
from search.messages import listing, show

VALUE = "value"  # the name of the objective in a report that is a mapping, unless the space names another one
MAX_METRICS = 1000
"""Figures of a report: each is stored with every report, and is a column of leaderboards and of CSV files."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """The figures of one report."""

    value: float  # the objective; NaN or infinite if the trial has diverged
    metrics: Mapping[str, float | int] = field(default_factory=dict)  # all of a report that is a mapping, by name

    @classmethod
    def of(cls, given: Any, objective: str = VALUE) -> Figures:
        """Return the figures of a report: a number, or a mapping of names to numbers.

        Numbers of NumPy and tensors of one element are numbers. `objective` is the name of the value in a mapping.
        TypeError: it is neither; the text is for the objective's author.

        >>> Figures.of(0.5).value, Figures.of({"value": 0.5, "loss": 2}).metrics
        (0.5, {'value': 0.5, 'loss': 2})
        """
        if not isinstance(given, Mapping):
            return cls(value=float(_number("a report", given)))
        if len(given) > MAX_METRICS:
            raise TypeError(
                f"a report has at most {MAX_METRICS:,} metrics, each of which is a column of the tables of a study; "
                f"this one has {len(given):,}"
            )
        metrics = {str(name): _number(f"metric {show(str(name))}", value) for name, value in given.items()}
        if objective not in metrics:
            known = f"this one has {listing(metrics)}" if metrics else "this one is empty"
            raise TypeError(
                f"a report that is a mapping holds {show(objective)}, the objective ({known}); "
                "`objective: NAME` in the space names another one"
            )
        return cls(value=float(metrics[objective]), metrics=metrics)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON text; a number that is not finite is a text."""
        return {"value": _spelt(self.value), "metrics": {name: _spelt(value) for name, value in self.metrics.items()}}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Figures:
        """Return the figures that `to_json` gave."""
        return cls(
            value=float(stored["value"]),
            metrics={
                name: float(value) if isinstance(value, str) else value for name, value in stored["metrics"].items()
            },
        )


def first_difference(one: Sequence[Figures], other: Sequence[Figures]) -> str | None:
    """Return the first figure in which two series of reports differ, in words; None if they are equal.

    >>> first_difference([Figures(value=0.25)], [Figures(value=0.5)])
    'report 1 is 0.25 and 0.5'
    """
    for number, (then, now) in enumerate(zip(one, other, strict=False), start=1):
        if _spelt(then.value) != _spelt(now.value):
            return f"report {number} is {then.value!r} and {now.value!r}"
        for name in sorted(then.metrics.keys() | now.metrics.keys()):
            before, after = then.metrics.get(name), now.metrics.get(name)
            if (before is None) != (after is None) or _spelt(before) != _spelt(after):
                return f"{show(name)} of report {number} is {before!r} and {after!r}"
    return None


def digest_of(reports: Sequence[Figures]) -> str:
    """Return the SHA-256 of all reports of a trial so far, which stands for its weights."""
    return canonical_json.sha256([report.to_json() for report in reports])


def _number(what: str, value: Any) -> float | int:
    if isinstance(value, str | bytes | bool):
        shown = show(value) if isinstance(value, bool) else f"the text '{show(value)}'"
        raise TypeError(f"{what} is a number; this one is {shown}")
    number = value
    if type(value) not in (int, float):
        with suppress(TypeError, ValueError, RuntimeError):
            number = value.item() if hasattr(value, "item") else float(value)
    if type(number) not in (int, float):
        raise TypeError(f"{what} is a number; this one is of type {type(value).__name__}")
    return number  # type: ignore[no-any-return]


def _spelt(number: float | int | None) -> Any:
    # As JSON has no NaN; the text also keeps the sign of an infinity.
    return str(number) if isinstance(number, float) and not math.isfinite(number) else number
