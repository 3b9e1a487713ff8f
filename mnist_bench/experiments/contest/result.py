"""Which way of searching finds more for the same budget: curves, ranks, paired tests, and a verdict in words."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_bench.experiments.contest.trace import Contest, Entrant, Trace
from mnist_bench.statistics import LEVEL, holm, pairs_needed
from mnist_bench.statistics.paired import paired

STEPS = 100
"""Points of the budget at which curves are read."""

Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How an entrant did; means are over the seeds."""

    entrant: Entrant
    trials: float
    """Mean number that ended within the budget."""
    complete: float
    """Mean number of complete ones among them."""
    bests: tuple[float | None, ...]
    """Best complete validation accuracy (0..1) of each seed; None where no trial was complete within the budget."""
    final_rank: float
    """Mean rank among all entrants at the end; 1 is the best, and equals share the mean of theirs."""
    mean_rank: float
    """The same over all of the budget."""

    @property
    def found(self) -> list[float]:
        """The bests of those seeds that have one."""
        return [best for best in self.bests if best is not None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """The first entrant against another, seed by seed."""

    first: Entrant
    other: Entrant
    mean: float
    """By how much the first one's best accuracy is higher, as a share of the images."""
    low: float
    """Of a 95 % interval for this comparison alone."""
    high: float
    p_value: float
    """Of a paired t test, adjusted for the number of comparisons by Holm's method."""
    seeds_needed: int | None
    """Seeds with which a difference like this would be shown in four of five contests; None for hundreds."""

    @property
    def shown(self) -> bool:
        """Whether the difference is beyond chance."""
        return self.p_value < LEVEL

    @property
    def words(self) -> str:
        """The verdict."""
        span = f"[{_points(self.low)}, {_points(self.high)}], {_p(self.p_value)}"
        if not self.shown:
            seeds = "hundreds of" if self.seeds_needed is None else f"about {self.seeds_needed}"
            return (
                f"{self.first.name} against {self.other.name}: no difference shown "
                f"({_points(self.mean, sign=True)} points {span}); would need {seeds} seeds"
            )
        return f"{self.claim} {span}"

    @property
    def claim(self) -> str:
        """The verdict without its figures, where a difference is shown."""
        amount = f"{_points(abs(self.mean))} points {'more' if self.mean > 0 else 'less'}"
        budget = "the same" if self.other.budgets == 1 else "double the"
        return f"{self.first.name} finds {amount} than {self.other.way} at {budget} budget"


def _points(share: float, *, sign: bool = False) -> str:
    """Return a difference of accuracies in percentage points: `0.12`, `−0.05`."""
    text = f"{100 * share:{'+' if sign else ''}.2f}"
    return text.replace("-", "−") if float(text) else "0.00"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"


def curves(contest: Contest) -> Values:
    """Return the best complete accuracy (0..1) so far, of shape (entrants, seeds, STEPS), at equal steps of the budget.

    An entrant with several budgets has spent as many times the step. NaN before the first complete trial.
    """
    steps = np.arange(1, STEPS + 1) * contest.budget / STEPS
    pairs = zip(contest.entrants, contest.traces, strict=True)
    return np.array([[_read(one, steps * entrant.budgets) for one in traces] for entrant, traces in pairs])


def _read(one: Trace, steps: Values) -> list[float]:
    bests = one.bests
    values = [math.nan, *(value for _, value in bests)]
    return [values[bisect_right(bests, step, key=lambda best: best[0])] for step in steps.tolist()]


def ranks(values: Values) -> Values:
    """Return ranks along the first axis: 1 for the largest, the mean of theirs for equals; NaN is below all others."""
    filled = np.where(np.isnan(values), -np.inf, values)
    larger = (filled[None] > filled[:, None]).sum(axis=1)
    equal = (filled[None] == filled[:, None]).sum(axis=1)
    return np.asarray(larger + (equal + 1) / 2, dtype=np.float64)


def standings(contest: Contest) -> list[Standing]:
    """Return how each entrant did, in their order."""
    found = curves(contest)
    placed = ranks(found).mean(axis=1)
    return [_standing(contest, number, found[number, :, -1], placed[number]) for number in range(len(contest.entrants))]


def _standing(contest: Contest, number: int, finals: Values, placed: Values) -> Standing:
    entrant = contest.entrants[number]
    bests = tuple(None if math.isnan(best) else best for best in finals.tolist())
    counts = [one.counts(contest.budget * entrant.budgets) for one in contest.traces[number]]
    trials, complete = np.mean(counts, axis=0).tolist()
    return Standing(
        entrant=entrant, trials=trials, complete=complete, bests=bests,
        final_rank=float(placed[-1]), mean_rank=float(placed.mean()),
    )  # fmt: skip


def comparisons(rows: Sequence[Standing], images: int) -> list[Comparison | None]:
    """Return the first entrant against each of the others; accuracies are shares of so many images.

    Only entrants that found something with every seed are compared, elsewhere None: to leave out the seeds with which a
    search failed would flatter it. The seeds needed are those at the level that Holm's method asks of the smallest
    p-value.
    """
    first, *others = rows
    pairs = {
        number: [a - b for a, b in zip(first.found, other.found, strict=True)]
        for number, other in enumerate(others)
        if len(first.found) == len(other.found) == len(first.bests)
    }
    found = {number: paired(differences, 1 / images) for number, differences in pairs.items()}
    adjusted = dict(zip(found, holm([one.p_value for one in found.values()]), strict=True))
    compared = {
        number: Comparison(
            first=first.entrant, other=others[number].entrant, mean=one.mean, low=one.low, high=one.high,
            p_value=adjusted[number], seeds_needed=pairs_needed(one.mean / one.deviation, LEVEL / len(found)),
        )
        for number, one in found.items()
    }  # fmt: skip
    return [compared.get(number) for number in range(len(others))]


def finding(comparisons: Sequence[Comparison | None], seeds: int) -> str:
    """Return the heading of a contest: the largest difference that is beyond chance, if one is."""
    compared = [one for one in comparisons if one is not None]
    shown = [one for one in compared if one.shown]
    if not compared:
        return "Nothing to compare: too few searches completed a trial within the budget"
    if not shown:
        others = "and the other" if len(compared) == 1 else "and any other"
        return f"No difference shown between {compared[0].first.name} {others} in {seeds} seeds"
    return max(shown, key=lambda one: abs(one.mean)).claim


def failures(contest: Contest, rows: Sequence[Standing]) -> list[str]:
    """Return a sentence for each search that completed no trial within its budget."""
    return [
        f"{row.entrant.name}, seed {seed}: no trial is complete within the budget of {contest.budget} trainings; "
        "--trials makes it larger."
        for row in rows
        for seed, best in zip(contest.seeds, row.bests, strict=True)
        if best is None
    ]


def shortfalls(contest: Contest) -> list[str]:
    """Return a sentence for each search that ended before its budget."""
    return [
        f"{entrant.name}, seed {seed}: the search ended after {one.spent:.0f} of {entrant.budgets * contest.budget} "
        f"trainings, at {len(one.ends):,} trials; from there on its best stands still."
        for entrant, traces in zip(contest.entrants, contest.traces, strict=True)
        for seed, one in zip(contest.seeds, traces, strict=True)
        if one.spent < entrant.budgets * contest.budget
    ]
