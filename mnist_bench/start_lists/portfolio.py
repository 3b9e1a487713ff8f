"""A short list of configurations that were good elsewhere, each of which may be good where another is not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search.proposals.coordinates import Coordinates, Params
from search.proposals.exact import cholesky, product
from search.proposals.gaussian_process import alike

TRANSFER = 0.5
"""How far another task moves a configuration's loss, in standard deviations of all losses: smoothly over settings."""
TASKS = 256
"""Tasks that are imagined."""
LONG_LIST = 120
"""Configurations that are thought about: those with the least loss."""
LENGTH = 0.5
"""Of the kernel: how far two values in a range have to be apart to say half as much of each other."""
SEED = 0


def portfolio(configurations: Sequence[Params], losses: Sequence[float], spans: Coordinates, number: int) -> list[int]:
    """Return which configurations to try first on an unknown task, in their order.

    Greedily, each one lowers the expected least loss the most, over imagined tasks on which similar configurations do
    better or worse alike. A good one is therefore not followed by its copies (Feurer et al. 2015; Wistuba et al. 2015).

    Args:
        configurations: those trained elsewhere.
        losses: of each, low is good, in one unit.
        spans: the space's coordinates.
        number: how many to return at most.
    """
    if not configurations:
        return []
    known = np.array(losses)
    long_list = np.argsort(known, kind="stable")[:LONG_LIST]
    points = np.array([spans.of(configurations[each]) for each in long_list.tolist()])
    moves = alike(spans.squares(points, points), LENGTH) + 1e-6 * np.eye(len(points))
    deviation = float(known.std()) or 1.0
    # The same on every processor: only eight of them need libm, and these are 2e-11 away from a change of rounding.
    normals = np.round(np.random.default_rng(SEED).standard_normal((len(points), TASKS)), 9)
    imagined = known[long_list, None] + TRANSFER * deviation * product(cholesky(moves).T, normals)
    chosen: list[int] = []
    best = np.full(TASKS, np.inf)
    while len(chosen) < min(number, len(points)):
        expected = np.minimum(imagined, best).mean(axis=1)
        expected[chosen] = np.inf
        chosen.append(int(np.argmin(np.round(expected, 9))))
        best = np.minimum(best, imagined[chosen[-1]])
    return [int(long_list[each]) for each in chosen]
