"""How much each range matters, and how noisy reports are, learned from a study's own reports.

The covariance of two configurations is a rational quadratic kernel with one relevance per range (automatic relevance
determination: Rasmussen and Williams 2006, sections 4.2.1 and 5.1). It needs no exponential, so that its bits are the
same on every machine. The relevances, the variances and the noise are those with the largest posterior density: the
reports' likelihood times log-normal priors. The gradient is exact, and only its signs are used (Rprop: Riedmiller and
Braun 1993).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

import numpy as np

from search.elementary import Elementary
from search.proposals.coordinates import Coordinates
from search.proposals.curves import Curve, Reports, points_of, reports_of, within
from search.proposals.exact import Array, cholesky, product, solve_lower
from search.proposals.gaussian_process import (
    DRIFT,
    LEVEL,
    Beliefs,
    Process,
    alike,
    covariance_of,
    over_time,
    weighted,
)

DECIMALS = 9
"""To which everything that is learned is rounded: in its last bits, an exponential differs between machines."""
STEPS = 16  # steps of the ascent
FIRST_STEP, LEAST_STEP, MOST_STEP = 0.4, 0.01, 1.0
"""Of a parameter's logarithm: the first step, and the bounds of all others."""
USUAL_RELEVANCE, SPREAD_OF_RELEVANCE = 1.0, 1.5
"""The prior of a relevance: log-normal around this number over the number of ranges (so that two configurations differ
as much in a space of many ranges as in one of few), with this standard deviation of the logarithm."""
USUAL_VARIANCES, SPREAD_OF_VARIANCES = (0.5, 0.5, 0.2, 0.02), (0.7, 0.7, 0.7, 1.0)
"""The priors of the others: of the joint effect of the settings, of their main effects, of the trial, and of a
report's noise."""
LEARNING = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
"""Numbers of ended trials at which relevances, variances and noise are learned anew."""
MAX_LEARNED_FROM = 160  # most reports that they are learned from; learning takes about 0.2 s with so many
MAX_READ = 320  # most reports that predictions are made from
BEST = 32  # trials that are always read: those that trained longest, the better ones of them first


def usual(ranges: int) -> Beliefs:
    """Return what is believed before anything is reported."""
    joint, mains, trial, noise = USUAL_VARIANCES
    relevances = np.full(ranges, USUAL_RELEVANCE / max(1, ranges))
    return Beliefs(relevances=relevances, joint=joint, mains=mains, trial=trial, noise=noise)


def learn(reports: Reports, between: Array) -> Beliefs:
    """Return the most probable relevances, variances and noise, given reports.

    Args:
        reports: at least one.
        between: squared distances among the curves' configurations, shape (ranges, curves, curves).
    """
    elementary, before = reports.scale.elementary, usual(len(between))
    middle = np.array([elementary.ln(each) for each in (*before.relevances.tolist(), *USUAL_VARIANCES)])
    spread = np.array([*[SPREAD_OF_RELEVANCE] * len(between), *SPREAD_OF_VARIANCES])
    evidence = _Evidence(reports, between)

    def learned(logarithms: Array) -> Beliefs:
        found = np.round(elementary.exp_of_each(logarithms), DECIMALS)
        joint, mains, trial, noise = found[len(between) :].tolist()
        return Beliefs(relevances=found[: len(between)], joint=joint, mains=mains, trial=trial, noise=noise)

    logarithms, steps, direction = middle.copy(), np.full(len(middle), FIRST_STEP), np.zeros(len(middle))
    for _ in range(STEPS):
        gradient = evidence.gradient(learned(logarithms)) - (logarithms - middle) / (spread * spread)
        agreeing = np.sign(gradient) * direction
        steps = np.clip(steps * np.where(agreeing > 0, 1.2, np.where(agreeing < 0, 0.5, 1.0)), LEAST_STEP, MOST_STEP)
        direction = np.where(agreeing < 0, 0.0, np.sign(gradient))
        logarithms = np.clip(logarithms + direction * steps, middle - 4.0 * spread, middle + 4.0 * spread)
    return learned(logarithms)


