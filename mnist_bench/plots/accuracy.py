"""How pictures show accuracies near 100 %: on an axis of the error's logarithm, labelled with the accuracy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from mnist_bench.units import percent

LABEL = "validation accuracy (%)"
MIN_ERROR = 0.005
"""Errors below are drawn here, in percent: half an image of 10,000, since none at all has no logarithm."""
SPREAD = 10
"""Trials with more than so many times the median error lie outside the axis: those that never learned."""
MIN_WORST = 0.02
"""The axis begins at this error in percent at the least: with the next accuracies below 100 %."""
MIN_SPAN = 1.5
"""What the errors at the ends of the axis differ by at the least, as a ratio."""
MANTISSAS = ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7))
"""Where the axis has ticks in each decade of the error; the next where one gives too few."""


def error(accuracy: float) -> float:
    """Return the error in percent as it is drawn, of an accuracy of 0..1."""
    return max(MIN_ERROR, 100 * (1 - accuracy))


def lowest_shown(accuracies: Iterable[float]) -> float:
    """Return the lowest of the accuracies (0..1) that is worth showing; half of them at least are above it."""
    errors = [error(accuracy) for accuracy in accuracies]
    limit = SPREAD * median(errors)
    return 1 - max(error for error in errors if error <= limit) / 100


def set_axis(axes: Axes, accuracies: Sequence[float], *, room: float = 0.07) -> None:
    """Give `axes` an axis of accuracy that shows these, 0..1, and leaves out those below `lowest_shown`.

    What is drawn on it is `error`. `room` is the share left free above and below.
    """
    best = min(error(accuracy) for accuracy in accuracies)
    worst = max(MIN_WORST, error(lowest_shown(accuracies)))
    more = max(1.0, MIN_SPAN * best / worst) ** 0.5
    pad = more * max(worst / best, MIN_SPAN) ** room
    axes.set_yscale("log")
    low, high = best / pad, min(100.0, worst * pad)
    axes.set_ylim(high, low)
    axes.yaxis.set_major_locator(FixedLocator(_ticks(low, high)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda tick, _: _label(tick)))
    axes.grid(axis="y")
    axes.set_axisbelow(True)


def place(axes: Axes, accuracy: float | None) -> float:
    """Return where an accuracy is drawn on such an axis: on the lower edge where there is none or too low a one."""
    edge = float(axes.get_ylim()[0])
    return edge if accuracy is None else min(edge, error(accuracy))


def outside(drawn: Sequence[float], accuracies: Sequence[float], where: str = "on the lower edge") -> str:
    """Return what a detail line says of those `drawn` that an axis of `accuracies` leaves out; "" without any.

    All are in 0..1.
    """
    limit = lowest_shown(accuracies)
    below = sum(accuracy < limit for accuracy in drawn)
    return f"{where}: {below} below {percent(limit)}" if below else ""


def _label(error: float) -> str:
    return "100" if error < 1.01 * MIN_ERROR else f"{round(100 - error, 4):g}"


def _ticks(low: float, high: float) -> list[float]:
    """Return four ticks or more between two errors in percent."""
    low = max(low, 0.99 * MIN_ERROR)
    for mantissas in MANTISSAS:
        every = (mantissa * 10.0**power for power in range(-3, 3) for mantissa in mantissas)
        ticks = [tick for tick in every if low <= tick <= high]
        if len(ticks) >= 4:
            return ticks
    return [float(tick) for tick in MaxNLocator(5).tick_values(low, high) if low <= tick <= high]
