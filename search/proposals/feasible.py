"""What may be proposed: configurations of a space that exceed no limit, spread evenly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from search.errors import TooManyFailuresError
from search.space import Space
from search.trainer_api import Planner

Params = Mapping[str, Any]
MAX_INFEASIBLE = 20_000
"""Infeasible points of the sequence in a row, after which none is expected."""
BLOCK = 256
"""Points of the sequence that are drawn together."""


class Feasible:
    """The feasible points of a space's Sobol sequence, in order; each is looked for once."""

    def __init__(self, space: Space, planner: Planner[Any], seed: int) -> None:
        """Begin the sequence whose scrambling the seed decides."""
        self._points: list[Params] = []
        self._more = _feasible(space, planner, seed)

    def first(self, number: int) -> Sequence[Params]:
        """Return the first so many points.

        Raises:
            TooManyFailuresError: hardly any configuration is feasible.
        """
        self._points += islice(self._more, max(0, number - len(self._points)))
        return self._points[:number]


def _feasible(space: Space, planner: Planner[Any], seed: int) -> Iterator[Params]:
    misses = 0
    for params in sobol(space, seed):
        if planner(params).feasible:
            misses = 0
            yield params
        elif (misses := misses + 1) >= MAX_INFEASIBLE:
            raise TooManyFailuresError(f"{MAX_INFEASIBLE:,} configurations in a row are infeasible under the limits.")


def sobol(space: Space, seed: int) -> Iterator[Params]:
    """Yield the points of a scrambled Sobol sequence over all ranges of a space (Owen 1998), feasible or not.

    A range whose condition does not hold takes up its dimension all the same, so that the sequence stays what it is.
    """
    from scipy.stats import qmc  # type: ignore[import-untyped]

    paths = [item.path for item in space.ranges]
    sequence = qmc.Sobol(len(paths), scramble=True, rng=seed)
    while True:
        for shares in sequence.random(BLOCK):
            at = dict(zip(paths, shares.tolist(), strict=True))
            yield space.sample(lambda path, span, at=at: span.at(at[path]))  # type: ignore[misc]
