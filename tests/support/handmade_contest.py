"""A contest made by hand: what each search had found, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mnist_bench.experiments.contest.trace import Contest, Entrant, Trace
from mnist_bench.numerics.machine import Machine

MACHINE = Machine(
    processor="Abacus [bold]9[/bold]",
    cores=2,
    gpu=None,
    precision="bf16",
    python="3.11.7",
    versions={"torch": "2.13.0"},
)
TPE_ASHA = Entrant(sampler="tpe", pruner="asha")
RANDOM = Entrant(sampler="random", pruner="none")
TWICE = Entrant(sampler="random", pruner="none", budgets=2)

Ends = Sequence[tuple[float, float | None]]


def trace(*ends: tuple[float, float | None], spent: float | None = None) -> Trace:
    """Return a search in which trials ended so; what it spent in all is by default what it had at the last end."""
    return Trace(ends=ends, spent=ends[-1][0] if spent is None else spent)


def contest(searches: Mapping[Entrant, Sequence[Trace]], *, budget: int = 10, images: int = 1000) -> Contest:
    """Return a contest of these searches, one a seed for each entrant."""
    return Contest(
        space="mini", machine=MACHINE, folder="results/_bench/search/mini-0", images=images, budget=budget,
        training_seconds=1.5, seeds=tuple(range(len(next(iter(searches.values()))))), entrants=tuple(searches),
        traces=tuple(map(tuple, searches.values())),
    )  # fmt: skip


def finals(bests: Mapping[Entrant, Sequence[float]], *, images: int = 1000) -> Contest:
    """Return a contest in which each search found its best of these at half the budget, and 0.9 at a fifth."""
    searches = {
        one: [trace((2 * one.budgets, 0.9), (3 * one.budgets, None), (5 * one.budgets, best), (20.0, None))
              for best in found]
        for one, found in bests.items()
    }  # fmt: skip
    return contest(searches, images=images)


def close() -> Contest:
    """Return a contest of three seeds in which nothing is shown."""
    return finals({TPE_ASHA: [0.98, 0.981, 0.985], RANDOM: [0.981, 0.979, 0.984], TWICE: [0.983, 0.982, 0.981]})


def clear() -> Contest:
    """Return a contest of four seeds: the first finds 0.9 to 1.1 points more than random, 0.1 less than at double."""
    random, first = [0.97, 0.971, 0.969, 0.97], [0.98, 0.982, 0.978, 0.98]
    return finals({TPE_ASHA: first, RANDOM: random, TWICE: [best + 0.001 for best in first]})
