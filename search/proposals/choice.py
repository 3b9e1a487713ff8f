"""Choose the next configuration among the candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from search.proposals.coordinates import Candidate, Params
from search.proposals.curves import Curve, Scale, most_recent, reports_of
from search.proposals.gaussian_process import CANDIDATES, Fitted, fit, weights
from search.proposals.prospects import Prospects
from search.proposals.relevance import Parts
from search.proposals.relevance_model import Conditioned
from search.space.objective import Direction, score

Array = NDArray[np.float64]
BOLDNESS = 1.0
"""How far drawn losses lie off the mean, in their standard deviations."""
FINALISTS = 64
"""Candidates that Thompson sampling compares: those with the best optimistic estimates."""
PARENTS, REFINEMENTS = 5, 2
"""Of the best candidates, how many get neighbours, and how often."""
ROUNDED = 6
"""Decimals to which losses are rounded before the least is chosen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Why:
    """The reasons for a proposal, in the study's units."""

    expected: float
    """Value that the model expects after its whole training."""
    low: float
    high: float
    """One standard deviation to both sides."""
    best: float | None
    """Best value of a complete trial so far."""
    closest: int
    """The trial whose settings are closest."""
    among: int
    """Number of configurations that it was chosen among."""

    def in_values(self, direction: Direction) -> Why:
        """Return the same reasons in values instead of scores; see `search.space.score`."""
        ends = (score(self.low, direction), score(self.high, direction))
        return replace(
            self,
            expected=score(self.expected, direction),
            low=min(ends),
            high=max(ends),
            best=None if self.best is None else score(self.best, direction),
        )


def choose(
    curves: Sequence[Curve],
    candidates: Sequence[Candidate],
    prospects: Prospects,
    draws: np.random.Generator,
) -> tuple[Params, Why] | None:
    """Return the candidate to try next, and why; None if none is feasible (Thompson sampling).

    Beliefs are drawn with probabilities by how well they explain the reports. Then a loss is drawn for every promising
    configuration jointly, and the lowest is chosen: each is tried as often as it may be the best.

    Raises:
        ValueError: no trial has reported.
    """
    coordinates, elementary = prospects.coordinates, prospects.elementary
    tried, known = list(curves), [curve for curve in curves if curve.values or curve.failed]
    curves = most_recent(known)
    reports = reports_of(curves, elementary)
    points = np.array([curve.point for curve in curves])
    between = coordinates.squares(points, points)
    fitted = _drawn([fit(reports, between, beliefs) for beliefs in CANDIDATES], draws)
    places = np.array([candidate.point for candidate in candidates])
    posterior = fitted.at_end(coordinates.squares(places, points))
    hopeful = np.round(posterior.mean - BOLDNESS * np.sqrt(np.maximum(posterior.variance, 0.0)), ROUNDED)
    ranked = np.argsort(hopeful, kind="stable")
    promising = (each for each in ranked.tolist() if prospects.feasible(candidates[each].params))
    finalists = np.array(list(islice(promising, FINALISTS)), np.intp)
    if not len(finalists):
        return None
    among = posterior.only(finalists)
    near = coordinates.squares(places[finalists], places[finalists])
    losses = among.drawn(near, np.round(elementary.normals(draws, len(finalists)), 9), BOLDNESS)
    chosen = int(np.argmin(np.round(losses, ROUNDED)))
    candidate = candidates[int(finalists[chosen])]
    apart = coordinates.distances(candidate.point[None], np.array([curve.point for curve in tried]))[0]
    expected = float(among.mean[chosen]), float(among.variance[chosen])
    return candidate.params, _why(reports.scale, expected, tried, apart, len(candidates))


def choose_by_relevance(
    curves: Sequence[Curve],
    candidates: Sequence[Candidate],
    prospects: Prospects,
    draws: np.random.Generator,
    parts: Parts,
) -> tuple[Params, Why] | None:
    """Return the candidate to try next, and why; None if none is feasible.

    One function of the losses is drawn from the model (Thompson sampling). The candidate is chosen whose loss lies
    furthest below the best trial's expected one, per cost of its training (after Snoek et al. 2012, section 3.2).

    Raises:
        ValueError: no trial has reported.
    """
    process = prospects.model.given([curve for curve in curves if curve.values or curve.failed], parts)
    pool = _Pool(prospects, process)
    pool.add(candidates)
    for _ in range(REFINEMENTS if parts.refine else 0):
        pool.add(prospects.near([each.params for each in pool.promising(PARENTS)], curves, draws))
    finalists = pool.promising(FINALISTS)
    if not finalists:
        return None
    places = np.array([each.point for each in finalists])
    predicted = process.at_end(places)
    normals = BOLDNESS * np.round(prospects.elementary.normals(draws, len(finalists)), 9)
    losses = process.drawn(places, predicted, normals[:, None])[:, 0]
    chosen = int(np.argmin(np.round(losses, ROUNDED)))
    if parts.cost:
        gains = np.maximum(process.best() - losses, 0.0) / [prospects.cost(each.params) for each in finalists]
        chosen = int(np.argmax(gains)) if gains.any() else chosen
    apart = prospects.coordinates.distances(places[[chosen]], np.array([curve.point for curve in curves]))[0]
    expected = float(predicted.mean[chosen]), float(predicted.variance[chosen])
    return finalists[chosen].params, _why(process.reports.scale, expected, curves, apart, len(pool.candidates))


class _Pool:
    """Candidates with what a model predicts of them."""

    def __init__(self, prospects: Prospects, process: Conditioned) -> None:
        self.candidates: list[Candidate] = []
        self._prospects = prospects
        self._process = process
        self._hopeful = np.zeros(0)
        """Their optimistic estimates."""

    def add(self, candidates: Sequence[Candidate]) -> None:
        """Add candidates."""
        if candidates:
            predicted = self._process.at_end(np.array([each.point for each in candidates]))
            self.candidates += candidates
            self._hopeful = np.append(self._hopeful, predicted.mean - BOLDNESS * np.sqrt(predicted.variance))

    def promising(self, number: int) -> list[Candidate]:
        """Return the feasible candidates with the best optimistic estimates, at most so many."""
        ranked = np.argsort(np.round(self._hopeful, ROUNDED), kind="stable").tolist()
        feasible = (self.candidates[each] for each in ranked if self._prospects.feasible(self.candidates[each].params))
        return list(islice(feasible, number))


def _why(scale: Scale, of_loss: tuple[float, float], curves: Sequence[Curve], apart: Array, among: int) -> Why:
    """Return the reasons for a configuration, given its loss's mean and variance and its distance to each curve's."""
    (mean, variance), periods = of_loss, max(len(curve.shares) for curve in curves)
    deviation = float(np.sqrt(max(variance, 0.0)))
    low, expected, high = (scale.value(mean + off, periods) for off in (deviation, 0.0, -deviation))
    ends = (curve.values[-1] for curve in curves if len(curve.values) == len(curve.shares))
    closest = curves[int(np.argmin(apart))].trial
    return Why(expected=expected, low=low, high=high, best=max(ends, default=None), closest=closest, among=among)


def _drawn(fitted: Sequence[Fitted], draws: np.random.Generator) -> Fitted:
    shares = np.cumsum(np.round(weights(fitted), ROUNDED))
    return fitted[min(int(np.searchsorted(shares, draws.random() * shares[-1], side="right")), len(fitted) - 1)]
