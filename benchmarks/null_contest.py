"""How often `bench search` claims a difference where there is none, and finds one that there is.

Run as `python benchmarks/null_contest.py [--table NAME] [--budget N] [--contests N] [--json FILE]`. A pool of real
searches is replayed over a table; the contests are drawn from it.

- Null: random search under eight names, with other seeds each. Every claimed difference is false.
- Planted: random search against random search with 1.5 times the budget, at several numbers of replays.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from mnist_bench import tables
from mnist_bench.experiments.contest import Contest, Entrant, judge
from mnist_bench.experiments.contest.contest_record import Trace
from mnist_bench.experiments.contest.replayed import ReplayedTable
from mnist_bench.experiments.contest.replays import Terms, replays
from mnist_bench.tables import RecordedBenchmark

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from support import handmade_table

RANDOM = Entrant(sampler="random")
NAMES = 8
POOL = 320
"""Searches of each kind that are replayed."""
NULL_REPLAYS = (10, 20)
PLANTED_REPLAYS = (50, 100, 200, 300, 400)
MORE = 1.5
"""Budget of the planted entrant, as a multiple of the others' budget."""

Pool = Sequence[Trace]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The results of some contests."""

    contests: str
    replays: int
    """Of each entrant."""
    claimed: float
    """Share of the contests with a difference called better or worse."""
    right: float
    """Share of the contests in which the entrant with the larger budget was called better; 0 if there is none."""
    would_be_shown: float
    """Mean of the smallest difference that this number of replays shows, as a share of the images."""


def null(pool: Pool, replays: int, contests: int) -> Outcome:
    """Return the results of contests of random search under eight names; no search is drawn twice for a contest."""

    def draw(random: np.random.Generator) -> list[Pool]:
        picked = random.permutation(len(pool))[: NAMES * replays].reshape(NAMES, replays)
        return [[pool[number] for number in numbers] for numbers in picked.tolist()]

    return _outcome(f"null, random under {NAMES} names", draw, replays, contests)


def planted(pool: Pool, richer: Pool, replays: int, contests: int) -> Outcome:
    """Return the results of contests of random search against one with a larger budget; drawn with replacement."""

    def draw(random: np.random.Generator) -> list[Pool]:
        return [[each[number] for number in random.integers(len(each), size=replays)] for each in (pool, richer)]

    return _outcome(f"planted, {MORE:g} times the budget", draw, replays, contests)


def _outcome(name: str, draw: Callable[[np.random.Generator], list[Pool]], replays: int, contests: int) -> Outcome:
    judged = [judge(_contest(draw(np.random.default_rng([replays, number])))) for number in range(contests)]
    verdicts = [[one.verdict for one in each.compared if one is not None] for each in judged]
    smallest = [one.smallest for each in judged for one in each.compared if one is not None]
    return Outcome(
        contests=name,
        replays=replays,
        claimed=float(np.mean([bool({"better", "worse"} & set(each)) for each in verdicts])),
        right=float(np.mean(["better" in each for each in verdicts])) if name.startswith("planted") else 0.0,
        would_be_shown=float(np.mean(smallest)),
    )


def _contest(searches: Sequence[Pool]) -> Contest:
    """Return a contest of these searches, each method under its own name; contests drawn from it have no budget."""
    return Contest(
        instrument="table", task="null", space="null", budget=1, training_seconds=1.0, slots=8, workers=(1,),
        seeds=tuple(range(len(searches[0]))), seen_images=handmade_table.SEEN, unseen_images=handmade_table.UNSEEN,
        entrants=tuple(Entrant(sampler=f"random {number}") for number in range(len(searches))),
        traces=tuple(map(tuple, searches)), develops=False,
    )  # fmt: skip


def searches(table: RecordedBenchmark, seeds: Sequence[int], budget: int, processes: int = 1) -> Pool:
    """Return how random searches over a table go, one a seed."""
    found = replays(ReplayedTable(table), [RANDOM], seeds, Terms(budget=budget), processes=processes)
    return () if found is None else found[0]


def main(arguments: Sequence[str]) -> None:
    """Print a row for each kind of contest and each number of replays."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", help="a shipped table, or a file (default: a table made by a formula)")
    parser.add_argument("--budget", type=int, default=20)
    parser.add_argument("--contests", type=int, default=500)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(arguments)
    table = tables.load(asked.table) if asked.table else handmade_table.table()
    pool = searches(table, range(POOL), asked.budget, asked.processes)
    richer = searches(table, range(POOL, 2 * POOL), round(MORE * asked.budget), asked.processes)
    gain = np.mean([one.found for one in pool]) - np.mean([one.found for one in richer])
    print(f"{table.name}, a budget of {asked.budget} trainings: {MORE:g} times as much gains {100 * gain:.3f} points")
    print(f"{asked.contests} contests a row               replays   claimed   rightly   would be shown")
    rows = [null(pool, each, asked.contests) for each in NULL_REPLAYS]
    rows += [planted(pool, richer, each, asked.contests) for each in PLANTED_REPLAYS]
    for row in rows:
        shown = f"{100 * row.would_be_shown:8.3f} points"
        print(f"{row.contests:<32} {row.replays:9} {row.claimed:9.1%} {row.right:9.1%} {shown}", flush=True)
    if asked.json:
        document = {"table": table.name, "budget": asked.budget, "gain": gain, "rows": [asdict(row) for row in rows]}
        asked.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
