"""A contest of search methods: the error of the choice over the spent budget, mean of seeds, one panel per task."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mnist_bench import value_scale
from mnist_bench.experiments.contest.contest_record import Contest
from mnist_bench.experiments.contest.contest_table import scope
from mnist_bench.experiments.contest.error_curves import STEPS, ErrorCurve, curve, spent
from mnist_bench.experiments.contest.ranks import finding_over
from mnist_bench.experiments.contest.verdicts import Judged, judge
from mnist_bench.plots import style, value_axis
from mnist_bench.plots.headings import write_heading
from search.errors import StudyNotFoundError

DASHES = ("--", ":", "-.")
"""Entrants with several budgets, in their order."""
LABELS: Mapping[str, str] = {
    "error": "error of the selected configuration on unseen images (%, log)",
    "regret": "normalized regret of the selected configuration (%, log)",
}
MAX_INSIDE = 3
"""Number of lines that a panel names in its upper right corner, which all curves leave free; more would be covered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """An entrant on one task."""

    name: str
    budgets: int
    curve: ErrorCurve


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """A task."""

    title: str
    """The title of a panel, if there are several; by default the task's name."""
    contest: Contest
    lines: tuple[Line, ...]
    incomplete: tuple[str, ...]
    """Entrants that made no choice with some seed; until a choice, the error is that of a guess."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Panels:
    """The content of the picture."""

    finding: str
    panels: tuple[Panel, ...]
    left_out: int
    """Entrants without a line."""

    @property
    def looks(self) -> dict[str, dict[str, Any]]:
        """Colour and style by the name of an entrant, the same on each panel."""
        budgets = {line.name: line.budgets for panel in self.panels for line in panel.lines}
        colours, dashes = iter(style.SERIES), iter(len(budgets) * DASHES)
        return {
            name: {"color": style.FAINT, "linestyle": next(dashes)} if many > 1 else {"color": next(colours)}
            for name, many in budgets.items()
        }


def has_choices(contests: Sequence[Contest]) -> bool:
    """Return whether any search made a choice within its budget, so that there is something to draw."""
    return any(one.choices for contest in contests for traces in contest.traces for one in traces)


def rows(contests: Sequence[Contest]) -> Panels:
    """Return the lines of contests; of more than six entrants at one budget, the first and the five best ranked.

    Raises:
        StudyNotFoundError: no search made a choice within its budget.
    """
    if not has_choices(contests):
        raise StudyNotFoundError("No search selected a configuration within its budget, so there is no plot.")
    judged = [judge(contest) for contest in contests]
    shown = _shown(judged)
    return Panels(
        finding=finding_over(judged),
        panels=tuple(_panel(one, shown) for one in judged),
        left_out=len({entrant.name for contest in contests for entrant in contest.entrants} - shown),
    )


def _shown(judged: Sequence[Judged]) -> set[str]:
    """Return the names of the entrants to draw."""
    first = judged[0].standings[0].entrant.name
    ranked: dict[str, list[float]] = {}
    several: set[str] = set()
    for one in judged:
        for row in one.standings:
            if row.entrant.budgets > 1:
                several.add(row.entrant.name)
            else:
                ranked.setdefault(row.entrant.name, []).append(row.mean_rank)
    others = sorted(ranked.keys() - {first}, key=lambda name: (np.mean(ranked[name]), name))
    return {first, *others[: len(style.SERIES) - 1], *several}


def _panel(judged: Judged, shown: set[str]) -> Panel:
    contest = judged.contest
    drawn = [number for number, entrant in enumerate(contest.entrants) if entrant.name in shown]
    return Panel(
        title=contest.task,
        contest=contest,
        lines=tuple(
            Line(
                name=contest.entrants[number].name,
                budgets=contest.entrants[number].budgets,
                curve=curve(contest, number),
            )
            for number in drawn
        ),
        incomplete=tuple(row.entrant.name for row in judged.standings if None in row.errors),
    )


def draw(panels: Panels) -> Figure:
    """Draw a line per entrant with a band of one standard error; entrants with several budgets are dashed."""
    number = len(panels.panels)
    columns = min(2, number)
    height = max(4.8, 0.9 + 3.0 * math.ceil(number / columns))  # lower, the axis's label would not fit next to it
    figure = Figure(figsize=(style.WIDE, height), layout="constrained")
    grid = figure.subplots(math.ceil(number / columns), columns, squeeze=False).ravel().tolist()
    for axes, panel in zip(grid, panels.panels, strict=False):
        _draw_panel(axes, panel, panels.looks)
        if number > 1:
            axes.set_title(panel.title, loc="left", fontsize=9)
    for axes in grid[number:]:
        axes.set_axis_off()
    _write_legend(figure, grid[:number])
    figure.supylabel(LABELS[panels.panels[0].contest.measure], fontsize="medium")
    write_heading(figure, panels.finding, _remarks(panels))
    return figure


def _write_legend(figure: Figure, grid: Sequence[Axes]) -> None:
    """Name the lines: in each panel if there are few of them, otherwise once, next to all panels."""
    # Not every entrant is on every panel.
    drawn = [dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True)) for axes in grid]
    if len(grid) > 1 and max(map(len, drawn)) <= MAX_INSIDE:
        for axes in grid:
            axes.legend(loc="upper right", fontsize=7.5, handlelength=1.0, borderaxespad=0.0)
        return
    handles = {label: handle for panel in drawn for label, handle in panel.items()}
    figure.legend(handles.values(), handles.keys(), loc="outside right center")


def _draw_panel(axes: Axes, panel: Panel, looks: Mapping[str, Mapping[str, Any]]) -> None:
    contest = panel.contest
    value_axis.set_up(axes, value_scale.Scale.of([1 - share for share in _errors(panel)]), of_errors=True)
    if contest.reference:
        _draw_reference(axes, *contest.reference)
    # In the legend in the order of the lines' ends, from the top, so that they can be matched without colours, too.
    for line in sorted(panel.lines, key=lambda line: -line.curve.mean[-1]):
        _draw_line(axes, line, spent(contest, STEPS), looks[line.name])
    axes.set(xlabel="budget spent\n(average trainings)", xlim=(0, contest.budget))


def _errors(panel: Panel) -> list[float]:
    """Return the errors that the axis shows: from where each search has made a choice."""
    chosen = [line.curve.mean[line.curve.chosen] for line in panel.lines]
    shown = chosen if any(map(len, chosen)) else [line.curve.mean for line in panel.lines]
    reference = [panel.contest.reference[0]] if panel.contest.reference else []
    return [*(float(error) for errors in shown for error in errors), *reference]


def _draw_reference(axes: Axes, error: float, deviation: float) -> None:
    axes.axhspan(_place(error - deviation), _place(error + deviation), color=style.FAINT, alpha=0.12, linewidth=0)
    axes.axhline(_place(error), color=style.FAINT, linewidth=0.8)
    axes.annotate(
        "the best there is", (0.01, _place(error)), xycoords=("axes fraction", "data"), xytext=(0, 2),
        textcoords="offset points", fontsize=7.5, color=style.FAINT,
    )  # fmt: skip


def _draw_line(axes: Axes, line: Line, at: np.ndarray, look: Mapping[str, Any]) -> None:
    low, high = ([_place(error) for error in line.curve.mean + side * line.curve.error] for side in (-1, 1))
    axes.fill_between(at, low, high, color=look["color"], alpha=0.15, linewidth=0, step="post")
    axes.step(at, [_place(error) for error in line.curve.mean], where="post", label=line.name, **look)


def _place(error: float) -> float:
    """Return the position of an error (0..1) on the axis."""
    return value_scale.error(1 - float(error))


def _remarks(panels: Panels) -> list[str]:
    contests = [panel.contest for panel in panels.panels]
    several = {line.name: line.budgets for panel in panels.panels for line in panel.lines if line.budgets > 1}
    incomplete = {name: None for panel in panels.panels for name in panel.incomplete}
    seeds = sorted({len(contest.seeds) for contest in contests})
    images = sorted({contest.unseen_images for contest in contests})
    return [
        f"{', '.join(dict.fromkeys(contest.task for contest in contests))}: {_range(seeds)} seeds, the same for all"
        + (f"; {_range(images)} unseen images" if images[-1] else ""),
        "bands: one standard error",
        *(f"{name} has spent {budgets} times the budget on the axis" for name, budgets in several.items()),
        *(f"{name}: no choice with some seed" for name in incomplete),
        f"{panels.left_out} of lower rank left out" if panels.left_out else "",
        *dict.fromkeys(line for contest in contests for line in scope(contest)),
    ]


def _range(numbers: Sequence[int]) -> str:
    return " to ".join(dict.fromkeys(f"{number:,}" for number in (numbers[0], numbers[-1])))
