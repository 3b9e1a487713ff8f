"""A Gaussian process over settings and training time that learns from a study which ranges matter.

Like the process of `search.proposals.gaussian_process`, it reads every report as a noisy glimpse of a trial's loss. It
differs in three ways. The effect of the settings is a joint effect, in which each range has a relevance, and the sum of
main effects. Relevances, variances and noise are learned (`search.proposals.relevance`). The reports of trials that
have ended keep their rows in the covariance, so that its factor is extended and not computed anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from search.elementary import Elementary
from search.proposals.coordinates import Coordinates
from search.proposals.curves import Curve, Reports, most_recent, reports_of
from search.proposals.exact import cholesky, factor, product, solve_lower
from search.proposals.gaussian_process import DRIFT, LEVEL, over_time
from search.proposals.relevance import Learned, Parts, learn, of_settings, usual

Array = NDArray[np.float64]

LEARNING = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
"""Numbers of ended trials at which relevances, variances and noise are learned anew."""
MAX_LEARNED_FROM = 160
"""Most reports that they are learned from; learning takes about 0.2 s with so many."""
MAX_READ = 320
"""Most reports that predictions are made from."""
BEST = 32
"""Trials that are always read: those that trained longest, the better ones of them first."""
RUNG = 3
"""Of a curve, the reports 1, 3, 9, 27, ... are read, and the last one."""


def telling(curve: Curve) -> Sequence[int]:
    """Return the indices of the reports that are read of a curve: at the usual rungs, and the last one.

    >>> telling(Curve(trial=0, params={}, point=np.zeros(0), shares=(0.1,) * 10, values=(0.5,) * 8, ended=False))
    [0, 2, 7]
    """
    last = len(curve.values) - 1
    return [
        *takewhile(lambda index: index < last, (RUNG**rung - 1 for rung in range(len(curve.values)))),
        *[last][: last + 1],
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Predicted:
    """Predictions for some configurations after their whole training, shape (configurations,) each."""

    mean: Array
    """Loss, in deviations above the usual."""
    variance: Array
    projected: Array
    """Shape (reports, configurations)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditioned:
    """The process after all reports."""

    coordinates: Coordinates
    learned: Learned
    curves: Sequence[Curve]
    """Those that were read."""
    reports: Reports
    lower: Array
    """Lower triangle of the reports' covariance, shape (reports, reports)."""
    whitened: Array
    """The losses, with their correlations taken out, shape (reports, 1)."""

    @property
    def points(self) -> Array:
        """The curves' points, shape (curves, columns)."""
        return np.array([curve.point for curve in self.curves])

    def at_end(self, places: Array) -> Predicted:
        """Return the predictions for configurations after their whole training, by their points."""
        learned = self.learned
        projected = solve_lower(self.lower, self._to_reports(places).T)
        before = learned.joint + learned.mains + LEVEL + DRIFT
        return Predicted(
            mean=product(projected, self.whitened)[:, 0],
            variance=np.maximum(before - sum(row * row for row in projected), 0.0),
            projected=projected,
        )

    def best(self) -> float:
        """Return the least loss that is expected of a trial with a report."""
        # Their variances are not needed, and take most of the time.
        upward = solve_lower(self.lower.T[::-1, ::-1], self.whitened[::-1])[::-1]
        reported = [number for number, curve in enumerate(self.curves) if curve.values]
        return float(product(self._to_reports(self.points[reported]).T, upward).min())

    def _to_reports(self, places: Array) -> Array:
        """Return the covariance of losses after a whole training with all reports, shape (configurations, reports)."""
        share = self.reports.share
        effects = of_settings(self.coordinates.squares(places, self.points), self.learned)[:, self.reports.curve]
        return np.asarray(effects * np.sqrt(share)[None] + LEVEL + DRIFT * share[None])

    def drawn(self, places: Array, predicted: Predicted, normals: Array) -> Array:
        """Return losses that may be the true ones at all configurations together (Thompson 1933).

        Args:
            places: their points.
            predicted: the predictions for them.
            normals: independent standard normal numbers, shape (configurations, draws).

        Returns: shape (configurations, draws).
        """
        covariance = of_settings(self.coordinates.squares(places, places), self.learned) + LEVEL + DRIFT
        covariance = covariance - product(predicted.projected, predicted.projected) + 1e-6 * np.eye(len(places))
        return predicted.mean[:, None] + product(cholesky(covariance).T, normals)


