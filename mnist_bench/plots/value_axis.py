"""The axis of trials' values: what every such axis offers, and the one for the values of another trainer."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator, ScalarFormatter

from mnist_bench import cells

DIGITS = 4
"""Significant digits of a value in a picture."""
SPREAD, LOG_SPREAD = 10, 4
"""Values that are this many times further from the best than the median value are outside of the axis: by differences
on a linear axis, by their logarithms on a logarithmic one."""
DECADES = 20
"""Ratio of the largest to the smallest value from which on an axis of positive values may be logarithmic."""
ROOM = 0.07
"""Share of the axis that is left free above and below."""
MANY = 1000
"""Ratio of its ends from which on a logarithmic axis has ticks at powers of ten alone."""


class ValueAxis(ABC):
    """A vertical axis for some values; the worst of them may be outside of it."""

    @property
    @abstractmethod
    def is_up(self) -> bool:
        """Whether better values are higher."""

    @property
    @abstractmethod
    def ends(self) -> tuple[float, float]:
        """The worst and the best value on the axis."""

    @abstractmethod
    def label(self, after: str = "") -> str:
        """Return the label: the name, then `after` (such as " after 3 epochs"), then how to read the axis."""

    @abstractmethod
    def short_label(self, after: str) -> str:
        """Return the same in two short lines."""

    @abstractmethod
    def text(self, value: float) -> str:
        """Return a value as a picture writes it."""

    @abstractmethod
    def set_up(self, axes: Axes) -> None:
        """Set up the vertical axis of a picture."""

    @abstractmethod
    def height(self, value: float) -> float:
        """Return the position of a value, in the picture's own coordinates."""

    @abstractmethod
    def share(self, value: float | None) -> float:
        """Return the position of a value between the ends: 0 for the worst, values beyond it and None; 1 for the
        best."""

    @abstractmethod
    def outside(self, drawn: Sequence[float], where: str = "") -> str:
        """Return a remark on the number of `drawn` values beyond the worst end; "" if none is.

        `where` says where they are drawn; by default, on an edge of the axis.
        """

    @abstractmethod
    def place(self, axes: Axes, value: float | None) -> float:
        """Return the position of a value on axes that are set up: on the edge if it is None or beyond the worst end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlainAxis(ValueAxis):
    """An axis for values in their own unit, linear or logarithmic. Larger values are higher, whichever are better."""

    name: str
    worst: float
    best: float
    is_log: bool
    minimized: bool
    """Whether smaller values are better."""

    @classmethod
    def of(cls, name: str, values: Sequence[float], *, minimized: bool) -> PlainAxis:
        """Return the axis for one or more values; see `_suits_log`."""
        shown, is_log = _without_outliers(values, SPREAD, minimized), False
        if min(values) > 0:
            by_ratio = [math.exp(value) for value in _without_outliers([*map(math.log, values)], LOG_SPREAD, minimized)]
            is_log = _suits_log(by_ratio)
            shown = by_ratio if is_log else shown
        best, worst = (min(shown), max(shown)) if minimized else (max(shown), min(shown))
        return cls(name=name, worst=worst, best=best, is_log=is_log, minimized=minimized)

    @property
    def is_up(self) -> bool:
        """See `ValueAxis.is_up`."""
        return not self.minimized

    @property
    def ends(self) -> tuple[float, float]:
        """See `ValueAxis.ends`."""
        return self.worst, self.best

    def label(self, after: str = "") -> str:
        """See `ValueAxis.label`."""
        return f"{self.name}{after} ({self._note})"

    def short_label(self, after: str) -> str:
        """See `ValueAxis.short_label`."""
        return f"{self.name}{after}\n({self._note})"

    @property
    def _note(self) -> str:
        return f"{'lower' if self.minimized else 'higher'} is better{', log' if self.is_log else ''}"

    def text(self, value: float) -> str:
        """See `ValueAxis.text`."""
        return cells.significant(value, DIGITS)

    def set_up(self, axes: Axes) -> None:
        """See `ValueAxis.set_up`."""
        low, high = min(self.ends), max(self.ends)
        if self.is_log:
            axes.set_yscale("log")
            factor = (high / low) ** ROOM
            axes.set_ylim(low / factor, high * factor)
            axes.yaxis.set_major_locator(LogLocator(subs=(1,) if high >= MANY * low else (1, 2, 5), numticks=10))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:g}"))
        else:
            pad = ROOM * (high - low) or ROOM * abs(high) or 1.0
            axes.set_ylim(low - pad, high + pad)
            axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
            axes.yaxis.set_major_formatter(ScalarFormatter(useOffset=False))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.grid(axis="y")
        axes.set_axisbelow(True)

    def height(self, value: float) -> float:
        """See `ValueAxis.height`."""
        return value

    def share(self, value: float | None) -> float:
        """See `ValueAxis.share`."""
        if value is None or self._is_beyond(value):
            return 0.0
        if self.worst == self.best:
            return 1.0
        worst, best, here = map(math.log, (*self.ends, value)) if self.is_log else (*self.ends, value)
        return min(1.0, (here - worst) / (best - worst))

    def outside(self, drawn: Sequence[float], where: str = "") -> str:
        """See `ValueAxis.outside`."""
        count = sum(map(self._is_beyond, drawn))
        if not count:
            return ""
        edge, side = ("upper", "above") if self.minimized else ("lower", "below")
        return f"{where or f'on the {edge} edge'}: {count} {side} {self.text(self.worst)}"

    def place(self, axes: Axes, value: float | None) -> float:
        """See `ValueAxis.place`."""
        bottom, top = axes.get_ylim()
        if value is None or self._is_beyond(value):
            return float(top if self.minimized else bottom)
        return value

    def _is_beyond(self, value: float) -> bool:
        return value > self.worst if self.minimized else value < self.worst


def _suits_log(values: Sequence[float]) -> bool:
    """Return whether positive values suit a logarithmic axis: they span more than a decade, and their median is nearer
    to the middle of it than of a linear one.

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
