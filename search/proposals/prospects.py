"""Configurations to propose: points that cover the space, and candidates for a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np

from search import canonical_json, hashed
from search.errors import TooManyFailuresError
from search.proposals.coordinates import DECIMALS, Candidate, Coordinates, Params
from search.proposals.curves import Curve, points_of
from search.proposals.exact import Array
from search.proposals.relevance import RelevanceModel
from search.space.ranges import Distribution, NumberRange, place
from search.space.space import Space
from search.trainer_api import Plan, Planner

POOL = 384  # points of the sequence that a model chooses among
LOOKS = 20_000  # points of the sequence, feasible or not, that are examined to find them
CROSSED = 256  # further candidates, each a cross of a good trial and a point of the sequence; some exceed a limit
PARENTS = 5  # trials that count as good, from which others are crossed
NEAR = 0.05
"""Share of the pool that counts as too near an earlier trial. Its farthest point sets the distance below which a
candidate is a copy of a trial."""
AHEAD = 8  # how many points of the sequence more than are needed the first trials are chosen from, by their cost
NEIGHBOURS = 16  # of each good candidate
CHANGED, LEAST_SHARE_CHANGED = 1.5, 0.15
"""How many ranges a neighbour changes on average, and the least share of all ranges."""
REACH = 0.2  # how far a neighbour's value may lie from the candidate's, as a share of the range's scale
NEARER = 0.5  # A neighbour may be nearer to a trial than other candidates, by this factor
JUST_BELOW_ONE = 1.0 - 1e-8
MAX_PLANS = 4096  # plans that are kept
MAX_INFEASIBLE_POINTS = 20_000  # infeasible points of the sequence in a row after which no feasible one is expected
BLOCK = 256  # points of the sequence that are drawn together


class Feasible:
    """The feasible points of a space's Sobol sequence, in order; each point is examined once."""

    def __init__(self, space: Space, planner: Planner[Any], seed: int) -> None:
        """Begin the sequence whose scrambling the seed decides; the planner knows constraints as well as limits."""
        self._planner = planner
        self._sequence = sobol(space, seed)
        self._found: dict[int, Params] = {}  # by the place in the whole sequence, from 1
        self._looked = 0

    def first(self, number: int, looks: int | None = None) -> Sequence[Params]:
        """Return the first `number` feasible points; fewer if the first `looks` points of the sequence hold fewer.

        Points examined in earlier calls do not count, so that a resumed search gets the same points.

        TooManyFailuresError if hardly any configuration is feasible.
        """
        while len(self._found) < number and (looks is None or self._looked < looks):
            params = next(self._sequence)
            self._looked += 1
            if self._planner(params).feasible:
                self._found[self._looked] = params
            elif self._looked - next(reversed(self._found), 0) >= MAX_INFEASIBLE_POINTS:
                raise TooManyFailuresError(
                    f"{MAX_INFEASIBLE_POINTS:,} configurations in a row "
                    "exceed the space's limits or violate its constraints."
                )
        return [params for place, params in self._found.items() if looks is None or place <= looks][:number]


def sobol(space: Space, seed: int) -> Iterator[Params]:
    """Yield the points of a scrambled Sobol sequence over all ranges of a space (Owen 1998), feasible or not.

    A range whose condition does not hold takes up its dimension all the same, so that the sequence stays the same.
    """
    from scipy.stats import qmc  # type: ignore[import-untyped]

    paths = [item.path for item in space.ranges]
    sequence = qmc.Sobol(len(paths), scramble=True, rng=seed)
    while True:
        for shares in sequence.random(BLOCK):
            at = dict(zip(paths, shares.tolist(), strict=True))
            yield space.sample(lambda path, span, at=at: span.at(at[path]))  # type: ignore[misc]


