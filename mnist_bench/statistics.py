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
"""Variance due to rounding to whole numbers (Sheppard 1898). It is a lower bound: a few seeds may agree by chance, and
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


def residual_variance(table: NDArray[np.float64]) -> tuple[float, int]:
    """Return (residual variance, at least `ROUNDING`; degrees of freedom) of counts of shape (configurations, seeds).

    The residual is the count without its configuration's mean and without its seed's effect on all configurations.
    """
    configurations, seeds = table.shape
    freedom = (configurations - 1) * (seeds - 1)
    about_means = table - table.mean(axis=1, keepdims=True)
    residuals = about_means - about_means.mean(axis=0, keepdims=True)
    return max(ROUNDING, float((residuals**2).sum()) / freedom), freedom


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


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Return the two-sided p-value of McNemar's exact test (McNemar 1947) for two classifiers on the same images.

    Both of shape (images,), True where a classifier is right.
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
    variance = (first + second - (first - second) ** 2) / (count + 2)
    return _about((only_first - only_second) / count, first - second, variance)


def unpaired_difference(successes: tuple[int, int], counts: tuple[int, int]) -> ShareDifference:
    """Return the difference of two shares, `successes` of `counts` observations (Agresti and Caffo 2000)."""
    shares = [(part + 1) / (whole + 2) for part, whole in zip(successes, counts, strict=True)]
    variance = sum(share * (1 - share) / (whole + 2) for share, whole in zip(shares, counts, strict=True))
    return _about(successes[0] / counts[0] - successes[1] / counts[1], shares[0] - shares[1], variance)


def _about(estimate: float, middle: float, variance: float) -> ShareDifference:
    reach = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * math.sqrt(variance)
    # The added observations move the middle; the interval contains the estimate nevertheless.
    low, high = min(middle - reach, estimate), max(middle + reach, estimate)
    return ShareDifference(estimate=estimate, low=max(-1.0, low), high=min(1.0, high))


def fisher(successes: tuple[int, int], counts: tuple[int, int]) -> float:
    """Return the two-sided p-value of Fisher's exact test (Fisher 1934) of two shares, `successes` of `counts`."""
    total = sum(successes)
    possible = np.arange(max(0, total - counts[1]), min(total, counts[0]) + 1)
    logarithms = _ln_choose(counts[0], possible) + _ln_choose(counts[1], total - possible)
    found = logarithms[successes[0] - possible[0]]
    # Tables that are as unlikely as the one found count, too; rounding must not exclude them.
    chances = np.exp(logarithms - logarithms.max())
    return min(1.0, float(chances[logarithms <= found + 1e-7].sum() / chances.sum()))


def _ln_choose(whole: int, parts: NDArray[np.int64]) -> NDArray[np.float64]:
    from scipy.special import gammaln

    logarithm: NDArray[np.float64] = gammaln(whole + 1) - gammaln(parts + 1) - gammaln(whole - parts + 1)
    return logarithm


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