class _Evidence:
    """The logarithm of the reports' probability, as a function of what is learned."""

    def __init__(self, reports: Reports, between: Array) -> None:
        share, self._curve = reports.share, reports.curve
        self._losses = reports.loss[:, None]
        self._between = between
        self._mains = alike(between)
        self._time = over_time(share, share)
        self._level = LEVEL + DRIFT * np.minimum(share[:, None], share[None])
        self._same = np.equal(self._curve[:, None], self._curve[None]) * self._time
        self._one_hot = np.equal(self._curve[:, None], np.arange(between.shape[1])[None]) * 1.0

    def gradient(self, learned: Beliefs) -> Array:
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
        by_range = _added(by_distance[:, None] * self._between.swapaxes(0, 1))
        by_relevance = _added(by_range.T) * learned.relevances
        return np.array([*by_relevance, *(_added(_added(pull * part)) for part in parts)])


def _added(values: Array) -> Array:
    """Return the sum over the first axis, row by row: `np.sum` adds in another order on another machine."""
    return sum(values, np.zeros(values.shape[1:]))


class RelevanceModel:
    """Conditions the process on a study's curves; what it computed for earlier proposals is kept.

    The reports of trials that have ended keep their rows in the covariance, so that its factor is extended and not
    computed anew. The result depends on the curves alone: what is kept has the same bits as what is computed anew.
    """

    def __init__(self, coordinates: Coordinates, elementary: Elementary) -> None:
        self._coordinates = coordinates
        self._elementary = elementary
        self._learned: tuple[object, Beliefs] | None = None
        self._factor: tuple[object, Sequence[tuple[int, float]], Array] | None = None

    def given(self, curves: Sequence[Curve]) -> Process:
        """Return the process after the reports of curves; ValueError if no trial has reported."""
        # Learned from the trials of the lowest numbers, of those that have ended. Their reports are final, so that
        # nothing has to be learned again until their number is the next of `LEARNING`.
        ended = [curve for curve in curves if curve.ended and curve.values]
        ended = ended[: max((each for each in LEARNING if each <= len(ended)), default=0)]
        key = tuple(curve.trial for curve in ended)
        if self._learned is None or self._learned[0] != key:
            beliefs = usual(len(self._coordinates))
            if ended:
                few = within(MAX_LEARNED_FROM, sorted(ended, key=lambda curve: (-len(curve.values), curve.trial)))
                beliefs = learn(reports_of(few, self._elementary), self._squares(few))
            self._learned = key, beliefs
        beliefs = self._learned[1]
        read = _read(curves)
        reports = reports_of(read, self._elementary)
        trials = [read[number].trial for number in reports.curve.tolist()]
        rows = [*zip(trials, reports.share.tolist(), strict=True)]
        lower = self._factored(key, rows, covariance_of(reports, self._squares(read), beliefs))
        return Process(self._coordinates, beliefs, read, reports, lower)

    def _squares(self, curves: Sequence[Curve]) -> Array:
        points = points_of(curves)
        return self._coordinates.squares(points, points)

    def _factored(self, key: object, rows: Sequence[tuple[int, float]], covariance: Array) -> Array:
        """Return the factor of a covariance; the rows that it shares with the last one are not computed again."""
        known = np.zeros((0, 0))
        if self._factor is not None and self._factor[0] == key:
            same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(self._factor[1], rows, strict=False)))
            known = self._factor[2][:same, :same]
        self._factor = key, rows, cholesky(covariance, known)
        return self._factor[2]


def _read(curves: Sequence[Curve]) -> list[Curve]:
    """Return the curves that are read: the best ones and then the newest, those that have ended first."""
    best = sorted(curves, key=lambda curve: (-len(curve.values), -max(curve.values[-1:], default=0.0), curve.trial))
    newest = sorted(curves, key=lambda curve: -curve.trial)
    read = within(MAX_READ, [*best[:BEST], *newest])
    return sorted(read, key=lambda curve: (not curve.ended, curve.trial))
