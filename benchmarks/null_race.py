"""How often `mnist-bench confirm` drops a candidate wrongly, and how often it finds differences.

Run as `python benchmarks/null_race.py [RACES]`, 200 races a row by default. In the null rows all candidates are copies
of one configuration: every drop is wrong, and a winner is named if all others are dropped. In the other rows candidate
0 makes 60 errors and all others more.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from mnist_bench.experiments.confirm import race

MEAN = 60.0
Draw = Callable[[Generator, tuple[int, int]], np.ndarray]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The results of some races, as shares of them."""

    named: float
    """All but one dropped."""
    any_dropped: float
    best_dropped: float
    """Candidate 0 dropped."""
    dropped: float
    """Of the candidates 1 to 6, the mean share: the last of eight may be one that swings more."""


def normal(deviation: float) -> Draw:
    """Return errors about 60 that are normal from seed to seed."""
    return lambda random, shape: random.normal(MEAN, deviation, shape)


def skewed(random: Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return errors of mean 60 and deviation 6 with a long tail of bad seeds, as 48 + exponential-like gamma."""
    return 48 + random.gamma(4.0, 3.0, shape)


def unequal(random: Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return errors of mean 60 with twice the spread for candidate 0."""
    deviations = np.array([12.0] + [6.0] * (shape[0] - 1))[:, None]
    return MEAN + deviations * random.standard_normal(shape)


def tenfold(random: Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return errors of mean 240 and deviation 6, but for the last candidate, which swings ten times as much."""
    deviations = np.array([6.0] * (shape[0] - 1) + [60.0])[:, None]
    return 4 * MEAN + deviations * random.standard_normal(shape)


def collapsed(random: Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return normal errors (60, 6); with one of its seeds the last candidate does not learn: 8,100 errors more."""
    errors = random.normal(MEAN, 6.0, shape)
    errors[-1, random.integers(shape[1])] += 8100
    return errors


def shared(random: Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return normal errors to which each seed does something that all candidates share."""
    return random.normal(MEAN, 5.0, shape) + random.normal(0.0, 5.0, (1, shape[1]))


def simulate(draw: Draw, gaps: Sequence[float], races: int, seed: int = 0) -> Outcome:
    """Run that number of races of candidates whose mean errors lie `gaps` above those of `draw`."""
    ends = []
    for number in range(races):
        random = np.random.default_rng([seed, number])
        table = draw(random, (len(gaps), race.ROUNDS[-1])) + np.array(gaps)[:, None]
        ends.append(_race(np.maximum(0, np.rint(table)).astype(int).tolist()))
    others = [[c in end.dropped for c in range(1, min(len(gaps), 7))] for end in ends]
    return Outcome(
        named=float(np.mean([len(end.racing) == 1 for end in ends])),
        any_dropped=float(np.mean([bool(end.dropped) for end in ends])),
        best_dropped=float(np.mean([0 in end.dropped for end in ends])),
        dropped=float(np.mean(others)),
    )


def _race(table: list[list[int]]) -> race.Race:
    end = race.run(range(len(table)), lambda racing, seeds: {c: table[c][:seeds] for c in racing})
    if end is None:
        raise RuntimeError("a race of drawn errors is never stopped")
    return end


def main(races: int) -> None:
    """Print a row for each kind of errors and each gap."""
    rows: list[tuple[str, Draw, list[float]]] = [
        ("null, 8 copies, normal (60, 6)", normal(6.0), [0] * 8),
        ("null, 8 copies, skewed (60, 6)", skewed, [0] * 8),
        ("null, 8 copies, seeds shared", shared, [0] * 8),
        ("null, 8 copies, one swings twice", unequal, [0] * 8),
        ("null, 8 copies, one swings tenfold", tenfold, [0] * 8),
        ("null, 8 copies, one seed collapsed", collapsed, [0] * 8),
        ("null, 2 copies, normal (60, 6)", normal(6.0), [0, 0]),
        ("null, 2 copies, skewed (60, 6)", skewed, [0, 0]),
        ("null, 2 copies, normal (60, 1)", normal(1.0), [0, 0]),
        ("best, 3 near, 4 far, normal", normal(6.0), [0, 2, 2, 2, 30, 30, 40, 40]),
        *((f"7 worse by {gap:g}, normal", normal(6.0), [0.0, *[gap] * 7]) for gap in (6.0, 9.0, 12.0, 15.0, 20.0)),
        *((f"6 worse by {gap:g}, normal", normal(6.0), [0.0, *[gap] * 6, 20.0]) for gap in (12.0, 15.0, 20.0)),
        *(("the same, the last tenfold", tenfold, [0.0, *[gap] * 6, 20.0]) for gap in (12.0, 15.0, 20.0)),
        *(("the same, the last collapsed", collapsed, [0.0, *[gap] * 6, 20.0]) for gap in (12.0, 15.0, 20.0)),
        *((f"1 of 2 worse by {gap:g}, normal", normal(6.0), [0.0, gap]) for gap in (9.0, 12.0, 15.0)),
    ]
    print(f"{races} races a row           winner named   anyone dropped   #0 dropped   others dropped")
    for name, draw, gaps in rows:
        found = simulate(draw, gaps, races)
        figures = f"{found.named:12.1%}   {found.any_dropped:14.1%}   {found.best_dropped:10.1%}"
        print(f"{name:<35} {figures}   {found.dropped:14.1%}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
