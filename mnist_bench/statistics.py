"""Intervals and significance tests: shares of images, figures over seeds, two classifiers, many comparisons."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist, fmean
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
LEVEL = 0.05
POWER = 0.8
ROUNDING = 1 / 12
"""Variance due to rounding to integers (Sheppard 1898). It is a lower bound: a few seeds may agree by chance, and
a variance of zero would make any difference significant."""
Number = TypeVar("Number", int, float)


def finished(figures: Sequence[Number | None]) -> list[Number]:
    """Return the figures of the runs that finished."""
    return [figure for figure in figures if figure is not None]


def complete(figures: Sequence[Number | None]) -> list[Number] | None:
    """Return the figures if all runs finished, else None: without the failed runs a configuration would look better."""
    found = finished(figures)
    return found if len(found) == len(figures) else None


def mean_if_complete(figures: Sequence[Number | None]) -> float | None:
    """Return the mean over the seeds; None if a run did not finish."""
    found = complete(figures)
    return None if found is None else fmean(found)


def wilson(successes: int, count: int) -> tuple[float, float]:
    """Return (low, high) of Wilson's 95% score interval for the share `successes` / `count` (Wilson 1927), each 0..1.

    Unlike share ± 1.96 standard errors, it stays within 0..1 and keeps its coverage near 1, where all accuracies lie.
    """
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    share = successes / count
    scale = 1 + z * z / count
    middle = (share + z * z / (2 * count)) / scale
    reach = z / scale * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    # At the ends the formula gives exactly 0 and 1; floating point may not.
    low = 0.0 if successes == 0 else max(0.0, middle - reach)
    high = 1.0 if successes == count else min(1.0, middle + reach)
    return low, high


def discordant(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> tuple[int, int]:
    """Return on how many images the first classifier alone is right, and on how many the second alone.

    Both of shape (images,), True where a classifier is right.
    """
    return int(np.count_nonzero(first & ~second)), int(np.count_nonzero(second & ~first))


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided p-value of McNemar's exact test (McNemar 1947) of two `discordant` counts.

    Images on which both are right, or both wrong, say nothing about which is better. The rest decides, and that is
    little: two nets with 50 errors each differ on at most 100 of 10,000 images.
    """
    from scipy.special import bdtr  # type: ignore[import-untyped]

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


def corrected(test: str, over: str = "") -> str:
    """Return the words for a test at `LEVEL` whose p-values are corrected: `paired test, Holm-corrected, 5% level`."""
    return f"{test}, Holm-corrected{over}, {100 * LEVEL:g}% level"


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and the sample standard deviation (n - 1) of one or more values; of one value it is 0."""
    array: NDArray[Any] = np.asarray(values, dtype=np.float64)
    return float(array.mean()), float(array.std(ddof=1)) if len(array) > 1 else 0.0


def t_interval(values: Sequence[float], *, step: float = 0.0) -> tuple[float, float] | None:
    """Return Student's 95% interval (low, high) for the mean of normal values (Student 1908); None for a single value.

    Of multiples of a `step`, such as 1 / images, the deviation is at least the rounding's: equal values prove nothing.
    """
    from scipy.special import stdtrit

    if len(values) < 2:
        return None
    mean, deviation = mean_and_deviation(values)
    deviation = max(deviation, step * math.sqrt(ROUNDING))
    reach = float(stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2)) * deviation / math.sqrt(len(values))
    return mean - reach, mean + reach


def share_interval(values: Sequence[float], *, step: float = 0.0) -> tuple[float, float] | None:
    """Return Student's 95% interval (low, high) for the mean of shares, each 0..1; it reaches neither 0 nor 1.

    An end that would is replaced by that of the mean's log odds, whose standard error follows from the mean's (delta
    method; Oehlert 1992). The other end stays Student's: of the shares 0.999 and 1 it is 0.9931, and that of the log
    odds 0.006. None for a single value, and if their mean is 0 or 1. `step` is that of `t_interval`.
    """
    from scipy.special import expit, logit

    plain = t_interval(values, step=step)
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


@dataclass(frozen=True, kw_only=True, slots=True)
class ShareDifference:
    """The difference of two shares, the first minus the second, each -1..1."""

    estimate: float
    low: float
    high: float  # ends of the 95% interval


def paired_difference(only_first: int, only_second: int, count: int) -> ShareDifference:
    """Return the difference of two shares of the same `count` observations (Bonett and Price 2012).

    `only_first` observations count for the first share alone, `only_second` for the second alone.
    """
    # One observation is added to each of the two counts, so that the interval keeps its coverage if they are small.
    first, second = (only_first + 1) / (count + 2), (only_second + 1) / (count + 2)
    error = math.sqrt((first + second - (first - second) ** 2) / (count + 2))
    reach = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * error
    estimate, middle = (only_first - only_second) / count, first - second
    # The added observations move the middle; the interval contains the estimate nevertheless.
    low, high = min(middle - reach, estimate), max(middle + reach, estimate)
    return ShareDifference(estimate=estimate, low=max(-1.0, low), high=min(1.0, high))


@dataclass(frozen=True, kw_only=True, slots=True)
class Paired:
    """Summary of two or more differences."""

    mean: float
    deviation: float  # sample standard deviation (n - 1)
    low: float
    high: float  # ends of Student's 95% interval for the mean
    p_value: float  # two-sided p-value of the paired t test (Student 1908) that the mean is 0


def paired(differences: Sequence[float], step: float) -> Paired:
    """Return the summary of two or more differences, of values that come in multiples of `step`, such as 1 / images.

    The deviation is at least the one that rounding alone causes, because a few equal differences prove nothing.
    """
    from scipy.special import stdtr, stdtrit

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
    """Return the corrected p-value of each pair of configurations, with the same seeds each; `step` as in `paired`.

    Even for a configuration that was selected by its results, such as the one with the best mean, a pair that does not
    differ falls below 0.05 in at most 5 of 100 cases.
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
    """Return the smallest effect that `pairs` pairs, two or more, show with a power of 80% at a two-sided `level`.

    It is a mean difference in standard deviations of the differences.
    """
    from scipy.special import nctdtrinc, stdtrit

    # Of the noncentral t distribution; its other tail, a significant difference of the wrong sign, is negligible.
    limit = stdtrit(pairs - 1, 1 - level / 2)
    return float(nctdtrinc(pairs - 1, 1 - POWER, limit)) / math.sqrt(pairs)
