"""Paired differences, a seed each: their mean, whether it is beyond chance, and how many seeds would show it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnist_bench.statistics.anova import ROUNDING
from mnist_bench.statistics.tests import mean_and_deviation

LEVEL = 0.05
POWER = 0.8
MAX_SEEDS = 100
"""What needs more pairs than these is not looked into."""
POINTS = 2000
"""Of the observed deviation, equally likely ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Paired:
    """Two or more differences, summed up."""

    mean: float
    deviation: float
    """Sample standard deviation (n - 1)."""
    low: float
    """Of Student's 95 % interval for the mean."""
    high: float
    p_value: float
    """Of the two-sided paired t test (Student 1908) that the mean is 0."""


def paired(differences: Sequence[float], step: float) -> Paired:
    """Return what two or more differences between values that come in multiples of `step` tell.

    The deviation counts as no less than what rounding both values to such steps makes by itself: a few equal
    differences are no proof.
    """
    from scipy.special import stdtr, stdtrit  # type: ignore[import-untyped]

    mean, deviation = mean_and_deviation(differences)
    deviation = max(deviation, step * math.sqrt(2 * ROUNDING))
    error = deviation / math.sqrt(len(differences))
    reach = error * float(stdtrit(len(differences) - 1, 1 - LEVEL / 2))
    return Paired(
        mean=mean, deviation=deviation, low=mean - reach, high=mean + reach,
        p_value=2 * float(stdtr(len(differences) - 1, -abs(mean) / error)),
    )  # fmt: skip


def pairs_needed(effect: float, level: float = LEVEL) -> int | None:
    """Return how many pairs show a difference with 80 % power; None where it takes more than `MAX_SEEDS`.

    Args:
        effect: the mean difference in standard deviations of the differences (Cohen's d, 1988).
        level: of the two-sided paired t test.
    """
    return next((pairs for pairs in range(2, MAX_SEEDS + 1) if power(effect, pairs, level) >= POWER), None)


def power(effect: float, pairs: int, level: float = LEVEL) -> float:
    """Return the chance that a two-sided paired t test shows a difference of `effect` standard deviations.

    The chance given the deviation that is observed, averaged over what that may be (its square is distributed as chi²).
    """
    from scipy.special import chdtri, ndtr, stdtrit

    freedom = pairs - 1
    observed = np.sqrt(chdtri(freedom, (np.arange(POINTS) + 0.5) / POINTS) / freedom)
    limit = observed * float(stdtrit(freedom, 1 - level / 2))
    centre = abs(effect) * math.sqrt(pairs)
    return float(np.mean(ndtr(centre - limit) + ndtr(-centre - limit)))
