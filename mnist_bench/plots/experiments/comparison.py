"""Studies compared by their best result over the cost of training, or runs by their values after each period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mnist_bench.comparison import Comparison
from mnist_bench.leaderboard import value_name
from mnist_bench.plots import style, value_axis
from mnist_bench.plots.headings import write_heading
from mnist_bench.value_scale import Scale
from search.errors import StudyNotFoundError
from search.messages import joined

MOST = len(style.SERIES)
"""Sides that have a line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedLine:
    """One side."""

    label: str
    at: tuple[float, ...]
    """Cost in seconds, or periods."""
    values: tuple[float, ...]
    end: float
    """How far the line goes: the whole cost of a study, or the last period."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedLines:
    """The content of the plot."""

    finding: str
    lines: tuple[ComparedLine, ...]
    axis: Scale
    steps: bool
    """Whether a value holds until the next one, as the best so far does."""
    across: str
    """Label of the horizontal axis."""
    remarks: tuple[str, ...]


def rows(comparison: Comparison) -> ComparedLines:
    """Return a line for each side, at most `MOST`.

    Raises:
        StudyNotFoundError: a study has no complete trial, or studies are compared with single runs.
    """
    drawn = _of_costs(comparison) or _of_runs(comparison)
    if not drawn:
        raise StudyNotFoundError(
            "There is no plot of this comparison: it needs studies with complete trials, or runs with values."
        )
    values = [value for line in drawn for value in line.values]
    side, curves = comparison.sides[0], comparison.curves
    minimized = side.study is not None and side.study.direction == "minimize"
    name = "" if side.is_of_nets else value_name(side.specification)
    axis = Scale.of(values, name=name, of_nets=side.is_of_nets, minimized=minimized)
    left_out = len(comparison.sides) - len(drawn)
    return ComparedLines(
        finding=_finding(comparison),
        lines=drawn,
        axis=axis,
        steps=curves is not None,
        across="period" if curves is None else f"cost of training (s, {curves.unit})",
        remarks=tuple(
            filter(
                None,
                [
                    "best complete trial so far; costs of all trials are added up" if curves else "",
                    "" if comparison.same_images else "judged on different images",
                    f"{left_out} more left out" if left_out else "",
                ],
            )
        ),
    )


def _of_costs(comparison: Comparison) -> tuple[ComparedLine, ...]:
    curves = comparison.curves.curves if comparison.curves else ()
    return tuple(
        ComparedLine(
            label=curve.label,
            at=tuple(step.cost for step in curve.improvements),
            values=tuple(step.value for step in curve.improvements),
            end=curve.total,
        )
        for curve in curves[:MOST]
    )


def _of_runs(comparison: Comparison) -> tuple[ComparedLine, ...]:
    if any(side.is_study for side in comparison.sides):
        return ()
    lines = []
    for run in comparison.runs[:MOST]:
        known = [(float(n), each.value) for n, each in enumerate(run.reports, start=1) if each.value is not None]
        if known:
            at, values = zip(*known, strict=True)
            lines.append(ComparedLine(label=run.label, at=at, values=values, end=at[-1]))
    return tuple(lines)


def _finding(comparison: Comparison) -> str:
    test = next((pair.test for pair in comparison.pairs if pair.test is not None), None)
    if test is None or test.difference is None or len(comparison.pairs) > 1:
        return f"{comparison.sides[0].label} compared with {joined([side.label for side in comparison.sides[1:]])}"
    if not test.is_significant:
        return f"No significant difference between {test.first} and {test.second}"
    better, other = (test.first, test.second) if test.difference.estimate > 0 else (test.second, test.first)
    return f"{better} is significantly better than {other}"


def draw(compared: ComparedLines) -> Figure:
    """Draw a line for each side; a legend names them."""
    figure = Figure(figsize=(style.WIDE, 4.2), layout="constrained")
    axes = figure.subplots()
    value_axis.set_up(axes, compared.axis)
    for line, colour in zip(compared.lines, style.SERIES, strict=False):
        at, heights = [*line.at, line.end], [compared.axis.height(value) for value in _held(line.values)]
        if compared.steps:
            axes.step(at, heights, where="post", color=colour, label=line.label)
        else:
            axes.plot(at, heights, "-o", markersize=4, color=colour, label=line.label)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set(xlabel=compared.across, ylabel=compared.axis.label())
    if compared.steps:
        axes.set_xlim(left=0)
    axes.legend(loc="upper right" if compared.axis.minimized else "lower right")
    write_heading(figure, compared.finding, compared.remarks)
    return figure


def _held(values: Sequence[float]) -> list[float]:
    """Return the values with the last one repeated, up to the end of the line."""
    return [*values, values[-1]]
