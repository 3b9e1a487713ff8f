"""Interim analyses of searches with the same seeds: their difference, its interval, and how much cheaper one is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from boundaries import critical
from numpy.typing import NDArray

from mnist_bench.experiments.contest import Contest
from mnist_bench.experiments.contest.verdicts import Speedup, speedups

BOUNDARIES: Mapping[int, tuple[float, ...]] = {1: (1.960,), 2: (2.797, 1.977), 3: (3.471, 2.454, 2.004)}
"""Of |z| at equally spaced looks, two-sided, 5% over all of them (Jennison and Turnbull 2000, table 2.3)."""

ADDED = 4.333
"""Of |z| at an early look that was added to those planned.

The boundary of Lan and DeMets (1983) at a quarter of all pairs, by their spending function of O'Brien and Fleming's
kind. Such a look adds at most 0.0015% to the chance of a wrong claim.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """The result of this number of pairs of searches."""

    pairs: int
    difference: float
    """Mean error of the way's choices above that of the other's, in points."""
    low: float
    high: float
    """Of an interval that holds over all looks."""
    statistic: float
    boundary: float
    """Of |t|: the quantile of Student's distribution that stands for O'Brien and Fleming's."""
    verdict: str
    speedups: Mapping[int, Speedup]
    """By budget: how many times cheaper the way gets as far, with a 95% interval of its own."""


def look(contest: Contest, boundary: float, margin: float, budgets: Sequence[int] = ()) -> Look:
    """Return the result of the pairs so far, of the last entrant against the first.

    Args:
        contest: with a choice of each search.
        boundary: of |z| at this look.
        margin: in points.
        budgets: in trainings.
    """
    errors = [[trace.found for trace in traces] for traces in contest.traces]
    pairs = [(ours, theirs) for ours, theirs in zip(errors[-1], errors[0], strict=True)]
    differences = [100 * (ours - theirs) for ours, theirs in pairs if ours is not None and theirs is not None]
    if len(differences) < len(pairs):
        raise SystemExit("A search made no choice within its budget: the budget is too small.")
    found = compared(np.array(differences), boundary, margin)
    told = {budget: speedups(replace(contest, budget=budget))[-1] for budget in (*budgets, contest.budget)}
    return replace(found, speedups={budget: one for budget, one in told.items() if one is not None})


def compared(differences: NDArray[np.float64], boundary: float, margin: float) -> Look:
    """Return the result of differences of paired searches, in points; all else as in `look`."""
    mean, error = float(differences.mean()), float(differences.std(ddof=1)) / math.sqrt(len(differences))
    bound = critical(boundary, len(differences))
    statistic = mean / error if error else 0.0
    low, high = mean - bound * error, mean + bound * error
    shown = abs(statistic) > bound
    return Look(
        pairs=len(differences),
        difference=mean,
        low=low,
        high=high,
        statistic=statistic,
        boundary=bound,
        verdict="equal"
        if -margin < low and high < margin
        else ("better" if mean < 0 else "worse")
        if shown
        else "not shown",
        speedups={},
    )


def times(found: Speedup) -> str:
    """Return how many times cheaper, with its interval."""
    return f"{found.ratio:.2f} [{found.low:.2f}, {found.high:.2f}]"


def words(found: Look) -> str:
    """Return a look in a sentence."""
    faster = [f"speed-up at {budget} trainings {times(one)}" for budget, one in found.speedups.items()]
    said = (
        f"{found.pairs} pairs: {found.difference:+.3f} points [{found.low:+.3f}, {found.high:+.3f}], "
        f"t = {found.statistic:.2f} against {found.boundary:.2f}: {found.verdict}"
    )
    return "; ".join([said, *faster])
