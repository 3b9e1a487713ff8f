"""The vertical axis of a picture: a scale of values, drawn by matplotlib."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from mnist_bench.value_scale import Scale


def set_up(axes: Axes, scale: Scale, *, of_errors: bool = False) -> None:
    """Set up the vertical axis for the heights of a scale.

    `of_errors` labels one of accuracies with their errors, the fewest at the bottom.
    """
    if scale.kind != "linear":
        axes.set_yscale("log")
    ends = scale.edges()
    axes.set_ylim(*reversed(ends) if of_errors else ends)
    labels = {tick.height: f"{tick.height:g}" if of_errors else tick.label for tick in scale.ticks()}
    axes.yaxis.set_major_locator(FixedLocator(sorted(labels)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda tick, _: labels.get(tick, "")))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(axis="y")
    axes.set_axisbelow(True)
