"""A contest of search methods: the best accuracy over the spent budget, one line per method, averaged over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mnist_bench.experiments.contest import STEPS, Contest, Values, comparisons, curves, finding, standings
from mnist_bench.plots import accuracy, style
from mnist_bench.plots.headings import write_heading
from search.errors import StudyNotFoundError


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One search method, from the step of the budget on at which all its seeds have a complete trial."""

    name: str
    budgets: int
    spent: Values
    """Budget spent, in average training runs, up to the contest's budget. A method with several budgets has spent that
    many times as much."""
    mean: Values
    """Mean over the seeds of the best complete accuracy so far, 0..1."""
    error: Values
    """Standard error of that mean."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lines:
    """The lines to draw."""

    contest: Contest
    finding: str
    drawn: tuple[Line, ...]
    left_out: int
    incomplete: tuple[str, ...] = ()
    """Methods without a line, for with some seed they completed no trial."""


def rows(contest: Contest) -> Lines:
    """Return the lines of a contest; of more than six methods at one budget, the first and the five best ranked.

    Raises:
        StudyNotFoundError: no method completed a trial with every seed within the budget.
    """
    standing = standings(contest)
    plain = [number for number, row in enumerate(standing) if row.entrant.budgets == 1]
    best = sorted(plain[1:], key=lambda number: standing[number].mean_rank)[: len(style.SERIES) - 1]
    shown = [number for number, row in enumerate(standing) if number in (0, *best) or row.entrant.budgets > 1]
    values = curves(contest)
    drawn = [line for number in shown if (line := _line(contest, number, values[number])).spent.size]
    if not drawn:
        raise StudyNotFoundError("No way of searching completed a trial with every seed within the budget.")
    return Lines(
        contest=contest,
        finding=finding(comparisons(standing, contest.images), len(contest.seeds)),
        drawn=tuple(drawn),
        left_out=len(standing) - len(shown),
        incomplete=tuple(contest.entrants[number].name for number in shown if None in standing[number].bests),
    )


def _line(contest: Contest, number: int, bests: Values) -> Line:
    complete = ~np.isnan(bests).any(axis=0)
    values = bests[:, complete]
    return Line(
        name=contest.entrants[number].name,
        budgets=contest.entrants[number].budgets,
        spent=np.arange(1, STEPS + 1)[complete] * contest.budget / STEPS,
        mean=values.mean(axis=0),
        error=values.std(axis=0, ddof=1) / np.sqrt(len(contest.seeds)),
    )


def draw(lines: Lines) -> Figure:
    """Draw a line per method with a band of one standard error; methods with several budgets are dashed."""
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.subplots()
    accuracy.set_axis(axes, [float(value) for line in lines.drawn for value in line.mean])
    for line, look in zip(lines.drawn, _looks(lines.drawn), strict=True):
        _draw_line(axes, line, look)
    axes.set(
        xlabel="budget spent (trainings of an average configuration)", ylabel=f"best {accuracy.LABEL} so far",
        xlim=(0, lines.contest.budget),
    )  # fmt: skip
    axes.legend(loc="lower right")
    write_heading(figure, lines.finding, _remarks(lines))
    return figure


def _looks(drawn: Sequence[Line]) -> list[dict[str, Any]]:
    colours = iter(style.SERIES)
    dashed = {"color": style.FAINT, "linestyle": "--"}
    return [dashed if line.budgets > 1 else {"color": next(colours)} for line in drawn]


def _draw_line(axes: Axes, line: Line, look: dict[str, Any]) -> None:
    low, high = ([accuracy.place(axes, float(value)) for value in line.mean + side * line.error] for side in (-1, 1))
    mean = [accuracy.place(axes, float(value)) for value in line.mean]
    axes.fill_between(line.spent, low, high, color=look["color"], alpha=0.1, linewidth=0, step="post")
    axes.step(line.spent, mean, where="post", label=line.name, **look)


def _remarks(lines: Lines) -> list[str]:
    contest = lines.contest
    several = [line for line in lines.drawn if line.budgets > 1]
    return [
        f"space {contest.space}: {len(contest.seeds)} seeds, the same for all; {contest.images:,} validation images",
        "bands: one standard error",
        *(f"{line.name} has spent {line.budgets} times what the axis says" for line in several),
        *(f"{name}: no complete trial with some seed" for name in lines.incomplete),
        f"{lines.left_out} of lower rank left out" if lines.left_out else "",
    ]
