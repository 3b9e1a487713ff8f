"""Trainings that take no time, for any parameters: a curve made up of their hash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from search import canonical_json
from search.differences import CHECK
from search.trainer_api import PLAIN, Plan, Planner, Report

CANARY = "made up"


class MadeUpPlanner:
    """Plans as another planner does, with the parameters themselves for a configuration."""

    codec = PLAIN

    def __init__(self, plan: Planner[Any]) -> None:
        self._plan = plan

    def __call__(self, params: Mapping[str, Any]) -> Plan[Mapping[str, Any]]:
        """See `search.trainer_api.Planner`."""
        plan = self._plan(params)
        return Plan(config=dict(params), costs=plan.costs, constraints=plan.constraints, facts=plan.facts)


class MadeUpTrainer:
    """Reports the same curve for the same parameters, between 0 and 1; some curves cross."""

    codec = PLAIN

    def __init__(self) -> None:
        self.numerics = {CHECK: CANARY}

    def advance(self, config: Mapping[str, Any], seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """See `search.trainer_api.Trainer`."""
        early, late = (int(canonical_json.sha256([part, dict(config)])[:8], 16) / 16**8 for part in ("early", "late"))
        value = late + (early - late) / 2**period
        weights = canonical_json.sha256([dict(config), seed, period])
        return b"", Report(value=value, metrics={"epoch": period}, weights=weights, seconds=0.0)
