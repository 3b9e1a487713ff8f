"""How much each range matters, and how noisy reports are, learned from a study's own reports.

The covariance of two configurations is a rational quadratic kernel with one relevance per range (automatic relevance
determination: Rasmussen and Williams 2006, sections 4.2.1 and 5.1). It needs no exponential, so that its bits are the
same on every machine. The relevances, the variances and the noise are those with the largest posterior density: the
reports' likelihood times log-normal priors. The gradient is exact, and only its signs are used (Rprop: Riedmiller and
Braun 1993).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.proposals.curves import Reports
from search.proposals.exact import cholesky, product, solve_lower
from search.proposals.gaussian_process import DRIFT, LEVEL, alike, over_time

Array = NDArray[np.float64]

DECIMALS = 9
"""To which everything that is learned is rounded: in its last bits, an exponential differs between machines."""
STEPS = 16
"""Steps of the ascent."""
FIRST_STEP, LEAST_STEP, MOST_STEP = 0.4, 0.01, 1.0
"""Of a parameter's logarithm: the first step, and the bounds of all others."""
USUAL_RELEVANCE, SPREAD_OF_RELEVANCE = 1.0, 1.5
"""The prior of a relevance: log-normal around this number over the number of ranges (so that two configurations differ
as much in a space of many ranges as in one of few), with this standard deviation of the logarithm."""
USUAL_VARIANCES, SPREAD_OF_VARIANCES = (0.5, 0.5, 0.2, 0.02), (0.7, 0.7, 0.7, 1.0)
"""The priors of the others: of the joint effect of the settings, of their main effects, of the trial, and of a
report's noise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """The parts of the method; each can be switched off, to measure what it is worth."""

    joint: bool = True
    """Ranges act together; if off, each has its own effect only."""
    relevance: bool = True
    """Relevances are learned; if off, all ranges matter alike."""
    noise: bool = True
    """Variances and noise are learned; if off, they are those usual beforehand."""
    telling: bool = True
    """Of many reports, the most telling are read; if off, the most recent ones, as `curves` reads them."""
    decades: bool = True
    """Losses that spread over decades count by their logarithm."""
    cost: bool = True
    """The gain per cost counts; if off, the gain alone."""
    refine: bool = True
    """Candidates near the best ones are tried; if off, those of `curves` alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Learned:
    """What was learned of a study."""

    relevances: Array
    """Of each range, shape (ranges,): 1 over the squared distance at which two values say little of each other."""
    joint: float
    """Variance of the joint effect of the settings."""
    mains: float
    """Variance of the sum of their main effects."""
    trial: float
    """Variance of the effect of a trial."""
    noise: float
    """Variance of a report's noise."""


def usual(ranges: int, parts: Parts) -> Learned:
    """Return what is believed before anything is reported."""
    joint, mains, trial, noise = (
        USUAL_VARIANCES if parts.joint else (0.0, USUAL_VARIANCES[0] + USUAL_VARIANCES[1], *USUAL_VARIANCES[2:])
    )
    relevances = np.full(ranges, USUAL_RELEVANCE / max(1, ranges))
    return Learned(relevances=relevances, joint=joint, mains=mains, trial=trial, noise=noise)


def of_settings(squares: Array, learned: Learned) -> Array:
    """Return the covariance of the effects of configurations: a joint effect and the sum of main effects.

    The joint effect has a rational quadratic kernel with α = 2, each main effect that with α = 1 and length 1.

    Args:
        squares: squared distance in each range, shape (ranges, some, others).
        learned: the variances and relevances.
    """
    near = 1.0 / (1.0 + 0.5 * weighted(squares, learned.relevances))
    return np.asarray(learned.joint * (near * near) + learned.mains * alike(squares, 1.0))


def weighted(squares: Array, relevances: Array) -> Array:
    """Return the squared distances over all ranges, added up in their order, shape (some, others)."""
    total = np.zeros(squares.shape[1:])
    for each, relevance in zip(squares, relevances.tolist(), strict=True):
        total += relevance * each
    return total


