"""Configurations as points, so that one can say how far apart two of them are in each of their ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from search.space import Choice, Distribution, FloatRange, IntRange, Levels, place, same

Array = NDArray[np.float64]
Params = Mapping[str, Any]

APPLIES = 0.5**0.5
"""How far an option moves a point in its own column; two options differ in two columns, together by 1."""


class Coordinates:
    """Points of a space: per range one column that says whether it applies, and one for its value or for each option.

    In a range two configurations are 0 to 1 apart, by their places on its scale; 1 where the options differ, or where
    the range applies to one of them alone.
    """

    def __init__(self, spans: Mapping[str, Distribution]) -> None:
        """Number the columns of the ranges with more than one value."""
        self._spans = {path: span for path, span in spans.items() if not _is_single(span)}
        widths = [len(self._columns(span, None)) for span in self._spans.values()]
        self._starts = np.cumsum([0, *widths])

    def __len__(self) -> int:
        """Return the number of ranges that tell configurations apart."""
        return len(self._spans)

    def of(self, params: Params) -> Array:
        """Return the point of a configuration, shape (columns,)."""
        columns = [self._columns(span, params.get(path)) for path, span in self._spans.items()]
        return np.array([each for group in columns for each in group])

    def squares(self, some: Array, others: Array) -> Array:
        """Return the squared distance in each range, shape (ranges, some, others), each from 0 to 1.25."""
        apart = np.empty((len(self), len(some), len(others)))
        for number, (start, end) in enumerate(zip(self._starts, self._starts[1:], strict=False)):
            apart[number] = 0.0
            for column in range(start, end):
                apart[number] += (some[:, None, column] - others[None, :, column]) ** 2
        return apart

    def distances(self, some: Sequence[Array], others: Sequence[Array]) -> Array:
        """Return Euclidean distances over all ranges, shape (some, others)."""
        total = np.zeros((len(some), len(others)))
        for each in self.squares(np.array(some), np.array(others)):
            total += each
        return np.sqrt(total)

    def _columns(self, span: Distribution, value: Any) -> list[float]:
        match span:
            case IntRange() | FloatRange() | Levels():
                return [0.0, 0.5] if value is None else [1.0, place(span, value)]
            case Choice(options=options):
                return [APPLIES * same(value, option) for option in (None, *options)]
            case _:
                assert_never(span)


def _is_single(span: Distribution) -> bool:
    match span:
        case IntRange() | FloatRange() | Levels():
            return span.low == span.high
        case Choice(options=options):
            return len(options) == 1
        case _:
            assert_never(span)
