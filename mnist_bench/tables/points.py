"""Which configurations of a space a table holds: spread evenly, near each other, or all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, assert_never

import numpy as np

from search import canonical_json
from search.space import Choice, Field, FloatRange, IntRange, Levels, Space, place
from search.trainer_api import Planner

Params = Mapping[str, Any]
SEED = 0
"""Of the scrambling of Sobol's sequence."""
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


def spread(space: Space, planner: Planner[Any], number: int) -> list[Params]:
    """Return the first feasible points of a scrambled Sobol sequence over all ranges of a space (Owen 1998).

    A range whose condition does not hold takes up its dimension all the same, so that the sequence stays what it is.
    """
    feasible = (params for params in _sobol(space) if planner(params).feasible)
    return list(islice(feasible, number))


def _sobol(space: Space) -> Iterator[Params]:
    from scipy.stats import qmc  # type: ignore[import-untyped]

    paths = [item.path for item in space.ranges]
    sequence = qmc.Sobol(len(paths), scramble=True, rng=SEED)
    while True:
        for shares in sequence.random(1024):
            yield _at(space, dict(zip(paths, shares.tolist(), strict=True)))


def _at(space: Space, shares: Mapping[str, float]) -> Params:
    return space.sample(lambda path, span: span.at(shares[path]))


def near_copies(space: Space, planner: Planner[Any], points: list[Params], origins: list[int]) -> list[NearCopy]:
    """Return a feasible near copy of each of the points at `origins`: other only in its float ranges."""
    return [_near_copy(space, planner, points[origin], origin) for origin in origins]


def _near_copy(space: Space, planner: Planner[Any], params: Params, origin: int) -> NearCopy:
    draws = np.random.default_rng(canonical_json.derived_seed("near copy", origin))
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


def cells(space: Space) -> list[Params]:
    """Return all configurations of a space, in the order of its fields; the last one changes fastest.

    Raises:
        ValueError: a range has infinitely many values.
    """
    found: list[dict[str, Any]] = [{}]
    for item in space.sample_order():
        grown: list[dict[str, Any]] = []
        for values in found:
            options = _values(item) if item.is_active(values) else []
            grown += [{**values, item.path: option} for option in options] or [values]
        found = grown
    ranges = {item.path for item in space.ranges}
    return [{path: value for path, value in values.items() if path in ranges} for values in found]


def _values(item: Field) -> list[Any]:
    match item.distribution:
        case None:
            return [item.value]
        case Levels() | Choice():
            return list(item.distribution.values)
        case IntRange(low=low, high=high, step=step):
            return list(range(low, high + 1, step))
        case FloatRange():
            raise ValueError(f"{item.path} has more values than can be counted")
        case _:
            assert_never(item.distribution)
