"""Whether a configuration may be trained: the limits of its planner, and the constraints of its space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic

from search.space.space import Space
from search.trainer_api import C, Codec, Plan, Planner


def constrained(planner: Planner[C], space: Space) -> Planner[C]:
    """Return the planner whose plans also hold by how much they miss each constraint of the space, by its text.

    Code that checks whether parameters are feasible calls `constrained(planner, space)(params).feasible`. It does no
    harm to a planner that knows the constraints already.
    """
    return _Constrained(planner, space) if space.constraints else planner


@dataclass(frozen=True)  # with slots, Python 3.11 cannot make a generic one
class _Constrained(Generic[C]):
    planner: Planner[C]
    space: Space

    @property
    def codec(self) -> Codec[C]:
        return self.planner.codec

    def __call__(self, params: Mapping[str, Any]) -> Plan[C]:
        plan = self.planner(params)
        constraints = dict(plan.constraints)
        for text, excess in self.space.excess(params).items():
            constraints[text] = max(excess, constraints.get(text, excess))
        return replace(plan, constraints=constraints)
