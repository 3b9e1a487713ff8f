"""Configurations as points, with the distance of two of them in each of their ranges."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, assert_never

import numpy as np

from search.proposals.exact import Array
from search.space.ranges import Choice, Distribution, FloatRange, IntRange, Levels, place, same

Params = Mapping[str, Any]

APPLIES = math.sqrt(0.5)  # a power would depend on libm
"""How far an option moves a point in its own column; two options differ in two columns, together by 1."""
DECIMALS = 9
"""To which places and distances are rounded: in their last bits they differ between machines, and equal ones among
themselves."""
MAX_KNOWN = 20_000  # values whose columns are kept


class Candidate(NamedTuple):
    """A configuration that may be tried."""

    params: Params
    point: Array  # see `Coordinates.of`


class Coordinates:
    """Points of a space: per range one column that says whether it applies, and one for its value or for each option.

    Squared, two configurations are 0 to 1 apart in a range, by their places on its scale; 1 if the options differ;
    1 to 1.25 if the range applies to one of them alone.
    """

    def __init__(self, spans: Mapping[str, Distribution]) -> None:
        """Number the columns of the ranges with more than one value."""
        self._spans = {path: span for path, span in spans.items() if span.count > 1}
        widths = [len(_columns(span, None)) for span in self._spans.values()]
        self._starts = np.cumsum([0, *widths]).tolist()
        self._known: dict[tuple[str, str], list[float]] = {}

    def __len__(self) -> int:
        """Return the number of ranges in which configurations differ."""
        return len(self._spans)

    def of(self, params: Params) -> Array:
        """Return the point of a configuration, shape (columns,)."""
        return np.array([each for path, span in self._spans.items() for each in self._at(path, span, params.get(path))])

    def _at(self, path: str, span: Distribution, value: Any) -> list[float]:
        """Return the columns of one range; most of a search's many candidates take their values from others."""
        key = path, repr(value)
        if (known := self._known.get(key)) is None:
            if len(self._known) == MAX_KNOWN:
                self._known.clear()
            known = self._known[key] = _columns(span, value)
        return known

    def candidate(self, params: Params) -> Candidate:
        """Return a configuration with its point."""
        return Candidate(params, self.of(params))

    def squares(self, some: Array, others: Array) -> Array:
        """Return the squared distance in each range, shape (ranges, some, others)."""
        return np.array([*self._in_each_range(some, others)]).reshape(len(self), len(some), len(others))

    def distances(self, some: Array, others: Array) -> Array:
        """Return Euclidean distances over all ranges, shape (some, others)."""
        total = sum(self._in_each_range(some, others), np.zeros((len(some), len(others))))
        return np.asarray(np.round(np.sqrt(total), DECIMALS), np.float64)

    def _in_each_range(self, some: Array, others: Array) -> Iterator[Array]:
        for start, end in zip(self._starts, self._starts[1:], strict=False):
            apart = np.zeros((len(some), len(others)))
            for column in range(start, end):
                apart += (some[:, None, column] - others[None, :, column]) ** 2
            yield apart


def _columns(span: Distribution, value: Any) -> list[float]:
    match span:
        case IntRange() | FloatRange() | Levels():
            return [0.0, 0.5] if value is None else [1.0, round(place(span, value), DECIMALS)]
        case Choice(options):
            return [APPLIES * same(value, option) for option in (None, *options)]
        case _:
            assert_never(span)
