"""A search over a table: a planner that knows its points, and a trainer that looks up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mnist_bench.tables.recorded_benchmark import RecordedBenchmark
from search.differences import CHECK
from search.trainer_api import Codec, Plan, Report

POINT: Codec[int] = Codec(lambda point: {"point": point}, lambda values: int(values["point"]))
"""Configurations of a search over a table: numbers of points."""
NOWHERE = -1
"""Stands for the point of a configuration that is infeasible, and so in no table."""


@dataclass(frozen=True)
class TablePlanner:
    """Plans the points of a table; satisfies `search.trainer_api.Planner`."""

    table: RecordedBenchmark
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
    """Looks up a point's result with one seed, whatever seed the search gives; satisfies `Trainer`."""

    table: RecordedBenchmark
    seed: int
    codec = POINT

    @property
    def numerics(self) -> Mapping[str, Any]:
        """Those of the first machine that trained the table."""
        return {**self.table.about.numerics[0], CHECK: self.table.about.canaries[0]}

    def advance(self, config: int, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """See `Trainer.advance`; the state is empty."""
        return b"", self.table.report(config, self.seed, period)
