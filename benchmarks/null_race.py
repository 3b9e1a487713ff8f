"""How often `mnist-bench confirm` calls a candidate worse that is not, and how often it finds differences.

Run as `python benchmarks/null_race.py [CONFIRMATIONS]`, 10,000 a row by default. In the rows of equal candidates all
have the same mean, so each that is called worse is an error. In the others, candidate 0 has the lowest mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

import frame
import numpy as np
from numpy.random import Generator
from scipy.special import stdtr  # type: ignore[import-untyped]

from mnist_bench.options import SEEDS
from mnist_bench.statistics import LEVEL, ROUNDING, all_pairs

Draw = Callable[[Generator, tuple[int, int, int]], np.ndarray]
EQUAL: dict[str, Draw] = {
    "normal (60, 6)": lambda random, shape: random.normal(60, 6, shape),
    "normal (60, 0.7)": lambda random, shape: random.normal(60, 0.7, shape),
    "skewed (60, 6)": lambda random, shape: 48 + random.gamma(4, 3, shape),
    "half of the variance shared": lambda random, shape: (
        random.normal(60, 4, shape) + random.normal(0, 4, (shape[0], 1, SEEDS))
    ),
    "one with ten times the deviation": lambda random, shape: (
        240 + random.normal(0, 6, shape) * np.where(np.arange(shape[1]) == 0, 10, 1)[:, None]
    ),
    "a run in twenty does not learn": lambda random, shape: (
        random.normal(60, 6, shape) + 8000 * (random.random(shape) < 1 / 20)
    ),
}
"""Errors by confirmation, candidate and seed."""


def called_worse(errors: np.ndarray) -> np.ndarray:
    """Return which candidates are called worse than the one with the best mean, shape (confirmations, candidates)."""
    pairs = np.array([*combinations(range(errors.shape[1]), 2)])
    apart = errors[:, pairs[:, 0]] - errors[:, pairs[:, 1]]
    deviation = np.maximum(apart.std(axis=2, ddof=1), np.sqrt(2 * ROUNDING))
    reach = np.maximum(0, np.abs(apart.mean(axis=2)) - 1 / 2 / SEEDS)
    p_values = 2 * stdtr(SEEDS - 1, -reach / deviation * np.sqrt(SEEDS))
    order = p_values.argsort(axis=1)
    steps = np.take_along_axis(p_values, order, axis=1) * np.arange(len(pairs), 0, -1)
    np.put_along_axis(p_values, order, np.minimum(1, np.maximum.accumulate(steps, axis=1)), axis=1)
    for some, found in zip(errors[:20].tolist(), p_values, strict=False):  # as the product computes them one by one
        np.testing.assert_allclose([*all_pairs(dict(enumerate(some)), 1.0).values()], found, rtol=1e-9)
    best = errors.mean(axis=2).argmin(axis=1)[:, None]
    worse = np.zeros(errors.shape[:2], dtype=bool)
    for number, pair in enumerate(pairs):
        for one, other in (pair, pair[::-1]):
            worse[:, one] |= (best[:, 0] == other) & (p_values[:, number] <= LEVEL)
    return worse


def simulated(draw: Draw, gaps: list[float], confirmations: int) -> np.ndarray:
    """Return which candidates are called worse, whose mean errors lie `gaps` above those of `draw`."""
    drawn = draw(np.random.default_rng(0), (confirmations, len(gaps), SEEDS)) + np.array(gaps)[:, None]
    return called_worse(np.maximum(0, np.rint(drawn)))


def rows(confirmations: int) -> Iterator[tuple[str, float, float | None]]:
    """Yield what a row simulates, the share of confirmations with an error, and of the differences those found."""
    for name, draw in EQUAL.items():
        for candidates in (8, 3, 2):
            worse = simulated(draw, [0.0] * candidates, confirmations)
            yield f"{candidates} equal: {name}", float(worse.any(axis=1).mean()), None
    for candidates in (8, 3, 2):
        for gap in (6, 9, 12, 15, 20):
            worse = simulated(EQUAL["normal (60, 6)"], [0.0, *[float(gap)] * (candidates - 1)], confirmations)
            name = f"1 of {candidates} better by {gap}: normal (60, 6)"
            yield name, float(worse[:, 0].mean()), float(worse[:, 1:].mean())


def main() -> None:
    """Print a row for each kind of errors and each gap."""
    parser = frame.options(__doc__)
    parser.add_argument("confirmations", type=int, nargs="?", default=10_000)
    asked = parser.parse_args()
    found = [*rows(asked.confirmations)]
    cells = ([name, f"{wrong:.1%}", "" if power is None else f"{power:.0%}"] for name, wrong, power in found)
    heads = ["candidates and errors", "wrongly called worse:", "worse ones found:"]
    page = [
        "# Simulated confirmations",
        "",
        f"{asked.confirmations:,} a row, {SEEDS} seeds.",
        "",
        *frame.table(heads, cells),
    ]
    frame.publish(asked.output, "null-race", page, {"confirmations": asked.confirmations, "rows": found})


if __name__ == "__main__":
    main()
