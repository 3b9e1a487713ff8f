"""Configurations to propose: points that cover the space, and candidates for a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search import canonical_json
from search.proposals.coordinates import Candidate, Coordinates, Params
from search.proposals.curves import Curve
from search.proposals.feasible import Feasible
from search.space import Choice, Distribution, Space, Suggest, place
from search.trainer_api import Planner

POOL = 384
"""Points of the sequence that a model chooses among."""
LOOKS = 20_000
"""Points of the sequence, feasible or not, that are examined to find them."""
CROSSED = 256
"""Further candidates, each a cross of a good trial and a point of the sequence; some exceed a limit."""
PARENTS = 5
"""Trials that count as good, from which others are crossed."""
NEARER = 0.5
NEAR = 0.05
"""Share of the pool that counts as too near an earlier trial. Its farthest point sets the distance below which a
candidate is a copy of a trial."""


class Prospects:
    """The configurations of a space from which proposals come."""

    def __init__(self, space: Space, planner: Planner[Any], seed: int) -> None:
        """Take the space's Sobol sequence whose scrambling the study's seed decides."""
        self.coordinates = Coordinates(space.distributions)
        self.elementary = space.elementary
        self._space = space
        self._planner = planner
        self._feasible = Feasible(space, planner, canonical_json.derived_seed(seed, "covering"))

    def covering(self, number: int, tried: Sequence[Params]) -> Params:
        """Return the feasible point of that number in the sequence, or the next one that was not tried."""
        for ahead in range(len(tried) + 1):
            params = self._feasible.first(number + ahead + 1)[-1]
            if params not in tried:
                return params
        return self._feasible.first(number + 1)[-1]  # the space has too few configurations

    def candidates(self, curves: Sequence[Curve], draws: np.random.Generator) -> list[Candidate]:
        """Return points of the sequence and crosses of good trials with them, none of them near a configuration that
        was tried.

        If all are near, those that were not tried; if all were tried, all. Whether a cross is feasible is not checked
        here: that takes longer than making it, and the model needs few.
        """
        known = dict(self._pool)
        for params in self._crossed(curves, [candidate.params for candidate in self._pool.values()], draws):
            if (key := _key(params)) not in known:
                known[key] = self.coordinates.candidate(params)
        found = list(known.values())
        places = np.array([candidate.point for candidate in found])
        apart = self.coordinates.distances(places, np.array([curve.point for curve in curves])).min(axis=1)
        near = float(np.quantile(apart[: len(self._pool)], NEAR))
        return _farther(found, apart, near) or _farther(found, apart, 0.0) or found

    def feasible(self, params: Params) -> bool:
        """Return whether a candidate exceeds no limit; the points of the sequence are known not to."""
        return _key(params) in self._pool or self._planner(params).feasible

    def within_limits(self, params: Params) -> bool:
        """Return whether the planner finds a configuration feasible."""
        return self._planner(params).feasible

    def sampled(self, suggest: Suggest) -> dict[str, Any]:
        """Return a configuration: the value that `suggest` gives for each range that applies."""
        return self._space.sample(suggest)

    def shares(self, params: Params) -> tuple[float, ...]:
        """Return the share of a training's cost that is spent when each of its periods ends."""
        return shares_of(self._planner(params).costs)

    def cost(self, params: Params) -> int:
        """Return the logical cost of a whole training, in microseconds."""
        return sum(self._planner(params).costs)

    def neighbours(self, params: Params, draws: np.random.Generator, number: int) -> list[Params]:
        """Return configurations that differ from one in a few ranges."""
        return [self._moved(params, draws) for _ in range(number)]

    def _moved(self, params: Params, draws: np.random.Generator) -> Params:
        rate = max(0.15, 1.5 / max(1, len(self.coordinates)))

        def value(path: str, span: Distribution) -> Any:
            changed, share = draws.random() < rate, float(draws.random())
            if path in params and not changed:
                return params[path]
            if path not in params or isinstance(span, Choice):
                return span.at(share)
            near = round(place(span, params[path]) + 0.4 * (share - 0.5), 9)
            return span.at(min(max(near, 0.0), 1.0 - 1e-9))

        return self._space.sample(value)

    def not_near(self, found: Sequence[Candidate], curves: Sequence[Curve]) -> list[Candidate]:
        """Return the candidates that are no copies of a trial."""
        tried = np.array([curve.point for curve in curves])
        pool = np.array([candidate.point for candidate in self._pool.values()])
        near = float(np.quantile(self.coordinates.distances(pool, tried).min(axis=1), NEAR))
        places = np.array([candidate.point for candidate in found])
        return _farther(found, self.coordinates.distances(places, tried).min(axis=1), near * NEARER)

    @cached_property
    def _pool(self) -> Mapping[str, Candidate]:
        """The points of the sequence that a model chooses among, each once."""
        points = self._feasible.first(POOL, LOOKS) or self._feasible.first(1)
        return {_key(params): self.coordinates.candidate(params) for params in points}

    def _crossed(self, curves: Sequence[Curve], points: Sequence[Params], draws: np.random.Generator) -> list[Params]:
        """Return children: each range from a good trial or from a point of the sequence, at even odds."""
        furthest = sorted((curve for curve in curves if curve.values), key=lambda c: (-len(c.values), -c.values[-1]))
        if not furthest:
            return []
        children: list[Params] = []
        for _ in range(CROSSED):
            good = furthest[int(draws.integers(min(PARENTS, len(furthest))))].params
            other = points[int(draws.integers(len(points)))]
            children.append(self._child(good, other, draws))
        return children

    def _child(self, good: Params, other: Params, draws: np.random.Generator) -> Params:
        def inherited(path: str, span: Distribution) -> Any:
            first, second = (good, other) if draws.random() < 0.5 else (other, good)
            share = float(draws.random())
            return first[path] if path in first else second.get(path, span.at(share))

        return self._space.sample(inherited)


def _key(params: Params) -> str:
    return canonical_json.dumps(dict(params))


def _farther(found: Sequence[Candidate], apart: NDArray[np.float64], near: float) -> list[Candidate]:
    return [candidate for candidate, distance in zip(found, apart.tolist(), strict=True) if distance > near]


def shares_of(costs: Sequence[int]) -> tuple[float, ...]:
    """Return the share of all costs that is spent after each; a period that costs nothing counts as the least cost.

    >>> shares_of((1, 1, 2))
    (0.25, 0.5, 1.0)
    """
    counted = [max(1, cost) for cost in costs]
    total = sum(counted)
    return tuple(spent / total for spent in accumulate(counted))
