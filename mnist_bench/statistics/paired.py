"""Paired differences, one per seed: their mean, whether it is significant, and the effect that n seeds can show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from mnist_bench.statistics.anova import ROUNDING
from mnist_bench.statistics.inference import holm, mean_and_deviation

LEVEL = 0.05
POWER = 0.8


@dataclass(frozen=True, kw_only=True, slots=True)
class Paired:
    """Summary of two or more differences."""

    mean: float
    deviation: float
    """Sample standard deviation (n - 1)."""
    low: float
    high: float
    """Ends of Student's 95% interval for the mean."""
    p_value: float
    """Two-sided p-value of the paired t test (Student 1908) that the mean is 0."""


def paired(differences: Sequence[float], step: float) -> Paired:
    """Return the summary of two or more differences.

    The deviation is at least the one that rounding alone causes, because a few equal differences prove nothing.

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


def all_pairs(results: Mapping[int, Sequence[float]], step: float) -> dict[tuple[int, int], float]:
    """Return the p-value of each pair of configurations, corrected over all pairs (Holm 1979).

    Whichever configuration is then looked at, because its mean is the best, say, in at most 5 of 100 cases a pair that
    does not differ falls below 0.05.

    Args:
        results: of each configuration, with the same two or more seeds.
        step: as in `paired`.
    """
    pairs = [*combinations(results, 2)]
    apart = ([a - b for a, b in zip(results[one], results[other], strict=True)] for one, other in pairs)
    return dict(zip(pairs, holm([_p_value(each, step) for each in apart]), strict=True))


def _p_value(differences: Sequence[float], step: float) -> float:
    # Like the differences, their sum comes in steps. Without half a step less (Yates 1934), results that vary by about
    # one step differ significantly in 6 of 100 cases by chance.
    mean = fmean(differences)
    less = math.copysign(min(abs(mean), step / 2 / len(differences)), mean)
    return paired([each - less for each in differences], step).p_value


def effect_shown(pairs: int, level: float = LEVEL) -> float:
    """Return the smallest effect that `pairs` pairs show with a power of 80%.

    Args:
        pairs: two or more.
        level: significance level of the two-sided paired t test.

    Returns:
        A mean difference in standard deviations of the differences.
    """
    from scipy.special import nctdtrinc, stdtrit

    # Of the noncentral t distribution; its other tail, a significant difference of the wrong sign, is negligible.
    limit = stdtrit(pairs - 1, 1 - level / 2)
    return float(nctdtrinc(pairs - 1, 1 - POWER, limit)) / math.sqrt(pairs)
