"""Boundaries of interim analyses after any numbers of pairs and at any level, and Holm's method over several claims."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats  # type: ignore[import-untyped]

NODES, WEIGHTS = np.polynomial.legendre.leggauss(201)
MOST = 12.0
"""Above any boundary of |z| that is searched for."""


def boundaries(looks: Sequence[int], level: float) -> tuple[float, ...]:
    """Return the boundary of |z| at each look.

    By the spending function of O'Brien and Fleming's kind of Lan and DeMets (1983), on each side at half the level:
    after a share t of the last look's pairs, the looks so far claim wrongly with a probability of
    4 (1 - F(z / sqrt(t))), where F is the normal distribution and z its quantile of 1 - level / 4.

    Args:
        looks: numbers of pairs, in ascending order; the last one has all of the information.
        level: chance of a wrong claim over all looks, two-sided.

    >>> [round(each, 3) for each in boundaries([25, 50, 75, 100], 0.05)]
    [4.333, 2.963, 2.359, 2.014]
    """
    times = [pairs / looks[-1] for pairs in looks]
    spent = [4 * float(stats.norm.sf(stats.norm.isf(level / 4) / math.sqrt(time))) for time in times]
    found: list[float] = []
    process = _Process()
    for time, error in zip(times, np.diff(spent, prepend=0.0).tolist(), strict=True):
        found.append(process.boundary(time, error))
        process.stop_beyond(time, found[-1])
    return tuple(found)


class _Process:
    """A Brownian motion that stopped if it was beyond a boundary at one of the times so far."""

    def __init__(self) -> None:
        self._time = 0.0
        self._places: NDArray[np.float64] = np.zeros(1)
        """Where it may be now, and the probability of each."""
        self._shares: NDArray[np.float64] = np.ones(1)

    def boundary(self, time: float, error: float) -> float:
        """Return the boundary of |z| that it passes at a later time with the probability `error`."""
        return float(optimize.brentq(lambda z: self._beyond(time, z) - error, 0.0, MOST, xtol=1e-10))

    def stop_beyond(self, time: float, boundary: float) -> None:
        """Go on to a time, and stop if it is beyond the boundary of |z| there."""
        places = NODES * boundary * math.sqrt(time)
        steps = places[:, None] - self._places
        density = stats.norm.pdf(steps, scale=math.sqrt(time - self._time)) @ self._shares
        self._shares = density * WEIGHTS * boundary * math.sqrt(time)
        self._time, self._places = time, places

    def _beyond(self, time: float, z: float) -> float:
        at, scale = z * math.sqrt(time), math.sqrt(time - self._time)
        beyond = stats.norm.sf(at - self._places, scale=scale) + stats.norm.sf(at + self._places, scale=scale)
        return float(beyond @ self._shares)


def critical(boundary: float, pairs: int) -> float:
    """Return the quantile of Student's distribution that stands for a boundary of |z| after a number of pairs."""
    return float(stats.t.isf(stats.norm.sf(boundary), pairs - 1))


def shown_before(passes: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return for each claim how many others are shown before it by Holm's method; -1 if it is not shown itself.

    A claim is shown if it passes at the level that holds when so many claims are shown: level / (claims - number).

    Args:
        passes: shape (claims, claims, ...): [number, claim] is whether the claim passes if `number` others are shown.
    """
    claims = len(passes)
    before = np.full(passes.shape[1:], -1, np.int64)
    for _ in range(claims):
        number = np.minimum((before >= 0).sum(axis=0), claims - 1)
        now = np.take_along_axis(passes, np.broadcast_to(number, (1, *before.shape)), axis=0)[0]
        before = np.where((before < 0) & now, number, before)
    return before
