"""Figures by configuration and seed: those of finished runs, their variance, and the best configuration.

The variance is that of a two-way analysis without interaction (Fisher 1925). The best of many configurations, each
measured with few seeds, is shrunk toward the others, without the luck of the one that looks best.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1 / 12
"""Variance due to rounding to whole numbers (Sheppard 1898). It is a lower bound: a few seeds may agree by chance, and
a variance of zero would make any difference significant."""
Number = TypeVar("Number", int, float)
LOW, HIGH = 0.05, 0.25
"""Quantiles of the configurations' means from which the normal distribution of true errors follows: those of the good
ones. What a fit to all gives is so wide, for the sake of the many that do not learn, that nothing is shrunk."""


def finished(figures: Sequence[Number | None]) -> list[Number]:
    """Return the figures of the runs that finished."""
    return [figure for figure in figures if figure is not None]


def complete(figures: Sequence[Number | None]) -> list[Number] | None:
    """Return the figures if all runs finished, else None: without the failed runs a configuration would look better."""
    found = finished(figures)
    return found if len(found) == len(figures) else None


def mean(figures: Sequence[Number | None]) -> float | None:
    """Return the mean over the seeds; None if a run did not finish."""
    found = complete(figures)
    return None if found is None else fmean(found)


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """The configuration with the best posterior mean."""

    index: int
    mean: float  # posterior mean of its error
    error: float  # standard deviation of the posterior


def reference(errors: Sequence[Sequence[float]]) -> Reference:
    """Return the configuration whose error is most likely the lowest, and its expected error.

    The lowest of many means is biased low, because it was selected partly by luck. Each mean is therefore shrunk
    toward that of the good configurations, the more the fewer seeds it has (empirical Bayes; Efron and Morris 1973).
    Errors are taken to be normal: about a configuration's true error with one variance, pooled over the better half of
    those with several seeds; and true errors about a common mean.

    Args:
        errors: of each configuration, one a seed; one at least has two.

    Raises:
        ValueError: no configuration has two.
    """
    means = np.array([fmean(one) for one in errors])
    noise = _variance_within(errors) / np.array([len(one) for one in errors])
    centre, deviation = _normal(means)
    between = max(0.0, deviation**2 - float(noise.mean()))
    kept = between / (between + noise) if between else np.zeros(len(means))
    posterior = centre + kept * (means - centre)
    # If they do not differ beyond the noise, all are equal, and the mean of all is known best.
    index = int(posterior.argmin()) if between else int(means.argmin())
    # Quantiles that coincide by chance, as ties make them, do not make the common mean certain.
    spread = max(deviation**2, float(noise.mean()))
    error = math.sqrt(kept[index] * noise[index] + (1 - kept[index]) ** 2 * spread / len(means))
    return Reference(index=index, mean=float(posterior[index]), error=error)


def _variance_within(errors: Sequence[Sequence[float]]) -> float:
    several = sorted((one for one in errors if len(one) > 1), key=fmean)
    if not several:
        raise ValueError("no configuration has two seeds")
    better = several[: math.ceil(len(several) / 2)]
    squares = sum((error - fmean(one)) ** 2 for one in better for error in one)
    return squares / sum(len(one) - 1 for one in better)


def _normal(means: NDArray[np.float64]) -> tuple[float, float]:
    """Return mean and standard deviation of the normal distribution with the same `LOW` and `HIGH` quantiles."""
    low, high = np.quantile(means, [LOW, HIGH]).tolist()
    at_low, at_high = map(NormalDist().inv_cdf, (LOW, HIGH))
    deviation = (high - low) / (at_high - at_low)
    return high - at_high * deviation, deviation
