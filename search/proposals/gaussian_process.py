"""A Gaussian process over settings and training time, of which every report is a noisy glimpse.

The loss of a configuration after a share of its training is the sum of an effect of its settings, an effect of the
trial (its seed; everything that no setting explains), and noise. The effect of the settings is a joint effect, in which
each range has a relevance, and the sum of main effects, one smooth function per range, all alike beforehand. The
effects change with time as a Brownian motion in its logarithm would, so that an early report says something of the end,
and a late one more (freeze-thaw: Swersky, Snoek and Adams 2014, arXiv 1406.3896).

What is believed beforehand is learned from the reports (`search.proposals.relevance`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search.proposals.coordinates import Coordinates
from search.proposals.curves import Curve, Reports, points_of
from search.proposals.exact import Array, cholesky, product, solve_lower

LEVEL, DRIFT = 1.0, 0.2  # variances of the level of all losses at first, and of how far it drifts by the end
ROUNDED = 6  # decimals to which losses and probabilities are rounded before one is chosen


@dataclass(frozen=True, kw_only=True, slots=True)
class Beliefs:
    """What is assumed before anything is reported, or was learned."""

    relevances: Array
    """Of each range, shape (ranges,): 1 over the squared distance at which two values say little of each other."""
    joint: float  # variance of the joint effect of the settings
    mains: float  # variance of the sum of their main effects
    trial: float  # variance of the effect of a trial
    noise: float  # variance of a report's noise


@dataclass(frozen=True, kw_only=True, slots=True)
class Predicted:
    """Predictions for some configurations after their whole training, shape (configurations,) each."""

    mean: Array  # loss, in deviations above the usual
    variance: Array
    projected: Array  # shape (reports, configurations)


class Process:
    """The process after all reports of some curves."""

    def __init__(
        self, coordinates: Coordinates, beliefs: Beliefs, curves: Sequence[Curve], reports: Reports, lower: Array
    ) -> None:
        """Take the lower triangle of the reports' covariance, shape (reports, reports)."""
        self.beliefs, self.curves, self.reports, self.lower = beliefs, curves, reports, lower
        self.points = points_of(curves)
        self.whitened = solve_lower(lower, reports.loss[:, None])  # the losses, with their correlations taken out
        self._coordinates = coordinates

    def at_end(self, places: Array) -> Predicted:
        """Return the predictions for configurations after their whole training, by their points."""
        projected = solve_lower(self.lower, self._to_reports(places).T)
        before = self.beliefs.joint + self.beliefs.mains + LEVEL + DRIFT
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

    def drawn(self, places: Array, predicted: Predicted, normals: Array) -> Array:
        """Return losses that may be the true ones at all configurations together (Thompson 1933).

        Args:
            places: their points.
            predicted: the predictions for them.
            normals: independent standard normal numbers, shape (configurations, draws).

        Returns: shape (configurations, draws).
        """
        covariance = of_settings(self._coordinates.squares(places, places), self.beliefs) + LEVEL + DRIFT
        covariance = covariance - product(predicted.projected, predicted.projected) + 1e-6 * np.eye(len(places))
        return predicted.mean[:, None] + product(cholesky(covariance).T, normals)

    def _to_reports(self, places: Array) -> Array:
        """Return the covariance of losses after a whole training with all reports, shape (configurations, reports)."""
        share = self.reports.share
        effects = of_settings(self._coordinates.squares(places, self.points), self.beliefs)[:, self.reports.curve]
        return np.asarray(effects * np.sqrt(share)[None] + LEVEL + DRIFT * share[None])


def covariance_of(reports: Reports, squares: Array, beliefs: Beliefs) -> Array:
    """Return the covariance of reports, shape (reports, reports).

    Args:
        reports: of some curves.
        squares: squared distances among the curves' configurations, shape (ranges, curves, curves).
        beliefs: the variances and relevances.
    """
    share = reports.share
    effects = of_trials(of_settings(squares, beliefs), reports, beliefs)
    level = LEVEL + DRIFT * np.minimum(share[:, None], share[None])
    return np.asarray(effects * over_time(share, share) + level + beliefs.noise * np.eye(len(share)))


def of_trials(effects: Array, reports: Reports, beliefs: Beliefs) -> Array:
    """Return the covariance of the effects of the reports' trials, given that of the curves' settings."""
    curve = reports.curve
    return np.asarray(effects[np.ix_(curve, curve)] + beliefs.trial * np.equal(curve[:, None], curve[None]))


def over_time(share: Array, others: Array) -> Array:
    """Return how much an effect after one share of the training says of it after another, shape (some, others)."""
    earlier, later = np.minimum(share[:, None], others[None]), np.maximum(share[:, None], others[None])
    return np.asarray(np.sqrt(earlier / later))


def of_settings(squares: Array, beliefs: Beliefs) -> Array:
    """Return the covariance of the effects of configurations: a joint effect and the sum of main effects.

    The joint effect has a rational quadratic kernel with α = 2, each main effect that with α = 1.

    Args:
        squares: squared distance in each range, shape (ranges, some, others).
        beliefs: the variances and relevances.
    """
    mains = beliefs.mains * alike(squares)
    near = 1.0 / (1.0 + 0.5 * weighted(squares, beliefs.relevances))
    return np.asarray(beliefs.joint * (near * near) + mains)


def weighted(squares: Array, relevances: Array) -> Array:
    """Return the squared distances over all ranges, added up in their order, shape (some, others)."""
    pairs = zip(squares, relevances.tolist(), strict=True)
    return sum((relevance * each for each, relevance in pairs), np.zeros(squares.shape[1:]))


def alike(squares: Array) -> Array:
    """Return the mean over all ranges of how much two configurations' values say of each other, 0 to 1.

    The kernel is Cauchy's (the rational quadratic with α = 1): its bits are the same on every machine, unlike those of
    an exponential.
    """
    if not len(squares):
        return np.ones(squares.shape[1:])
    total = sum((1.0 / (1.0 + each) for each in squares), np.zeros(squares.shape[1:]))
    return np.asarray(total / len(squares))
