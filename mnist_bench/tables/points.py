"""All configurations of a space that has finitely many, and the point of a table that is nearest to another."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from search.space.ranges import NumberRange, place, same
from search.space.space import Field, Space
from search.trainer_api import is_feasible

Params = Mapping[str, Any]


def cells(space: Space) -> list[Params]:
    """Return all configurations of a space that meet its constraints, in the order of its fields; the last one changes
    fastest.

    Raises:
        ValueError: a range has infinitely many values.
    """
    found: list[dict[str, Any]] = [{}]
    for item in space.order:
        grown: list[dict[str, Any]] = []
        for values in found:
            options = _values(item) if item.is_active(values) else []
            grown += [{**values, item.path: option} for option in options] or [values]
        found = grown
    ranges = {item.path for item in space.ranges}
    params = [{path: value for path, value in values.items() if path in ranges} for values in found]
    return [each for each in params if is_feasible(space.excess(each))]


def _values(item: Field) -> list[Any]:
    if item.distribution is None:
        return [item.value]
    if item.distribution.is_real:
        raise ValueError(f"{item.path} has more values than can be counted")
    return list(item.distribution.values)


class HasPoints(Protocol):
    """A table, as far as its points are concerned."""

    space: Space

    @property
    def points(self) -> Sequence[Params]:
        """The parameters of every point."""
        ...


class Nearest:
    """Finds the point of a table that is nearest to a configuration between its points.

    The distance is Euclidean: a number counts by its place in its range, 0 to 1; an option, or whether a range applies
    at all, is 1 away from any other.
    """

    def __init__(self, table: HasPoints, points: NDArray[np.intp]) -> None:
        """Choose among `points`, by number."""
        self._spans = table.space.distributions
        self._points = points
        self._coordinates = np.array([self._place(table.points[point]) for point in points.tolist()])

    def __call__(self, params: Params, taken: Container[int] = ()) -> int:
        """Return the number of the nearest point that is not taken; if all are, of the nearest."""
        order = np.argsort(self._squares(params), kind="stable")
        points: list[int] = self._points[order].tolist()
        return next((point for point in points if point not in taken), points[0])

    def least(self, params: Params) -> tuple[int, float]:
        """Return the number of the nearest point, and how far it is."""
        squares = self._squares(params)
        nearest = int(squares.argmin())
        return int(self._points[nearest]), float(squares[nearest] ** 0.5)

    def _squares(self, params: Params) -> NDArray[np.float64]:
        """Return the square of each point's distance, shape (points,)."""
        apart = self._coordinates - self._place(params)
        squares: NDArray[np.float64] = (np.where(np.isnan(apart), 0.0, apart) ** 2).sum(axis=1)
        return squares

    def _place(self, params: Params) -> NDArray[np.float64]:
        columns: list[float] = []
        for path, span in self._spans.items():
            value = params.get(path)
            if isinstance(span, NumberRange):
                at = np.nan if value is None or span.low == span.high else place(span, value)
                columns += [float(path in params), at]
            else:
                # Two options differ in two columns, by the root of one half each.
                columns += [0.5**0.5 * same(value, option) for option in (None, *span.values)]
        return np.array(columns)
