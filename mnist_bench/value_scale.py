"""The vertical scale of trials' values, for pictures and pages: which are shown, where each is, and which are written.

Accuracies are drawn by the logarithms of their errors: on a linear scale 99.2 and 99.5% would all but coincide, though
one makes 1.6 times as many errors as the other. Values of another trainer are drawn in their own unit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from mnist_bench import cells

MIN_ERROR = 0.005
"""Smallest error that is drawn, in percent: half an image of 10,000, because 0 has no logarithm."""
SPREAD, LOG_SPREAD = 10, 4
"""Values that are this many times further from the best than the median value are beyond the edge: by differences, and
by logarithms. Of accuracies, those with more than SPREAD times the median error, which have not learnt anything."""
DECADES, MANY = 20, 1000
"""Ratios of the largest to the smallest value from which on positive values may be drawn by their logarithms, and from
which on only powers of ten are written."""
ROOM = 0.07
"""Share of the scale that is left free above and below."""
MIN_SPAN = {"accuracy": math.log(1.5), "linear": 0.0, "log": 0.0}
"""Smallest distance of the ends, so that equal accuracies have a scale, too."""
MANTISSAS = ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7), (1, 1.2, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8, 9))
"""Errors written in each decade; the first entry is used that gives at least four, one of them near the best."""
TOP, APART = 0.2, 0.07
"""The share of the scale, from the best, in which there has to be a written value; the smallest distance of two."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """A written value."""

    height: float
    place: float  # 0 at the bottom, 1 at the top
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """A scale; its ends are the worst value that is shown, and the best one."""

    name: str = "validation accuracy"
    kind: Literal["accuracy", "linear", "log"] = "accuracy"
    worst: float
    best: float
    minimized: bool = False  # whether smaller values are better

    @classmethod
    def of(cls, values: Sequence[float], *, name: str = "", of_nets: bool = True, minimized: bool = False) -> Scale:
        """Return the scale of one or more values; of accuracies, 0..1, if they are of nets."""
        if of_nets:
            return cls(worst=lowest_shown(values), best=max(values))
        shown, is_log = _without_outliers(values, SPREAD, minimized), False
        if min(values) > 0:
            ratios = [math.exp(value) for value in _without_outliers([*map(math.log, values)], LOG_SPREAD, minimized)]
            shown, is_log = (ratios, True) if _suits_log(ratios) else (shown, False)
        worst, best = (max(shown), min(shown)) if minimized else (min(shown), max(shown))
        return cls(name=name, kind="log" if is_log else "linear", worst=worst, best=best, minimized=minimized)

    @property
    def note(self) -> str:
        """How to read the scale."""
        if self.kind == "accuracy":
            return "%, log of the error"
        return f"{'lower' if self.minimized else 'higher'} is better{', log' if self.kind == 'log' else ''}"

    def label(self, after: str = "") -> str:
        """Return the label: the name, then `after` (such as " after 3 epochs"), then the note."""
        return f"{self.name}{after} ({self.note})"

    def short_label(self, after: str) -> str:
        """Return the same in two short lines."""
        return f"{self.name.removeprefix('validation ')}{after}\n({self.note.removeprefix('%, ')})"

    def text(self, value: float) -> str:
        """Return a value as pictures write it."""
        return cells.percent(value) if self.kind == "accuracy" else cells.significant(value, 4)

    def height(self, value: float | None, *, beyond: bool = False) -> float:
        """Return where a value is in a picture's own coordinates.

        None is on the worst edge, and so are worse values, unless they may be `beyond` it.
        """
        if value is None or (self.is_beyond(value) and not beyond):
            return self.edges()[1 if self.minimized else 0]
        return error(value) if self.kind == "accuracy" else value

    def is_beyond(self, value: float) -> bool:
        """Return whether a value is worse than all that are shown."""
        return value > self.worst if self.minimized else value < self.worst

    def place(self, value: float | None, room: float = ROOM) -> float:
        """Return where a value is: 0 at the bottom, 1 at the top."""
        low, high = self.span(room)
        if value is None or self.is_beyond(value) or high == low:
            return float(self.minimized != (high == low and value is not None))
        return min(1.0, max(0.0, (self._up(value) - low) / (high - low)))

    def share(self, value: float | None) -> float:
        """Return where a value is between the ends: 0 for the worst, for those beyond and None; 1 for the best."""
        place = self.place(value, room=0.0)
        return 1 - place if self.minimized else place

    def outside(self, drawn: Iterable[float], where: str = "") -> str:
        """Return a remark on the number of `drawn` values beyond the worst end; "" if none is."""
        count = sum(map(self.is_beyond, drawn))
        edge, side = ("upper", "above") if self.minimized else ("lower", "below")
        return f"{where or f'on the {edge} edge'}: {count} {side} {self.text(self.worst)}" if count else ""

    def span(self, room: float = ROOM) -> tuple[float, float]:
        """Return the bottom and the top, in the coordinate in which the scale is linear."""
        low, high = sorted((self._up(self.worst), self._up(self.best)))
        least = max(high - low, MIN_SPAN[self.kind]) if room else high - low
        pad = (least - high + low) / 2 + (room * least or (abs(high) * room or 1.0 if room else 0.0))
        return max(low - pad, -math.log(100)) if self.kind == "accuracy" else low - pad, high + pad

    def edges(self) -> tuple[float, float]:
        """Return the heights of the bottom and the top."""
        low, high = map(self._height, self.span())
        return low, high

    def ticks(self, apart: float = APART) -> list[Tick]:
        """Return the written values, from the bottom up; the best are written if there is no room for all."""
        kept: list[Tick] = []
        for heights in self._rounds():
            places = {self._place_of(height): height for height in heights}
            kept = []
            for place in sorted(places, reverse=not self.minimized):
                if 0 <= place <= 1 and (not kept or abs(place - kept[-1].place) >= apart):
                    kept.append(Tick(height=places[place], place=place, label=self._written(places[place])))
            if self.kind != "accuracy" or (len(kept) >= 4 and kept[0].place >= 1 - TOP):
                break
        return sorted(kept, key=lambda tick: tick.place)

    def _up(self, value: float) -> float:
        if self.kind == "accuracy":
            return -math.log(error(value))
        return math.log(value) if self.kind == "log" else value

    def _height(self, up: float) -> float:
        return math.exp(-up) if self.kind == "accuracy" else math.exp(up) if self.kind == "log" else up

    def _place_of(self, height: float) -> float:
        low, high = self.span()
        up = height if self.kind == "linear" else math.log(height) * (-1 if self.kind == "accuracy" else 1)
        return (up - low) / (high - low)

    def _written(self, height: float) -> str:
        if self.kind == "accuracy":
            return "100" if height < 1.01 * MIN_ERROR else f"{round(100 - height, 4):g}"
        return f"{height:.6g}"

    def _rounds(self) -> list[list[float]]:
        """Return the heights that may be written, the fewest first."""
        low, high = sorted(self.edges())
        if self.kind == "linear":
            return [_round(low, high)]
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        choices: tuple[tuple[float, ...], ...] = ((1,),) if high >= MANY * low else ((1, 2, 5),)
        if self.kind == "accuracy":
            low, choices = max(low, 0.99 * MIN_ERROR), MANTISSAS
        found = [[step * 10.0**power for power in powers for step in steps] for steps in choices]
        rounds = [[height for height in heights if low <= height <= high] for heights in found]
        return [*rounds, _round(low, high)] if self.kind == "accuracy" else rounds


def error(accuracy: float) -> float:
    """Return the error in percent at which an accuracy (0..1) is drawn."""
    return max(MIN_ERROR, 100 * (1 - accuracy))


def lowest_shown(accuracies: Iterable[float]) -> float:
    """Return the lowest of the accuracies (0..1) that are shown; at least half of them are above it."""
    accuracies = list(accuracies)
    limit = SPREAD * median(map(error, accuracies))
    return min(accuracy for accuracy in accuracies if error(accuracy) <= limit)


def _round(low: float, high: float) -> list[float]:
    """Return about five round values, three at least."""
    size = 10.0 ** math.floor(math.log10((high - low) / 5))
    step = next(factor * size for factor in (1.0, 2.0, 5.0, 10.0) if factor * size >= (high - low) / 5)
    steps = range(math.ceil(low / step), math.floor(high / step) + 1)
    if len(steps) < 3:
        step /= 2
        steps = range(math.ceil(low / step), math.floor(high / step) + 1)
    return [count * step for count in steps]


def _suits_log(values: Sequence[float]) -> bool:
    """Return whether positive values span more than a decade, and their median is nearer to the middle of it.

    The second condition tells losses, most of which are near 0, from shares, most of which are near 1.
    """
    low, middle, high = min(values), median(values), max(values)
    if high < DECADES * low:
        return False
    return abs(math.log(middle / low) / math.log(high / low) - 0.5) < abs((middle - low) / (high - low) - 0.5)


def _without_outliers(values: Sequence[float], spread: float, minimized: bool) -> list[float]:
    """Return the values that are not `spread` times further from the best than half of them."""
    best = min(values) if minimized else max(values)
    limit = spread * median(abs(value - best) for value in values)
    return [value for value in values if not limit or abs(value - best) <= limit]
