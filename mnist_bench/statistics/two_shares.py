"""Two shares, such as the accuracies of two classifiers: their difference, its interval, and an exact test."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True, slots=True)
class ShareDifference:
    """The difference of two shares, the first minus the second, each -1..1."""

    estimate: float
    low: float
    high: float
    """Ends of the 95% interval."""


def paired_difference(only_first: int, only_second: int, count: int) -> ShareDifference:
    """Return the difference of two shares of the same observations (Bonett and Price 2012).

    Args:
        only_first: observations that count for the first share alone.
        only_second: observations that count for the second alone.
        count: all observations, at least 1.
    """
    # One observation is added to each of the two counts, so that the interval keeps its coverage if they are small.
    first, second = (only_first + 1) / (count + 2), (only_second + 1) / (count + 2)
    variance = (first + second - (first - second) ** 2) / (count + 2)
    return _about((only_first - only_second) / count, first - second, variance)


def unpaired_difference(successes: tuple[int, int], counts: tuple[int, int]) -> ShareDifference:
    """Return the difference of two shares of different observations (Agresti and Caffo 2000).

    Args:
        successes: of the first and the second, each 0..count.
        counts: numbers of observations, each at least 1.
    """
    shares = [(part + 1) / (whole + 2) for part, whole in zip(successes, counts, strict=True)]
    variance = sum(share * (1 - share) / (whole + 2) for share, whole in zip(shares, counts, strict=True))
    return _about(successes[0] / counts[0] - successes[1] / counts[1], shares[0] - shares[1], variance)


def _about(estimate: float, middle: float, variance: float) -> ShareDifference:
    reach = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * math.sqrt(variance)
    # The added observations move the middle; the interval contains the estimate nevertheless.
    low, high = min(middle - reach, estimate), max(middle + reach, estimate)
    return ShareDifference(estimate=estimate, low=max(-1.0, low), high=min(1.0, high))


def fisher(successes: tuple[int, int], counts: tuple[int, int]) -> float:
    """Return the two-sided p-value of Fisher's exact test (Fisher 1934) that two shares of different observations are
    equal; arguments as in `unpaired_difference`."""
    total = sum(successes)
    possible = np.arange(max(0, total - counts[1]), min(total, counts[0]) + 1)
    logarithms = _ln_choose(counts[0], possible) + _ln_choose(counts[1], total - possible)
    found = logarithms[successes[0] - possible[0]]
    # Tables that are as unlikely as the one found count, too; rounding must not exclude them.
    chances = np.exp(logarithms - logarithms.max())
    return min(1.0, float(chances[logarithms <= found + 1e-7].sum() / chances.sum()))


def _ln_choose(whole: int, parts: NDArray[np.int64]) -> NDArray[np.float64]:
    from scipy.special import gammaln  # type: ignore[import-untyped]

    logarithm: NDArray[np.float64] = gammaln(whole + 1) - gammaln(parts + 1) - gammaln(whole - parts + 1)
    return logarithm
