"""Feasible configurations of a space, spread evenly: they exceed no limit and meet all constraints."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from search.errors import TooManyFailuresError
from search.space.space import Space
from search.trainer_api import Planner

Params = Mapping[str, Any]
MAX_INFEASIBLE_POINTS = 20_000
"""Infeasible points of the sequence in a row after which no feasible one is expected."""
BLOCK = 256
"""Points of the sequence that are drawn together."""


class Feasible:
    """The feasible points of a space's Sobol sequence, in order; each point is examined once."""

    def __init__(self, space: Space, planner: Planner[Any], seed: int) -> None:
        """Begin the sequence whose scrambling the seed decides; the planner knows constraints as well as limits."""
        self._planner = planner
        self._sequence = sobol(space, seed)
        self._points: list[Params] = []
        self._found_at: list[int] = []
        """The place of each in the whole sequence, from 1."""
        self._looked = self._misses = 0

    def first(self, number: int, looks: int | None = None) -> Sequence[Params]:
        """Return the first `number` feasible points; fewer if the first `looks` points of the sequence hold fewer.

        Points examined in earlier calls do not count, so that a resumed search gets the same points.

        Raises:
            TooManyFailuresError: hardly any configuration is feasible.
        """
        while len(self._points) < number and (looks is None or self._looked < looks):
            params = next(self._sequence)
            self._looked += 1
            if self._planner(params).feasible:
                self._points.append(params)
                self._found_at.append(self._looked)
                self._misses = 0
            elif (misses := self._misses + 1) >= MAX_INFEASIBLE_POINTS:
                raise TooManyFailuresError(
                    f"{MAX_INFEASIBLE_POINTS:,} configurations in a row "
                    "exceed the space's limits or violate its constraints."
                )
            else:
                self._misses = misses
        found = len(self._points) if looks is None else bisect_right(self._found_at, looks)
        return self._points[: min(number, found)]


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
