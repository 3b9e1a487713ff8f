"""The two-way analysis of variance without interaction (Fisher 1925) of counts by configuration and seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1 / 12
"""Variance that rounding to whole numbers has by itself (Sheppard 1898): few seeds can agree by chance, and a variance
of zero would make certain what is not."""


def residual_variance(table: NDArray[np.float64]) -> tuple[float, int]:
    """Return the residual variance of a table of counts and its degrees of freedom.

    The residual is what is left of a count once the configuration's mean and what the seed does to all are taken out.
    Its variance counts as no less than `ROUNDING`.

    Args:
        table: shape (configurations, seeds), 2 at least of each.
    """
    configurations, seeds = table.shape
    residuals = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0, keepdims=True) + table.mean()
    freedom = (configurations - 1) * (seeds - 1)
    return max(ROUNDING, float((residuals**2).sum()) / freedom), freedom
