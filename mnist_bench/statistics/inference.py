"""Intervals and significance tests: shares of images, means over seeds, two classifiers, many comparisons."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_bench.statistics.anova import ROUNDING


def wilson(successes: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return (low, high) of Wilson's score interval for a share (Wilson 1927), each 0..1.

    Unlike the textbook interval, share ± 1.96 standard errors, it stays within 0..1 and keeps its coverage near 1,
    where all accuracies here lie.

    Args:
        successes: 0..count.
        count: number of observations, at least 1.
        confidence: probability that the interval contains the true share, between 0 and 1.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / count
    scale = 1 + z * z / count
    middle = (share + z * z / (2 * count)) / scale
    reach = z / scale * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    # At the ends the formula gives exactly 0 and 1; floating point may not.
    low = 0.0 if successes == 0 else max(0.0, middle - reach)
    high = 1.0 if successes == count else min(1.0, middle + reach)
    return low, high


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Return the two-sided p-value of McNemar's exact test (McNemar 1947) for two classifiers on the same images.

    Args:
        first: shape (images,), True if the first classifier is right.
        second: shape (images,), the same for the second classifier.
    """
    from scipy.special import bdtr  # type: ignore[import-untyped]

    # Images on which both are right, or both wrong, say nothing about which is better. The rest decides, and that is
    # little: two nets with 50 errors each differ on at most 100 of 10,000 images.
    only_first = int(np.count_nonzero(first & ~second))
    only_second = int(np.count_nonzero(second & ~first))
    # The sign test: heads and tails of a fair coin.
    return min(1.0, 2 * float(bdtr(min(only_first, only_second), only_first + only_second, 0.5)))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p-values adjusted for multiple comparisons by Holm's step-down method (Holm 1979), in the given order."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return tuple(adjusted)


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and the sample standard deviation (n - 1) of one or more values; of one value it is 0."""
    array: NDArray[Any] = np.asarray(values, dtype=np.float64)
    return float(array.mean()), float(array.std(ddof=1)) if len(array) > 1 else 0.0


def t_interval(values: Sequence[float], confidence: float = 0.95, *, step: float = 0.0) -> tuple[float, float] | None:
    """Return Student's interval (low, high) for the mean of normal values (Student 1908); None for a single value.

    If values are multiples of a `step`, such as 1 / images, their deviation is at least the one caused by rounding
    alone: a few equal values prove nothing.
    """
    from scipy.special import stdtrit

    if len(values) < 2:
        return None
    mean, deviation = mean_and_deviation(values)
    deviation = max(deviation, step * math.sqrt(ROUNDING))
    reach = float(stdtrit(len(values) - 1, (1 + confidence) / 2)) * deviation / math.sqrt(len(values))
    return mean - reach, mean + reach


def share_interval(
    values: Sequence[float], confidence: float = 0.95, *, step: float = 0.0
) -> tuple[float, float] | None:
    """Return Student's interval (low, high) for the mean of shares, each 0..1; it reaches neither 0 nor 1.

    An end that would is replaced by that of the mean's log odds, whose standard error follows from the mean's (delta
    method; Oehlert 1992). The other end stays Student's: of the shares 0.999 and 1 it is 0.9931, and that of the log
    odds 0.006. None for a single value, and if their mean is 0 or 1. `step` is that of `t_interval`.
    """
    from scipy.special import expit, logit

    plain = t_interval(values, confidence, step=step)
    if plain is None or (plain[0] > 0 and plain[1] < 1):
        return plain
    mean, reach = sum(plain) / 2, (plain[1] - plain[0]) / 2
    if not 0 < mean < 1:
        return None
    odds, reach = logit(mean), reach / (mean * (1 - mean))
    tiny = sys.float_info.epsilon
    low = plain[0] if plain[0] > 0 else max(min(tiny, mean), float(expit(odds - reach)))
    high = plain[1] if plain[1] < 1 else min(max(1 - tiny, mean), float(expit(odds + reach)))
    return low, high
