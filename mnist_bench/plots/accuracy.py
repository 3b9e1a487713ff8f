"""An axis for accuracies near 100%: logarithmic in the error, labelled with the accuracy.

On a linear axis 99.2 and 99.5% would all but coincide, although one makes 1.6 times as many errors as the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from mnist_bench.cells import percent
from mnist_bench.plots.value_axis import ValueAxis

LABEL = "validation accuracy (%, log of the error)"
MIN_ERROR = 0.005
"""Smallest error that is drawn, in percent: half an image of 10,000, because 0 has no logarithm."""
SPREAD = 10
"""Trials with more than this multiple of the median error are outside of the axis: they have not learnt anything."""
MIN_WORST = 0.02
"""The largest error on the axis is at least this, in percent, so that a study without errors has an axis, too."""
MIN_SPAN = 1.5
"""Smallest ratio of the errors at the two ends of the axis, so that equal accuracies have an axis, too."""
MANTISSAS = ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7), (1, 1.2, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8, 9))
"""Ticks in each decade of the error; the first entry is used that gives at least four ticks, one of them near the top,
where the trials are that matter."""
TOP = 0.2
"""Share of the axis, from the top, in which there has to be a tick."""
APART = 0.07
"""Smallest distance of two ticks, as a share of the axis."""


def error(accuracy: float) -> float:
    """Return the error in percent at which an accuracy (0..1) is drawn."""
    return max(MIN_ERROR, 100 * (1 - accuracy))


def lowest_shown(accuracies: Iterable[float]) -> float:
    """Return the lowest of the accuracies (0..1) that the axis shows; at least half of them are above it."""
    accuracies = list(accuracies)
    limit = SPREAD * median(map(error, accuracies))
    return min(accuracy for accuracy in accuracies if error(accuracy) <= limit)


def set_axis(axes: Axes, accuracies: Sequence[float], *, room: float = 0.07, whole: bool = False) -> None:
    """Set up the vertical axis for these accuracies, 0..1, without those below `lowest_shown` unless they are `whole`.

    Callers draw the `error` of an accuracy. `room` is the share of the axis left free above and below.
    """
    best = min(error(accuracy) for accuracy in accuracies)
    worst = max(MIN_WORST, error(min(accuracies) if whole else lowest_shown(accuracies)))
    more = max(1.0, MIN_SPAN * best / worst) ** 0.5
    pad = more * max(worst / best, MIN_SPAN) ** room
    axes.set_yscale("log")
    low, high = best / pad, min(100.0, worst * pad)
    axes.set_ylim(high, low)  # turned over: the fewest errors are at the top
    axes.yaxis.set_major_locator(FixedLocator(_ticks(low, high)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(_label))
    axes.grid(axis="y")
    axes.set_axisbelow(True)


def set_error_axis(axes: Axes, errors: Sequence[float]) -> None:
    """Set up the vertical axis as `set_axis` does, but labelled with the error, and the fewest are at the bottom.

    Args:
        axes: the error in percent is drawn on them.
        errors: 0..1.
    """
    set_axis(axes, [1 - share for share in errors])
    axes.invert_yaxis()
    axes.yaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:g}"))


def place(axes: Axes, accuracy: float | None) -> float:
    """Return the position of an accuracy on the axis: on the lower edge if it is None or below the axis."""
    edge = float(axes.get_ylim()[0])
    return edge if accuracy is None else min(edge, error(accuracy))


def outside(drawn: Sequence[float], accuracies: Sequence[float], where: str = "on the lower edge") -> str:
    """Return a remark on the number of `drawn` accuracies that are outside of the axis of `accuracies`; "" if none is.

    All accuracies are 0..1.
    """
    limit = lowest_shown(accuracies)
    below = sum(accuracy < limit for accuracy in drawn)
    return f"{where}: {below} below {percent(limit)}" if below else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class AccuracyAxis(ValueAxis):
    """An axis for accuracies, 0..1."""

    accuracies: Sequence[float]
    lowest: float
    highest: float
    """The ends of the axis."""

    @classmethod
    def of(cls, accuracies: Sequence[float]) -> AccuracyAxis:
        """Return the axis for one or more accuracies."""
        return cls(accuracies=accuracies, lowest=lowest_shown(accuracies), highest=max(accuracies))

    @property
    def is_up(self) -> bool:
        """See `ValueAxis.is_up`."""
        return True

    @property
    def ends(self) -> tuple[float, float]:
        """See `ValueAxis.ends`."""
        return self.lowest, self.highest

    def label(self, after: str = "") -> str:
        """See `ValueAxis.label`."""
        return LABEL.replace(" (", f"{after} (")

    def short_label(self, after: str) -> str:
        """See `ValueAxis.short_label`."""
        return f"accuracy{after}\n(log of the error)"

    def text(self, value: float) -> str:
        """See `ValueAxis.text`."""
        return percent(value)

    def set_up(self, axes: Axes) -> None:
        """See `ValueAxis.set_up`."""
        set_axis(axes, self.accuracies)

    def height(self, value: float) -> float:
        """See `ValueAxis.height`."""
        return error(value)

    def share(self, value: float | None) -> float:
        """See `ValueAxis.share`; logarithmic in the error."""
        if value is None:
            return 0.0
        worst, best = map(error, self.ends)
        return max(0.0, math.log(worst / error(value)) / math.log(worst / best)) if worst > best else 1.0

    def outside(self, drawn: Sequence[float], where: str = "") -> str:
        """See `ValueAxis.outside`."""
        return outside(drawn, self.accuracies, *([where] if where else []))

    def place(self, axes: Axes, value: float | None) -> float:
        """See `ValueAxis.place`."""
        return place(axes, value)


def _label(error: float, position: int | None) -> str:
    return "100" if error < 1.01 * MIN_ERROR else f"{round(100 - error, 4):g}"


def _apart(ticks: Sequence[float], low: float, high: float) -> list[float]:
    """Return the ticks from the top down without those too close to the one before."""
    kept: list[float] = []
    for tick in ticks:
        if not kept or math.log(tick / kept[-1]) >= APART * math.log(high / low):
            kept.append(tick)
    return kept


def _ticks(low: float, high: float) -> list[float]:
    """Return at least four ticks between two errors in percent."""
    low = max(low, 0.99 * MIN_ERROR)
    for mantissas in MANTISSAS:
        every = (mantissa * 10.0**power for power in range(-3, 3) for mantissa in mantissas)
        ticks = _apart([tick for tick in every if low <= tick <= high], low, high)
        if len(ticks) >= 4 and math.log(ticks[0] / low) <= TOP * math.log(high / low):
            return ticks
    return [float(tick) for tick in MaxNLocator(5).tick_values(low, high) if low <= tick <= high]
