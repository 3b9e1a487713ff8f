"""Configurations close to others, for a table: they show how smooth the errors are between its points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from search import hashed
from search.space import FloatRange, Space, place
from search.trainer_api import Planner

Params = Mapping[str, Any]
NEAREST, FARTHEST = 0.03, 0.1
"""How far a near copy lies from its origin: Euclidean, over the space's float ranges, each of length 1."""
MAX_TRIES = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class NearCopy:
    """A configuration close to another."""

    params: Params
    origin: int
    """Number of the other one."""
    distance: float


def near_copies(space: Space, planner: Planner[Any], points: list[Params], origins: list[int]) -> list[NearCopy]:
    """Return a feasible near copy of each of the points at `origins`: other only in its float ranges."""
    return [_near_copy(space, planner, points[origin], origin) for origin in origins]


def _near_copy(space: Space, planner: Planner[Any], params: Params, origin: int) -> NearCopy:
    draws = np.random.default_rng(hashed.derived_seed(hashed.Name("near copy"), origin))
    spans = {item.path: item.distribution for item in space.ranges if item.path in params}
    floats = {path: span for path, span in spans.items() if isinstance(span, FloatRange)}
    here = np.array([place(span, params[path]) for path, span in floats.items()])
    for _ in range(MAX_TRIES):
        direction = draws.standard_normal(len(here))
        distance = float(draws.uniform(NEAREST, FARTHEST))
        there = here + direction * distance / np.linalg.norm(direction)
        if ((there >= 0) & (there < 1)).all():
            moved = {path: span.at(float(at)) for (path, span), at in zip(floats.items(), there, strict=True)}
            if planner({**params, **moved}).feasible:
                return NearCopy(params={**params, **moved}, origin=origin, distance=distance)
    raise ValueError(f"point {origin} has no feasible copy near it")
