"""How often `mnist-bench confirm` drops a candidate wrongly, and how often it finds differences.

Run as `python benchmarks/null_race.py [RACES]`, 200 races a row by default. In the null rows all candidates are copies
of one configuration: every drop is wrong, and a winner is named if all others are dropped. In the other rows candidate
0 makes 60 errors and all others more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import frame
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
    return random.normal(MEAN, np.array([12.0] + [6.0] * (shape[0] - 1))[:, None], shape)


def tenfold(random: Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return errors of mean 240 and deviation 6, but for the last candidate, which swings ten times as much."""
    return random.normal(4 * MEAN, np.array([6.0] * (shape[0] - 1) + [60.0])[:, None], shape)


def collapsed(random: Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return normal errors (60, 6); with one of its seeds the last candidate does not learn: 8,100 errors more."""
    errors = random.normal(MEAN, 6.0, shape)
    errors[-1, random.integers(shape[1])] += 8100
    return errors


def shared(random: Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return normal errors to which each seed does something that all candidates share."""
    return random.normal(MEAN, 5.0, shape) + random.normal(0.0, 5.0, (1, shape[1]))


def _errors(table: list[list[int]], racing: Sequence[int], seeds: int) -> dict[int, list[int]]:
    return {candidate: table[candidate][:seeds] for candidate in racing}


def simulate(draw: Draw, gaps: Sequence[float], races: int) -> Outcome:
    """Run that number of races of candidates whose mean errors lie `gaps` above those of `draw`."""
    ends = []
    for number in range(races):
        drawn = draw(np.random.default_rng([0, number]), (len(gaps), race.ROUNDS[-1])) + np.array(gaps)[:, None]
        table = np.maximum(0, np.rint(drawn)).astype(int).tolist()
        end = race.run(range(len(table)), partial(_errors, table))
        if end is None:
            raise RuntimeError("a race of drawn errors is never stopped")
        ends.append(end)
    others = [[c in end.dropped for c in range(1, min(len(gaps), 7))] for end in ends]
    return Outcome(
        named=float(np.mean([len(end.racing) == 1 for end in ends])),
        any_dropped=float(np.mean([bool(end.dropped) for end in ends])),
        best_dropped=float(np.mean([0 in end.dropped for end in ends])),
        dropped=float(np.mean(others)),
    )


def rows() -> Iterator[tuple[str, Draw, list[float]]]:
    """Yield each kind of errors and each gap."""
    kinds = {"normal (60, 6)": normal(6.0), "skewed (60, 6)": skewed}
    eight = {"seeds shared": shared, "one swings twice": unequal, "one swings tenfold": tenfold}
    for name, draw in (kinds | eight | {"one seed collapsed": collapsed}).items():
        yield f"null, 8 copies, {name}", draw, [0] * 8
    for name, draw in (kinds | {"normal (60, 1)": normal(1.0)}).items():
        yield f"null, 2 copies, {name}", draw, [0, 0]
    yield "best, 3 near, 4 far, normal", normal(6.0), [0, 2, 2, 2, 30, 30, 40, 40]
    for gap in (6.0, 9.0, 12.0, 15.0, 20.0):
        yield f"7 worse by {gap:g}, normal", normal(6.0), [0, *[gap] * 7]
    for name, draw in {"normal": normal(6.0), "the last tenfold": tenfold, "the last collapsed": collapsed}.items():
        for gap in (12.0, 15.0, 20.0):
            yield f"6 worse by {gap:g}, {name}", draw, [0, *[gap] * 6, 20]
    for gap in (9.0, 12.0, 15.0):
        yield f"1 of 2 worse by {gap:g}, normal", normal(6.0), [0, gap]


def main() -> None:
    """Print a row for each kind of errors and each gap."""
    parser = frame.options(__doc__)
    parser.add_argument("races", type=int, nargs="?", default=200)
    asked = parser.parse_args()
    made = frame.made()
    found = {name: simulate(draw, gaps, asked.races) for name, draw, gaps in rows()}
    heads = ["", "winner named:", "anyone dropped:", "#0 dropped:", "others dropped:"]
    cells = ([name, *(f"{share:.1%}" for share in asdict(row).values())] for name, row in found.items())
    page = ["# Simulated races", "", f"{asked.races} races a row. {made}", "", *frame.table(heads, cells)]
    frame.publish(
        asked.output, "null-race", page, {**asdict(made), "rows": {name: asdict(row) for name, row in found.items()}}
    )


if __name__ == "__main__":
    main()
