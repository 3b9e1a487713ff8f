"""Paired differences, one per seed: their mean, whether it is significant, and what so many seeds would show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from mnist_bench.statistics.anova import ROUNDING
from mnist_bench.statistics.tests import mean_and_deviation

LEVEL = 0.05
POWER = 0.8
POINTS = 2000
"""Number of equally likely values of the observed deviation over which the power is averaged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Paired:
    """Summary of two or more differences."""

    mean: float
    deviation: float
    """Sample standard deviation (n - 1)."""
    low: float
    high: float
    """Ends of Student's 95 % interval for the mean."""
    p_value: float
    """Two-sided p-value of the paired t test (Student 1908) that the mean is 0."""


def paired(differences: Sequence[float], step: float) -> Paired:
    """Return the summary of two or more differences.

    The deviation is at least what rounding alone causes, because a few equal differences prove nothing.

    Args:
        differences: one per seed.
        step: the values whose differences these are come in multiples of it, such as 1 / images.
    """
    from scipy.special import stdtr, stdtrit  # type: ignore[import-untyped]

    mean, deviation = mean_and_deviation(differences)
    # Both values of a difference are rounded, so their variances add up.
    deviation = max(deviation, step * math.sqrt(2 * ROUNDING))
    error = deviation / math.sqrt(len(differences))
    reach = error * float(stdtrit(len(differences) - 1, 1 - LEVEL / 2))
    return Paired(
        mean=mean, deviation=deviation, low=mean - reach, high=mean + reach,
        p_value=2 * float(stdtr(len(differences) - 1, -abs(mean) / error)),
    )  # fmt: skip


@cache
def effect_shown(pairs: int, level: float = LEVEL) -> float:
    """Return the smallest effect that so many pairs show with a power of 80 %.

    Args:
        pairs: two or more.
        level: significance level of the two-sided paired t test.

    Returns:
        A mean difference in standard deviations of the differences, to four digits.
    """
    low, high = 0.0, 1.0
    while power(high, pairs, level) < POWER:
        low, high = high, 2 * high
    while high - low > 1e-4 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if power(middle, pairs, level) < POWER else (low, middle)
    return high


def power(effect: float, pairs: int, level: float = LEVEL) -> float:
    """Return the probability that a two-sided paired t test detects a difference of `effect` standard deviations.

    For a given observed deviation, a normal distribution gives the probability. It is averaged over the observed
    deviations, whose squares follow a chi² distribution.
    """
    from scipy.special import chdtri, ndtr, stdtrit

    freedom = pairs - 1
    observed = np.sqrt(chdtri(freedom, (np.arange(POINTS) + 0.5) / POINTS) / freedom)
    limit = observed * float(stdtrit(freedom, 1 - level / 2))
    centre = abs(effect) * math.sqrt(pairs)
    return float(np.mean(ndtr(centre - limit) + ndtr(-centre - limit)))
