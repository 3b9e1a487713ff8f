"""Learning curves as a model reads them: every report of every trial, on a scale where differences mean alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.elementary import NATIVE, Elementary
from search.proposals.coordinates import Candidate
from search.proposals.exact import Array

DECADES = 10.0  # ratio of the largest to the least loss from which on logarithms count
MIN_ERROR = 0.001
"""Added to an error (0..1) before its logarithm is taken, so that a single image of few does not count for much."""
BAD = 2.0
"""A loss counts as at most this many deviations above the median of its period: how bad a net at chance level is, or
one that diverged, says nothing of the others."""
DEVIATION = 1.4826  # the standard deviation over the median absolute deviation, for normal values
MIN_SCALE = 0.05  # lower bound of the deviation of log errors: if all are alike, their noise counts for little
RUNG = 3  # of the `telling` reports of a curve, 1, 3, 9, 27, ..., and the last one
DECIMALS = 9  # to which logarithms are rounded: in their last bit they differ between machines


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """The known facts about one trial."""

    trial: int
    params: Mapping[str, Any]
    point: Array  # coordinates of the parameters, see `search.proposals.coordinates`
    shares: tuple[float, ...]
    """Of each period, the share of the whole training's cost that is spent when it ends; the last one is 1."""
    values: tuple[float, ...]  # the maximised value, after each period so far
    ended: bool  # whether it was trained to its end, or was stopped
    failed: bool = False  # whether training failed: it diverged, or memory or time did not suffice


def points_of(some: Iterable[Curve | Candidate]) -> Array:
    """Return the points of curves or candidates, shape (some, columns)."""
    return np.array([each.point for each in some])


def telling(curve: Curve) -> Sequence[int]:
    """Return the indices of the reports that are read of a curve: at the usual rungs, and the last one.

    >>> telling(Curve(trial=0, params={}, point=np.zeros(0), shares=(0.1,) * 10, values=(0.5,) * 8, ended=False))
    [0, 2, 7]
    """
    last = len(curve.values) - 1
    rungs = takewhile(lambda index: index < last, (RUNG**rung - 1 for rung in range(len(curve.values))))
    return [*rungs, last] if curve.values else []


@dataclass(frozen=True, kw_only=True, slots=True)
class Reports:
    """All reports of all trials, one a row: shape (reports,) each."""

    curve: NDArray[np.intp]  # which curve it belongs to
    share: Array
    loss: Array  # in deviations above the usual value after this period; low is good
    scale: Scale


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """How values become losses, and back."""

    top: float | None  # the logarithm of the distance to it is the loss; None if minus the value is
    usual: tuple[float, ...]  # the usual value on the loss's scale, after each period
    deviation: float
    elementary: Elementary = NATIVE  # computes this logarithm, and every exp and ln of the model

    def value(self, loss: float, period: int) -> float:
        """Return the value that a standardised loss after a period (from 1) stands for."""
        raw = self.usual[period - 1] + self.deviation * loss
        return -raw if self.top is None else self.top - self.elementary.exp(raw)


def reports_of(curves: Sequence[Curve], elementary: Elementary = NATIVE) -> Reports:
    """Return the telling reports of all curves; a failed trial has one more, which is as bad as any.

    ValueError if there is no report.
    """
    top = _top([value for curve in curves for value in curve.values])
    raw = [
        [-value if top is None else round(elementary.ln(top - value), DECIMALS) for value in curve.values]
        for curve in curves
    ]
    usual = _usual(raw, max(len(curve.shares) for curve in curves))
    firsts = [losses[0] for losses in raw if losses]
    if not firsts:
        raise ValueError("no trial has reported")
    measured = DEVIATION * median(abs(loss - usual[0]) for loss in firsts)
    farthest = max(abs(loss - at) for losses in raw for loss, at in zip(losses, usual, strict=False))
    # Values that are all but equal have a deviation in which others may lie farther off than a number can say.
    told = measured > 0 and math.isfinite(farthest / measured)
    least = 0.0 if top is None else MIN_SCALE
    deviation = max(measured, least) if told or least else 1.0
    rows: list[tuple[int, float, float]] = []
    for number, (curve, losses) in enumerate(zip(curves, raw, strict=True)):
        for period in telling(curve):
            rows.append((number, curve.shares[period], min((losses[period] - usual[period]) / deviation, BAD)))
        if curve.failed:
            rows.append((number, curve.shares[min(len(losses), len(curve.shares) - 1)], BAD))
    of, shares, losses_ = zip(*rows, strict=True)
    return Reports(
        curve=np.array(of, np.intp),
        share=np.array(shares),
        loss=np.array(losses_),
        scale=Scale(top=top, usual=usual, deviation=deviation, elementary=elementary),
    )


def _top(values: Sequence[float]) -> float | None:
    """Return the value whose distance counts by its logarithm: of shares, and of losses that spread over decades."""
    if all(0.0 <= value <= 1.0 for value in values):
        return 1.0 + MIN_ERROR
    is_wide = all(value < 0.0 for value in values) and min(values) < DECADES * max(values)
    return 0.0 if is_wide else None


def _usual(raw: Sequence[Sequence[float]], periods: int) -> tuple[float, ...]:
    """Return the usual loss after each period: for the first the median, then the gains of the trials that
    continued."""
    usual = [median([losses[0] for losses in raw if losses] or [0.0])]
    for period in range(1, periods):
        gains = [losses[period] - losses[period - 1] for losses in raw if len(losses) > period]
        usual.append(usual[-1] + median(gains or [0.0]))
    return tuple(usual)


def within(most: int, curves: Iterable[Curve]) -> list[Curve]:
    """Return curves, each once, of which at most `most` reports are read; those that come first have priority."""
    chosen: dict[int, Curve] = {}
    reports = 0
    for curve in curves:
        rows = len(telling(curve)) + curve.failed
        if curve.trial not in chosen and reports + rows <= most:
            chosen[curve.trial] = curve
            reports += rows
    return list(chosen.values())
