"""A search on a stand-in: a planner that knows the costs and limits of its space, and a trainer that computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mnist_bench.stand_ins.stand_in import StandIn
from search.trainer_api import PLAIN, Plan, Report

Params = Mapping[str, Any]


@dataclass(frozen=True)
class StandInPlanner:
    """Plans the configurations of a stand-in's space; satisfies `search.trainer_api.Planner`."""

    stand_in: StandIn
    codec = PLAIN

    def __call__(self, params: Params) -> Plan[Params]:
        """Return the plan of a configuration: its parameters, with the costs and limits of its net."""
        asked = self.stand_in.table.planner(params)
        return Plan(config=dict(params), costs=asked.costs, constraints=asked.constraints, facts=asked.facts)


@dataclass(frozen=True)
class StandInTrainer:
    """Computes the result of a configuration with one seed, whatever seed the search gives; satisfies `Trainer`."""

    stand_in: StandIn
    seed: int
    codec = PLAIN

    @property
    def numerics(self) -> Mapping[str, Any]:
        """Those of the first machine that trained the table."""
        return self.stand_in.table.about.numerics[0]

    def advance(self, config: Params, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """See `Trainer.advance`; the state is empty."""
        return b"", self.reports(config)[period - 1]

    def reports(self, config: Params) -> list[Report]:
        """Return the reports of a whole training."""
        about = self.stand_in.table.about
        return [
            Report(
                value=1 - errors / about.images["validation"], metrics={"epoch": float(epoch), "errors": errors},
                weights="", seconds=0.0,
            )
            for epoch, errors in zip(about.epochs, self.stand_in.curve(config, self.seed), strict=True)
        ]  # fmt: skip
