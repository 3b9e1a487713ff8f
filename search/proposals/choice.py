"""Choose the next configuration among the candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from search.proposals.coordinates import Candidate, Params
from search.proposals.curves import Curve, points_of
from search.proposals.gaussian_process import ROUNDED, Process
from search.proposals.prospects import Prospects
from search.space.space import Direction, score

BOLDNESS = 1.0  # how far drawn losses lie off the mean, in their standard deviations
FINALISTS = 64  # candidates that Thompson sampling compares: those with the best optimistic estimates
PARENTS, REFINEMENTS = 5, 2  # of the best candidates, how many get neighbours, and how often


@dataclass(frozen=True, kw_only=True, slots=True)
class Why:
    """The reasons for a proposal, in the study's units."""

    expected: float  # value that the model expects after its whole training
    low: float
    high: float  # one standard deviation to both sides
    best: float | None  # best value of a complete trial so far
    closest: int  # the trial whose settings are closest
    among: int  # number of configurations that it was chosen among

    def in_values(self, direction: Direction) -> Why:
        """Return the same reasons in values instead of scores; see `search.space.space.score`."""
        ends = (score(self.low, direction), score(self.high, direction))
        return replace(
            self,
            expected=score(self.expected, direction),
            low=min(ends),
            high=max(ends),
            best=None if self.best is None else score(self.best, direction),
        )


def choose(curves: Sequence[Curve], prospects: Prospects, draws: np.random.Generator) -> tuple[Params, Why] | None:
    """Return the configuration to try next, and why; None if no candidate is feasible.

    A loss is drawn for every promising configuration jointly (Thompson sampling). That one is chosen whose loss lies
    furthest below the best trial's expected one, per cost of its training (after Snoek et al. 2012, section 3.2). If
    none lies below, the lowest is chosen.

    ValueError if no trial has reported.
    """
    process = prospects.model.given([curve for curve in curves if curve.values or curve.failed])
    pool = _Pool(prospects, process)
    pool.add(prospects.candidates(curves, draws))
    for _ in range(REFINEMENTS):
        pool.add(prospects.near([each.params for each in pool.promising(PARENTS)], curves, draws))
    finalists = pool.promising(FINALISTS)
    if not finalists:
        return None
    places = points_of(finalists)
    predicted = process.at_end(places)
    normals = BOLDNESS * np.round(prospects.elementary.normals(draws, len(finalists)), 9)
    losses = process.drawn(places, predicted, normals[:, None])[:, 0]
    gains = np.maximum(process.best() - losses, 0.0) / [prospects.cost(each.params) for each in finalists]
    chosen = int(np.argmax(gains) if gains.any() else np.argmin(np.round(losses, ROUNDED)))
    scale, periods = process.reports.scale, max(len(curve.shares) for curve in curves)
    mean, deviation = float(predicted.mean[chosen]), float(np.sqrt(predicted.variance[chosen]))
    low, expected, high = (scale.value(mean + off, periods) for off in (deviation, 0.0, -deviation))
    ends = (curve.values[-1] for curve in curves if len(curve.values) == len(curve.shares))
    closest = int(np.argmin(prospects.coordinates.distances(places[[chosen]], points_of(curves))[0]))
    return finalists[chosen].params, Why(
        expected=expected,
        low=low,
        high=high,
        best=max(ends, default=None),
        closest=curves[closest].trial,
        among=len(pool.candidates),
    )


class _Pool:
    """Candidates with what a model predicts of them."""

    def __init__(self, prospects: Prospects, process: Process) -> None:
        self.candidates: list[Candidate] = []
        self._prospects = prospects
        self._process = process
        self._hopeful = np.zeros(0)
        """Their optimistic estimates."""

    def add(self, candidates: Sequence[Candidate]) -> None:
        """Add candidates."""
        if candidates:
            predicted = self._process.at_end(points_of(candidates))
            self.candidates += candidates
            self._hopeful = np.append(self._hopeful, predicted.mean - BOLDNESS * np.sqrt(predicted.variance))

    def promising(self, number: int) -> list[Candidate]:
        """Return the feasible candidates with the best optimistic estimates, at most so many."""
        ranked = np.argsort(np.round(self._hopeful, ROUNDED), kind="stable").tolist()
        feasible = (self.candidates[each] for each in ranked if self._prospects.feasible(self.candidates[each].params))
        return list(islice(feasible, number))