class Prospects:
    """The configurations of a space from which proposals come."""

    def __init__(self, space: Space, planner: Planner[Any], seed: int) -> None:
        """Take the space's Sobol sequence whose scrambling the study's seed decides."""
        self.coordinates = Coordinates(space.distributions)
        self.elementary = space.elementary
        self._space = space
        self._planner = planner
        self._plans: dict[str, Plan[Any]] = {}
        self._feasible = Feasible(space, planner, hashed.derived_seed(seed, "covering"))

    def covering(self, number: int, tried: Sequence[Params]) -> Params:
        """Return the feasible point of that number in the sequence, or the next one that was not tried."""
        for ahead in range(len(tried) + 1):
            params = self._feasible.first(number + ahead + 1)[-1]
            if params not in tried:
                return params
        return self._feasible.first(number + 1)[-1]  # the space has too few configurations

    def cheapest(self, number: int, tried: Sequence[Params]) -> Params:
        """Return the cheapest feasible point that was not tried, of those up to `AHEAD` beyond the one of that number.

        While nothing is known of the settings, more trials for the same cost tell more.
        """
        untried = [params for params in self._feasible.first(number + AHEAD) if params not in tried]
        return min(untried, key=self.cost) if untried else self.covering(number, tried)

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
        apart = self._nearest(found, curves)
        near = float(np.quantile(apart[: len(self._pool)], NEAR))
        return _farther(found, apart, near) or _farther(found, apart, 0.0) or found

    def feasible(self, params: Params) -> bool:
        """Return whether a candidate exceeds no limit; the points of the sequence are known not to."""
        return _key(params) in self._pool or self._plan(params).feasible

    def within_limits(self, params: Params) -> bool:
        """Return whether the planner finds a configuration feasible."""
        return self._plan(params).feasible

    def shares(self, params: Params) -> tuple[float, ...]:
        """Return the share of a training's cost that is spent when each of its periods ends."""
        counted = [max(1, cost) for cost in self._plan(params).costs]  # one that costs nothing counts as the least
        total = sum(counted)
        return tuple(spent / total for spent in accumulate(counted))

    def cost(self, params: Params) -> int:
        """Return the logical cost of a whole training, in microseconds; at least 1."""
        return max(1, sum(self._plan(params).costs))

    def near(self, good: Sequence[Params], curves: Sequence[Curve], draws: np.random.Generator) -> list[Candidate]:
        """Return neighbours of good candidates that are no copies of a trial, whether they are feasible or not."""
        moved = {_key(params): params for parent in good for params in self._moved(parent, draws)}
        found = [self.coordinates.candidate(params) for params in moved.values()]
        if not found:
            return []
        near = np.quantile(self._nearest(self._pool.values(), curves), NEAR)
        return _farther(found, self._nearest(found, curves), NEARER * float(near))

    def _nearest(self, some: Iterable[Candidate], curves: Sequence[Curve]) -> Array:
        """Return the distance of each candidate to the nearest trial."""
        return np.asarray(self.coordinates.distances(points_of(some), points_of(curves)).min(axis=1))

    def _moved(self, params: Params, draws: np.random.Generator) -> Iterator[Params]:
        """Yield configurations that differ from one in some ranges: by up to a fifth of the scale, or in the option."""
        share_changed = max(LEAST_SHARE_CHANGED, CHANGED / max(1, len(self.coordinates)))

        def value(path: str, span: Distribution) -> Any:
            is_changed, share = draws.random() < share_changed, float(draws.random())
            if path in params and not is_changed:
                return params[path]
            if path in params and isinstance(span, NumberRange) and span.count > 1:
                share = min(max(place(span, params[path]) + 2.0 * REACH * (share - 0.5), 0.0), JUST_BELOW_ONE)
            return span.at(round(share, DECIMALS))

        for _ in range(NEIGHBOURS):
            yield self._space.sample(value)

    @cached_property
    def model(self) -> RelevanceModel:
        """The model of this study, which keeps what it has computed."""
        return RelevanceModel(self.coordinates, self.elementary)

    def _plan(self, params: Params) -> Plan[Any]:
        if (plan := self._plans.get(key := _key(params))) is None:
            if len(self._plans) == MAX_PLANS:
                self._plans.clear()
            plan = self._plans[key] = self._planner(params)
        return plan

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


def _farther(found: Sequence[Candidate], apart: Array, near: float) -> list[Candidate]:
    return [candidate for candidate, distance in zip(found, apart.tolist(), strict=True) if distance > near]
