"""Two-way analysis of variance without interaction (Fisher 1925), of counts by configuration and seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1 / 12
"""Variance due to rounding to whole numbers (Sheppard 1898). It is a lower bound: a few seeds may agree by chance, and
a variance of zero would make any difference significant."""
SPREAD_LEVEL = 0.01
"""A looser level takes out more of what does vary alike: at 0.05 half a point more of the races of eight copies dropped
a trial."""


def residual_variance(table: NDArray[np.float64]) -> tuple[float, int]:
    """Return (residual variance, degrees of freedom) of a table of counts.

    The residual is the count without the mean of its configuration and without the effect of its seed on all
    configurations. Its variance is at least `ROUNDING`.

    Args:
        table: shape (configurations, seeds), at least 2 of each.
    """
    configurations, seeds = table.shape
    freedom = (configurations - 1) * (seeds - 1)
    return max(ROUNDING, float((_residuals(table) ** 2).sum()) / freedom), freedom


def alike(table: NDArray[np.float64]) -> list[int]:
    """Return the configurations, by row, whose counts vary alike from seed to seed, so that one variance serves them.

    The one that varies most is taken out, then the next one, as long as an F test against the rest is significant at
    `SPREAD_LEVEL`, corrected for their number. The rest's variance is computed without it: computed together with the
    others, its own spread would inflate theirs. Two always vary alike, because their residuals mirror each other.

    Args:
        table: shape (configurations, seeds), 2 at least of each.
    """
    from scipy.special import fdtrc  # type: ignore[import-untyped]

    kept = list(range(len(table)))
    while len(kept) > 2:
        ratios = {row: _spread_ratio(table[row], table[[other for other in kept if other != row]]) for row in kept}
        widest = max(kept, key=lambda row: ratios[row])
        freedom = table.shape[1] - 1
        if fdtrc(freedom, (len(kept) - 2) * freedom, ratios[widest]) * len(kept) > SPREAD_LEVEL:
            break
        kept.remove(widest)
    return kept


def _spread_ratio(row: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Return the variance of a row about the seeds' effect on the others, in units of the others' residual variance."""
    apart = row - others.mean(axis=0)
    return float(apart.var(ddof=1)) / (1 + 1 / len(others)) / residual_variance(others)[0]


def _residuals(table: NDArray[np.float64]) -> NDArray[np.float64]:
    about_means = table - table.mean(axis=1, keepdims=True)
    residuals: NDArray[np.float64] = about_means - about_means.mean(axis=0, keepdims=True)
    return residuals
