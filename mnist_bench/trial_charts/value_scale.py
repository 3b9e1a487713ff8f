"""The vertical scale of a chart: where a value is, and the values that are written next to it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from mnist_bench import cells

ROOM = 0.06
"""Share of the scale that is left free above the best value and below the worst one."""
MIN_ERROR = 0.00005
"""Smallest error that is drawn, as a share: half an image of 10,000, because 0 has no logarithm."""
WORST = 10
"""Values whose distance from the best is this many times that of the median are on the edge of the scale."""
DECADES = 20
"""Ratio of the largest to the smallest value from which on positive values may be drawn by their logarithms."""
STEPS = (1.0, 2.0, 5.0)
APART = 0.12
"""Smallest distance of two labels, as a share of the scale."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """A labelled value."""

    place: float
    """0 at the bottom, 1 at the top."""
    label: str


class ValueScale(ABC):
    """A scale for some values; the worst of them may be beyond its edge."""

    note: str
    """How to read the scale."""

    @abstractmethod
    def place(self, value: float) -> float:
        """Return where a value is: 0 at the bottom, 1 at the top."""

    @abstractmethod
    def ticks(self) -> list[Tick]:
        """Return the labelled values, from the bottom up."""


class AccuracyScale(ValueScale):
    """A scale for accuracies, 0..1, by the logarithms of the errors: 99.2% and 99.5% are apart, as 90% and 94% are."""

    note = "log of the error"

    def __init__(self, accuracies: Sequence[float]) -> None:
        errors = [_error(accuracy) for accuracy in accuracies] or [0.1, 1.0]
        limit = WORST * median(errors)
        low, high = math.log(min(errors)), math.log(max(error for error in errors if error <= limit))
        low = min(low, high - 0.4)  # equal accuracies have a scale, too
        pad = ROOM * (high - low)
        self._best, self._worst = low - pad, min(0.0, high + pad)

    def place(self, value: float) -> float:
        """See `ValueScale.place`."""
        share = (self._worst - math.log(_error(value))) / (self._worst - self._best)
        return min(1.0, max(0.0, share))

    def ticks(self) -> list[Tick]:
        """See `ValueScale.ticks`."""
        errors = [
            step * 10.0**power for power in range(0, -5, -1) for step in (7, 5, 3, 2, 1.5, 1) if step * 10**power < 1
        ]
        inside = [error for error in errors if self._best <= math.log(error) <= self._worst]
        return _apart([Tick(place=self.place(1 - error), label=_percent(1 - error)) for error in inside])


class PlainScale(ValueScale):
    """A scale for values in their own unit, linear or logarithmic; larger values are higher, whichever are better."""

    def __init__(self, values: Sequence[float], *, minimized: bool) -> None:
        values = list(values) or [0.0, 1.0]
        self._is_log = min(values) > 0 and _suits_log(values)
        drawn = _without_outliers([self._scaled(value) for value in values], minimized=minimized)
        low, high = min(drawn), max(drawn)
        pad = ROOM * (high - low) or abs(high) * ROOM or 1.0
        self._low, self._high = low - pad, high + pad
        self.note = f"{'lower' if minimized else 'higher'} is better{', log' if self._is_log else ''}"

    def place(self, value: float) -> float:
        """See `ValueScale.place`."""
        if self._is_log and value <= 0:
            return 0.0
        return min(1.0, max(0.0, (self._scaled(value) - self._low) / (self._high - self._low)))

    def ticks(self) -> list[Tick]:
        """See `ValueScale.ticks`."""
        low, high = self._low, self._high
        if self._is_log:
            powers = range(math.floor(low / math.log(10)), math.ceil(high / math.log(10)) + 1)
            found = [step * 10.0**power for power in powers for step in STEPS]
            inside = [value for value in found if low <= math.log(value) <= high]
        else:
            size = _step(high - low)
            first = math.ceil(low / size)
            inside = [count * size for count in range(first, math.floor(high / size) + 1)]
        return _apart([Tick(place=self.place(value), label=f"{value:.6g}") for value in inside])

    def _scaled(self, value: float) -> float:
        return math.log(value) if self._is_log else value


def _error(accuracy: float) -> float:
    return max(MIN_ERROR, 1 - accuracy)


def _percent(accuracy: float) -> str:
    return f"{round(100 * accuracy, 3):g}%"


def _apart(ticks: Sequence[Tick]) -> list[Tick]:
    """Return the ticks from the bottom up, without those that are too close to one that is kept."""
    kept: list[Tick] = []
    for tick in reversed(ticks):  # the best values have the labels
        if not kept or abs(tick.place - kept[-1].place) >= APART:
            kept.append(tick)
    return sorted(kept, key=lambda tick: tick.place)


def _step(span: float) -> float:
    """Return the distance of round values of which about five lie in a span."""
    size = 10.0 ** math.floor(math.log10(span / 5))
    return next(step * size for step in (*STEPS, 10.0) if step * size >= span / 5)


def _suits_log(values: Sequence[float]) -> bool:
    """Return whether positive values span more than a decade, most of them near the smallest."""
    low, middle, high = min(values), median(values), max(values)
    return high >= DECADES * low and middle - low < (high - low) / 4


def _without_outliers(values: Sequence[float], *, minimized: bool) -> list[float]:
    best = min(values) if minimized else max(values)
    limit = WORST * median(abs(value - best) for value in values)
    return [value for value in values if not limit or abs(value - best) <= limit]


def scale_of(values: Sequence[float], *, of_nets: bool, minimized: bool) -> ValueScale:
    """Return the scale for the values of a study; without a value, one that can be drawn."""
    finite = [value for value in values if math.isfinite(value)]
    return AccuracyScale(finite) if of_nets else PlainScale(finite, minimized=minimized)


def text(value: float, *, of_nets: bool) -> str:
    """Return a value in words."""
    return cells.percent(value) if of_nets else cells.significant(value, 4)
