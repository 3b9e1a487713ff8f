"""What a search needs to run over a table: a planner that knows its points, and a trainer that looks up."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from mnist_bench.tables.table import Params, Table
from search.space import Choice, FloatRange, IntRange, Levels, place, same
from search.trainer_api import Codec, Plan, Report

POINT: Codec[int] = Codec(lambda point: {"point": point}, lambda values: int(values["point"]))
"""Configurations of a search over a table: numbers of points."""


NOWHERE = -1
"""Stands for the point of a configuration that is infeasible, and so in no table."""


@dataclass(frozen=True)
class TablePlanner:
    """Plans the points of a table; satisfies `search.trainer_api.Planner`."""

    table: Table
    codec = POINT

    def __call__(self, params: Mapping[str, Any]) -> Plan[int]:
        """Return the plan of a point, or that of a configuration which exceeds the space's limits.

        Raises:
            NotInTableError: it is neither.
        """
        point = self.table.find(params)
        if point is None:
            asked = self.table.planner(params)
            if asked.feasible:
                self.table.point_of(params)  # raises, and says why
            return Plan(config=NOWHERE, costs=asked.costs, constraints=asked.constraints, facts=asked.facts)
        arrays = self.table.arrays
        facts = {"parameters": int(arrays.parameters[point]), "macs": int(arrays.macs[point])}
        return Plan(config=point, costs=tuple(arrays.costs[point].tolist()), facts=facts)


@dataclass(frozen=True)
class TableTrainer:
    """Looks up what a point came to with one seed, whatever seed it is asked for; satisfies `Trainer`."""

    table: Table
    seed: int
    codec = POINT

    @property
    def numerics(self) -> Mapping[str, Any]:
        """Those of the first machine that trained the table."""
        return self.table.about.numerics[0]

    def advance(self, config: int, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """See `Trainer.advance`; the state is empty."""
        return b"", self.table.report(config, self.seed, period)


class Nearest:
    """Finds the point of a table that is nearest to a configuration between its points."""

    def __init__(self, table: Table, points: NDArray[np.intp]) -> None:
        """Choose among `points`, by number."""
        self._table = table
        self._points = points
        self._coordinates = np.array([self._place(table.points[point]) for point in points.tolist()])

    def __call__(self, params: Params, taken: Container[int] = ()) -> int:
        """Return the number of the nearest point that is not taken.

        The distance is Euclidean: a number counts by its place in its range, 0 to 1; an option, or whether a range
        applies at all, is 1 away from any other.
        """
        apart = self._coordinates - self._place(params)
        order = np.argsort((np.where(np.isnan(apart), 0.0, apart) ** 2).sum(axis=1), kind="stable")
        points: list[int] = self._points[order].tolist()
        return next(point for point in points if point not in taken)

    def _place(self, params: Params) -> NDArray[np.float64]:
        columns: list[float] = []
        for path, span in self._table.space.distributions.items():
            value = params.get(path)
            match span:
                case IntRange() | FloatRange() | Levels():
                    at = np.nan if value is None or span.low == span.high else place(span, value)
                    columns += [float(path in params), at]
                case Choice(options=options):
                    # Two options differ in two columns, by the root of one half each.
                    columns += [0.5**0.5 * same(value, option) for option in (None, *options)]
                case _:
                    assert_never(span)
        return np.array(columns)
