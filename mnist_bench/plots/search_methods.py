"""Search methods compared: normalized regret over the budget."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter

from mnist_bench.experiments.method_comparison import MethodComparison, finding
from mnist_bench.experiments.replays import Values
from mnist_bench.plots.frame import FAINT, HALO, Drawn
from mnist_bench.statistics import t_interval

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#222222")
"""Okabe and Ito's palette for the colour-blind (2008), without its yellow."""
DASHES = ("solid", (0, (5, 1.5)), (0, (1.5, 1)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 1)))
STEPS = 200  # budgets at which curves are read
GAP = 0.055  # least distance of two labels, as a share of the axis


def regret(comparison: MethodComparison) -> Drawn:
    """Draw a line with a band per method: the mean regret of what it had selected, over the budget."""
    at = np.linspace(0, comparison.trials[-1], STEPS + 1)[1:]
    units = comparison.units(at.tolist())
    pruners = {method.partition(" + ")[2] for method in comparison.methods}
    shared = f" + {next(iter(pruners))}" if len(pruners) == 1 and pruners != {""} else ""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        _set_axes(axes, comparison.trials)
        draw_curves(axes, at, units, [method.removesuffix(shared) for method in comparison.methods])

    unit = comparison.unit
    count = units.shape[1]
    remarks = [
        f"{count} {unit}" if unit == "seeds" else f"{count} tables, {len(comparison.seeds)} seeds each",
        f"all methods{shared.replace('+', 'with')}" if shared else "",
        "0% is the best configuration of a table, 100% the median one or a worse one",
        f"bands: 95% intervals over {unit}, without what all methods share on each of them" if count > 1 else "",
        "dashed: the budgets that are compared",
    ]
    return Drawn(finding=finding(comparison.standings()), remarks=remarks, draw=draw, height=4.4, narrow=4.4)


def draw_curves(axes: Axes, at: Values, units: Values, methods: Sequence[str]) -> None:
    """Draw the mean of each method with its band, and its name at the end, into axes whose limits are set.

    Args:
        axes: with a linear vertical axis.
        at: budgets, shape (budgets,).
        units: shape (methods, units, budgets).
        methods: their names.
    """
    means, bands = units.mean(axis=1), reach(units)
    for number in range(len(methods)):
        colour, order = COLOURS[number % len(COLOURS)], 3 + len(methods) - number
        low, high = np.clip([means[number] - bands[number], means[number] + bands[number]], *axes.get_ylim())
        axes.fill_between(at, low, high, color=colour, alpha=0.13, linewidth=0, zorder=order)
        axes.plot(at, means[number], color=colour, linestyle=DASHES[number % len(DASHES)], zorder=order)
    _write_labels(axes, methods, means[:, -1])


def reach(units: Values) -> Values:
    """Return how far the 95% intervals of means reach, shape (methods, budgets), of regrets (methods, units, budgets).

    Units differ more than methods do, so the mean over the methods is taken out of each unit (Cousineau 2005, with the
    correction of Morey 2008).
    """
    methods = len(units)
    apart = (units - units.mean(axis=0)) * sqrt(methods / (methods - 1)) if methods > 1 else units
    ends = [[t_interval(one) or (0.0, 0.0) for one in method.T] for method in apart]
    return np.asarray(np.diff(ends)[:, :, 0] / 2)


def _set_axes(axes: Axes, trials: Sequence[int]) -> None:
    axes.set_xlim(0, trials[-1])
    axes.set_ylim(0, 1)
    axes.xaxis.set_major_locator(FixedLocator([0, *trials]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    for budget in trials[:-1]:
        axes.axvline(budget, color=FAINT, linewidth=0.7, linestyle=(0, (4, 3)), zorder=1)
    axes.set_xlabel("budget, in full trainings of an average configuration")
    axes.set_ylabel("normalized regret")


def _write_labels(axes: Axes, methods: Sequence[str], ends: Values) -> None:
    """Write the methods' names at the ends of their lines, none over another."""
    bottom, top = axes.get_ylim()
    last = -1.0
    for number in np.argsort(ends, kind="stable").tolist():
        last = max((float(ends[number]) - bottom) / (top - bottom), last + GAP)
        axes.annotate(
            methods[number], (1, last), (6, 0), xycoords="axes fraction", textcoords="offset points", va="center",
            color=COLOURS[number % len(COLOURS)], fontweight="bold", path_effects=[HALO],
        )  # fmt: skip
