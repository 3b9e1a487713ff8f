"""Two-way analysis of variance without interaction (Fisher 1925), of counts by configuration and seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1 / 12
"""Variance due to rounding to whole numbers (Sheppard 1898). It is a lower bound: a few seeds may agree by chance, and
a variance of zero would make any difference significant."""


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


def _residuals(table: NDArray[np.float64]) -> NDArray[np.float64]:
    about_means = table - table.mean(axis=1, keepdims=True)
    residuals: NDArray[np.float64] = about_means - about_means.mean(axis=0, keepdims=True)
    return residuals