class RelevanceModel:
    """Conditions the process on a study's curves; what it computed for earlier proposals is kept.

    The result depends on the curves alone: what is kept has the same bits as what is computed anew.
    """

    def __init__(self, coordinates: Coordinates, elementary: Elementary) -> None:
        self._coordinates = coordinates
        self._elementary = elementary
        self._learned: tuple[object, Learned] | None = None
        self._factor: tuple[object, Sequence[tuple[int, float]], Array] | None = None

    def given(self, curves: Sequence[Curve], parts: Parts) -> Conditioned:
        """Return the process after the reports of curves.

        Raises:
            ValueError: no trial has reported.
        """
        learned_from, learned = self._what_was_learned(curves, parts)
        read = _read(curves) if parts.telling else most_recent(curves)
        reports = self._reports(read, parts)
        points = np.array([curve.point for curve in read])
        effects = of_settings(self._coordinates.squares(points, points), learned)
        rows = [
            (read[number].trial, share)
            for number, share in zip(reports.curve.tolist(), reports.share.tolist(), strict=True)
        ]
        covariance = _covariance(effects, reports, learned)
        lower = self._factored((learned_from, parts), rows, covariance)
        return Conditioned(
            coordinates=self._coordinates, learned=learned, curves=read, reports=reports, lower=lower,
            whitened=solve_lower(lower, reports.loss[:, None]),
        )  # fmt: skip

    def _what_was_learned(self, curves: Sequence[Curve], parts: Parts) -> tuple[object, Learned]:
        """Return which trials were learned from, and what: those of the lowest numbers, of the trials that have ended.

        Their reports are final, so that nothing has to be learned again until their number is the next of `LEARNING`.
        """
        ended = [curve for curve in curves if curve.ended and curve.values]
        number = max((each for each in LEARNING if each <= len(ended)), default=0)
        key = (parts, tuple(curve.trial for curve in ended[:number]))
        if self._learned is None or self._learned[0] != key:
            self._learned = key, self._learn(ended[:number], parts) if number else usual(len(self._coordinates), parts)
        return self._learned

    def _learn(self, curves: Sequence[Curve], parts: Parts) -> Learned:
        ranked = sorted(curves, key=lambda curve: (-len(curve.values), curve.trial))
        few = _within(MAX_LEARNED_FROM, ranked)
        points = np.array([curve.point for curve in few])
        return learn(self._reports(few, parts), self._coordinates.squares(points, points), parts)

    def _reports(self, curves: Sequence[Curve], parts: Parts) -> Reports:
        read = telling if parts.telling else attrgetter("read")
        return reports_of(curves, self._elementary, read=read, decades=parts.decades)

    def _factored(self, key: object, rows: Sequence[tuple[int, float]], covariance: Array) -> Array:
        """Return the factor of a covariance; the rows that it shares with the last one are not computed again."""
        known = np.zeros((0, 0))
        if self._factor is not None and self._factor[0] == key:
            same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(self._factor[1], rows, strict=False)))
            known = self._factor[2][:same, :same]
        self._factor = key, rows, factor(covariance, known)
        return self._factor[2]


def _covariance(effects: Array, reports: Reports, learned: Learned) -> Array:
    """Return the covariance of reports, given that of their configurations' effects, shape (curves, curves)."""
    share, curve = reports.share, reports.curve
    of_trials = effects[np.ix_(curve, curve)] + learned.trial * np.equal(curve[:, None], curve[None])
    level = LEVEL + DRIFT * np.minimum(share[:, None], share[None])
    return np.asarray(of_trials * over_time(share, share) + level + learned.noise * np.eye(len(share)))


def _read(curves: Sequence[Curve]) -> list[Curve]:
    """Return the curves that are read: the best ones and then the newest, those that have ended first."""
    best = sorted(curves, key=lambda curve: (-len(curve.values), -max(curve.values[-1:], default=0.0), curve.trial))
    newest = sorted(curves, key=lambda curve: -curve.trial)
    read = {curve.trial: curve for curve in _within(MAX_READ, [*best[:BEST], *newest])}
    return sorted(read.values(), key=lambda curve: (not curve.ended, curve.trial))


def _within(most: int, curves: Sequence[Curve]) -> list[Curve]:
    """Return curves, each once, with at most `most` reports together; those that come first have priority."""
    chosen: dict[int, Curve] = {}
    reports = 0
    for curve in curves:
        rows = len(telling(curve)) + curve.failed
        if curve.trial not in chosen and reports + rows <= most:
            chosen[curve.trial] = curve
            reports += rows
    return list(chosen.values())
