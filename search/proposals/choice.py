"""Choose the next configuration among the candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from search.proposals.coordinates import Candidate, Params
from search.proposals.curves import Curve, reports_of
from search.proposals.gaussian_process import CANDIDATES, Fitted, fit, weights
from search.proposals.prospects import Prospects
from search.space import Direction, score

Array = NDArray[np.float64]
BOLDNESS = 1.0
FINALISTS = 64
"""Candidates that Thompson sampling compares: those with the best optimistic estimates."""
MAX_REPORTS = 240
"""Most reports that the model reads: those of the trials that trained longest, and of the newest ones."""
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
    curves = _most_telling(known)
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
    periods = max(len(curve.shares) for curve in curves)
    deviation = float(np.sqrt(max(among.variance[chosen], 0.0)))
    low, expected, high = (
        reports.scale.value(float(among.mean[chosen]) + off, periods) for off in (deviation, 0.0, -deviation)
    )
    apart = coordinates.distances(places[finalists[[chosen]]], np.array([curve.point for curve in tried]))[0]
    why = Why(
        expected=expected,
        low=low,
        high=high,
        best=max((curve.values[-1] for curve in known if len(curve.values) == len(curve.shares)), default=None),
        closest=tried[int(np.argmin(apart))].trial,
        among=len(candidates),
    )
    return candidates[int(finalists[chosen])].params, why


def _most_telling(curves: Sequence[Curve]) -> list[Curve]:
    """Return the curves that are read: all, or the longest and the newest in turns, up to `MAX_REPORTS` reports."""
    furthest = sorted(curves, key=lambda curve: (-len(curve.values), -curve.trial))
    newest = sorted(curves, key=lambda curve: -curve.trial)
    read: dict[int, Curve] = {}
    reports = 0
    for curve in chain.from_iterable(zip(furthest, newest, strict=True)):
        rows = len(curve.read) + curve.failed
        if curve.trial not in read and reports + rows <= MAX_REPORTS:
            read[curve.trial] = curve
            reports += rows
    return [read[trial] for trial in sorted(read)]


def _drawn(fitted: Sequence[Fitted], draws: np.random.Generator) -> Fitted:
    shares = np.cumsum(np.round(weights(fitted), ROUNDED))
    return fitted[min(int(np.searchsorted(shares, draws.random() * shares[-1], side="right")), len(fitted) - 1)]
