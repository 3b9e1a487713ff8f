"""The vertical axis of a picture: a scale of values, drawn by matplotlib."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from mnist_bench.value_kind import Scale


def set_up(axes: Axes, scale: Scale) -> None:
    """Set up the vertical axis for the heights of a scale."""
    if scale.kind != "linear":
        axes.set_yscale("log")
    axes.set_ylim(*scale.edges())
    labels = {tick.height: tick.label for tick in scale.ticks()}
    axes.yaxis.set_major_locator(FixedLocator(sorted(labels)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda tick, _: labels.get(tick, "")))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(axis="y")
    axes.set_axisbelow(True)