def learn(reports: Reports, between: Array, parts: Parts) -> Learned:
    """Return the most probable relevances, variances and noise, given reports.

    Args:
        reports: at least one.
        between: squared distances among the curves' configurations, shape (ranges, curves, curves).
        parts: what of it is learned; the rest is as usual.
    """
    elementary, before = reports.scale.elementary, usual(len(between), parts)
    others = [before.joint, before.mains, before.trial, before.noise]
    start = np.array([*before.relevances.tolist(), *others])
    free = np.array([*[parts.relevance and parts.joint] * len(between), *[parts.noise] * len(others)]) & (start > 0)
    middle = np.array([elementary.ln(each) for each in start[free].tolist()])
    spread = np.array([*[SPREAD_OF_RELEVANCE] * len(between), *SPREAD_OF_VARIANCES])[free]
    evidence = _Evidence(reports, between)

    def learned(logarithms: Array) -> Learned:
        found = start.copy()
        found[free] = np.round(elementary.exp_of_each(logarithms), DECIMALS)
        joint, mains, trial, noise = found[len(between) :].tolist()
        return Learned(relevances=found[: len(between)], joint=joint, mains=mains, trial=trial, noise=noise)

    logarithms, steps, direction = middle.copy(), np.full(len(middle), FIRST_STEP), np.zeros(len(middle))
    for _ in range(STEPS):
        gradient = evidence.gradient(learned(logarithms))[free] - (logarithms - middle) / (spread * spread)
        agreeing = np.sign(gradient) * direction
        steps = np.clip(steps * np.where(agreeing > 0, 1.2, np.where(agreeing < 0, 0.5, 1.0)), LEAST_STEP, MOST_STEP)
        direction = np.where(agreeing < 0, 0.0, np.sign(gradient))
        logarithms = np.clip(logarithms + direction * steps, middle - 4.0 * spread, middle + 4.0 * spread)
    return learned(logarithms)


class _Evidence:
    """The logarithm of the reports' probability, as a function of what is learned."""

    def __init__(self, reports: Reports, between: Array) -> None:
        self._losses = reports.loss[:, None]
        self._between = between
        self._mains = alike(between, 1.0)
        self._time = over_time(reports.share, reports.share)
        self._level = LEVEL + DRIFT * np.minimum(reports.share[:, None], reports.share[None])
        self._curve = reports.curve
        self._same = np.equal(reports.curve[:, None], reports.curve[None]) * self._time
        self._one_hot = np.equal(reports.curve[:, None], np.arange(between.shape[1])[None]) * 1.0

    def gradient(self, learned: Learned) -> Array:
        """Return the derivatives by the logarithms of all relevances, of the variances and of the noise."""
        near = 1.0 / (1.0 + 0.5 * weighted(self._between, learned.relevances))
        rows = np.ix_(self._curve, self._curve)
        parts = [
            learned.joint * (near * near)[rows] * self._time,
            learned.mains * self._mains[rows] * self._time,
            learned.trial * self._same,
            learned.noise * np.eye(len(self._losses)),
        ]
        inverse_lower = solve_lower(cholesky(sum(parts, self._level)), np.eye(len(self._losses)))
        solved = product(inverse_lower, product(inverse_lower.T, self._losses))
        pull = 0.5 * (solved * solved[:, 0][None] - product(inverse_lower, inverse_lower))
        among = product(self._one_hot, product(self._one_hot, pull * self._time).T)  # of pairs of curves
        by_distance = -learned.joint * among * (near * near * near)
        by_range = np.zeros((len(self._between), self._between.shape[2]))
        for row in range(len(by_distance)):
            by_range += by_distance[row][None] * self._between[:, row]
        by_relevance = _added(by_range.T) * learned.relevances
        return np.array([*by_relevance, *(_added(_added(pull * part)[:, None])[0] for part in parts)])


def _added(values: Array) -> Array:
    """Return the sum over the first axis, row by row."""
    total = np.zeros(values.shape[1:])
    for row in values:
        total += row
    return total
