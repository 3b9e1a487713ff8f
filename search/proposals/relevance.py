"""How much each range matters, and how noisy reports are, learned from a study's own reports.

The covariance of two configurations is a rational quadratic kernel with one relevance per range (automatic relevance
determination: Rasmussen and Williams 2006, sections 4.2.1 and 5.1). It needs no exponential, so that its bits are the
same on every machine. The relevances, the variances and the noise are those with the largest posterior density: the
reports' likelihood times log-normal priors. The gradient is exact, and only its signs are used (Rprop: Riedmiller and
Braun 1993).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile

import numpy as np

from search.elementary import Elementary
from search.proposals.coordinates import Coordinates
from search.proposals.curves import Curve, Reports, evenly, most_recent, points_of, reports_of, telling, within
from search.proposals.exact import Array, cholesky, product, solve_lower
from search.proposals.gaussian_process import (
    DRIFT,
    LEVEL,
    Beliefs,
    Process,
    alike,
    of_settings,
    of_trials,
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """The parts of the method; each can be switched off, to measure what it is worth."""

    joint: bool = True  # ranges act together; if off, each has its own effect only
    relevance: bool = True  # relevances are learned; if off, all ranges matter alike
    noise: bool = True  # variances and noise are learned; if off, they are those usual beforehand
    telling: bool = True
    """Of many reports, the most telling are read; if off, the most recent ones, as `curves` reads them."""
    decades: bool = True  # losses that spread over decades count by their logarithm
    cost: bool = True  # the gain per cost counts; if off, the gain alone
    refine: bool = True  # candidates near the best ones are tried; if off, those of `curves` alone


def usual(ranges: int, parts: Parts) -> Beliefs:
    """Return what is believed before anything is reported."""
    joint, mains, trial, noise = (
        USUAL_VARIANCES if parts.joint else (0.0, USUAL_VARIANCES[0] + USUAL_VARIANCES[1], *USUAL_VARIANCES[2:])
    )
    relevances = np.full(ranges, USUAL_RELEVANCE / max(1, ranges))
    return Beliefs(relevances=relevances, joint=joint, mains=mains, trial=trial, noise=noise)


def learn(reports: Reports, between: Array, parts: Parts) -> Beliefs:
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

    def learned(logarithms: Array) -> Beliefs:
        found = start.copy()
        found[free] = np.round(elementary.exp_of_each(logarithms), DECIMALS)
        joint, mains, trial, noise = found[len(between) :].tolist()
        return Beliefs(relevances=found[: len(between)], joint=joint, mains=mains, trial=trial, noise=noise)

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
        share, self._curve = reports.share, reports.curve
        self._losses = reports.loss[:, None]
        self._between = between
        self._mains = alike(between, 1.0)
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

    def given(self, curves: Sequence[Curve], parts: Parts) -> Process:
        """Return the process after the reports of curves; ValueError if no trial has reported."""
        read = telling if parts.telling else evenly
        reports_in = partial(reports_of, elementary=self._elementary, read=read, decades=parts.decades)
        # Learned from the trials of the lowest numbers, of those that have ended. Their reports are final, so that
        # nothing has to be learned again until their number is the next of `LEARNING`.
        ended = [curve for curve in curves if curve.ended and curve.values]
        ended = ended[: max((each for each in LEARNING if each <= len(ended)), default=0)]
        key = (parts, tuple(curve.trial for curve in ended))
        if self._learned is None or self._learned[0] != key:
            beliefs = usual(len(self._coordinates), parts)
            if ended:
                ranked = sorted(ended, key=lambda curve: (-len(curve.values), curve.trial))
                few = within(MAX_LEARNED_FROM, ranked, telling)
                beliefs = learn(reports_in(few), self._squares(few), parts)
            self._learned = key, beliefs
        beliefs = self._learned[1]
        chosen = _read(curves) if parts.telling else most_recent(curves)
        reports = reports_in(chosen)
        share = reports.share
        effects = of_trials(of_settings(self._squares(chosen), beliefs), reports, beliefs)
        level = LEVEL + DRIFT * np.minimum(share[:, None], share[None])
        covariance = effects * over_time(share, share) + level + beliefs.noise * np.eye(len(share))
        trials = [chosen[number].trial for number in reports.curve.tolist()]
        lower = self._factored(key, [*zip(trials, share.tolist(), strict=True)], covariance)
        return Process(self._coordinates, beliefs, chosen, reports, lower)

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
    read = within(MAX_READ, [*best[:BEST], *newest], telling)
    return sorted(read, key=lambda curve: (not curve.ended, curve.trial))
