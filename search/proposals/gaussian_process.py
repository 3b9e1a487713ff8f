"""A Gaussian process over settings and training time, of which every report is a noisy glimpse.

The loss of a configuration after a share of its training is the sum of an effect of its settings, an effect of the
trial (its seed; everything that no setting explains), and noise. The effect of the settings is the sum of one smooth
function per range, all alike beforehand: with few trials it is unknown which ranges matter, and fitted length scales
did worse. Both change with time as a Brownian motion in its logarithm would, so that an early report says something of
the end, and a late one more (freeze-thaw: Swersky, Snoek and Adams 2014, arXiv 1406.3896).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from search.proposals.curves import Reports
from search.proposals.exact import cholesky, product, solve_lower

Array = NDArray[np.float64]

LEVEL, DRIFT, NOISE = 1.0, 0.2, 0.02
"""Variances: of the level of all losses at first, of how far it drifts by the end, and of a report's noise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Beliefs:
    """The assumptions before anything is reported."""

    settings: float
    """Variance of the effect of the settings."""
    trial: float
    """Variance of the effect of a trial."""
    length: float = 1.0
    """How far two values in a range have to be apart to say half as much of each other; 1 is the whole range."""


CANDIDATES = tuple(Beliefs(settings=settings, trial=trial) for settings in (0.5, 1.5) for trial in (0.1, 0.3))
"""Those that the reports choose among."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fitted:
    """A process that has seen reports."""

    beliefs: Beliefs
    reports: Reports
    lower: Array
    """Lower triangle of the reports' covariance, shape (reports, reports)."""
    whitened: Array
    """The losses, with their correlations taken out, shape (reports, 1)."""

    @property
    def evidence(self) -> float:
        """Logarithm of the reports' probability, up to a constant."""
        fit = float(product(self.whitened, self.whitened)[0, 0])
        return -0.5 * fit - self.reports.scale.elementary.sum_of_ln(np.diag(self.lower))

    def at_end(self, to_curves: Array) -> Posterior:
        """Return the predictions for configurations after their whole training.

        Args:
            to_curves: squared distance to each curve's in each range, shape (ranges, configurations, curves).
        """
        reports = self.reports
        covariance = self.beliefs.settings * alike(to_curves, self.beliefs.length)[:, reports.curve]
        covariance = covariance * np.sqrt(reports.share)[None] + LEVEL + DRIFT * reports.share[None]
        projected = solve_lower(self.lower, covariance.T)
        return Posterior(
            mean=product(projected, self.whitened)[:, 0],
            variance=self.beliefs.settings + LEVEL + DRIFT - sum(row * row for row in projected),
            projected=projected,
            beliefs=self.beliefs,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Posterior:
    """Predictions for some configurations after their whole training, shape (configurations,) each."""

    mean: Array
    """Loss, in deviations above the usual."""
    variance: Array
    projected: Array
    """Shape (reports, configurations)."""
    beliefs: Beliefs

    def only(self, chosen: NDArray[np.intp]) -> Posterior:
        """Return the predictions for some of them."""
        return replace(
            self, mean=self.mean[chosen], variance=self.variance[chosen], projected=self.projected[:, chosen]
        )

    def drawn(self, between: Array, normals: Array, boldness: float) -> Array:
        """Return one function that may be the true one, at all configurations together (Thompson 1933).

        Args:
            between: squared distances among them, shape (ranges, configurations, configurations).
            normals: independent standard normal numbers, one each.
            boldness: how far it may lie off the mean, in standard deviations.
        """
        covariance = self.beliefs.settings * alike(between, self.beliefs.length) + LEVEL + DRIFT
        covariance = covariance - product(self.projected, self.projected) + 1e-6 * np.eye(len(self.mean))
        return self.mean + boldness * product(cholesky(covariance).T, normals[:, None])[:, 0]


def fit(reports: Reports, between: Array, beliefs: Beliefs) -> Fitted:
    """Return the process after all reports.

    Args:
        reports: at least one.
        between: squared distances among the curves' configurations, shape (ranges, curves, curves).
        beliefs: the assumptions.
    """
    share = reports.share
    of_settings = beliefs.settings * alike(between, beliefs.length)[np.ix_(reports.curve, reports.curve)]
    of_trial = beliefs.trial * (reports.curve[:, None] == reports.curve[None])
    earlier = np.minimum(share[:, None], share[None])
    covariance = (of_settings + of_trial) * over_time(share, share) + LEVEL + DRIFT * earlier
    lower = cholesky(covariance + NOISE * np.eye(len(share)))
    return Fitted(beliefs=beliefs, reports=reports, lower=lower, whitened=solve_lower(lower, reports.loss[:, None]))


def over_time(share: Array, others: Array) -> Array:
    """Return how much an effect after one share of the training says of it after another, shape (some, others)."""
    earlier, later = np.minimum(share[:, None], others[None]), np.maximum(share[:, None], others[None])
    return np.asarray(np.sqrt(earlier / later))


def weights(fitted: Sequence[Fitted]) -> Array:
    """Return how likely the reports make each of the beliefs, all equally likely beforehand."""
    evidence = np.array([each.evidence for each in fitted])
    likely = fitted[0].reports.scale.elementary.exp_of_each(evidence - evidence.max())
    return np.asarray(likely / sum(likely.tolist()))


def alike(squares: Array, length: float) -> Array:
    """Return the mean over all ranges of how much two configurations' values say of each other, 0 to 1.

    The kernel is Cauchy's (the rational quadratic with α = 1): its bits are the same on every machine, unlike those of
    an exponential.
    """
    if not len(squares):
        return np.ones(squares.shape[1:])
    total = np.zeros(squares.shape[1:])
    for each in squares:
        total += 1.0 / (1.0 + each / (length * length))
    return np.asarray(total / len(squares))
