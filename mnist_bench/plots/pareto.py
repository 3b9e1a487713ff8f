"""Accuracy against parameters and multiply-accumulates, and the trials that no other dominates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median_high
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from mnist_bench import cells
from mnist_bench.cells import percent, unit
from mnist_bench.leaderboard.ranking import ties_of, undominated
from mnist_bench.plots.frame import BEST, COMPLETE, FAINT, HALO, PRUNED, WIDE, Drawn, opacity, set_value_axis
from mnist_bench.plots.subject import Subject
from mnist_bench.value_kind import MIN_ERROR, Scale, ValueKind, error, kind_of
from search.errors import StudyNotFoundError
from search.event_log.records import StudyRecord, TrialRecord

Cost = Literal["parameters", "macs"]

SIDES = ((0, 1), (1, -1), (-1, 1), (1, 1), (-1, -1), (0, -1))
"""Possible places of a label relative to its mark, right and up; the first of those with the most room is used."""
OFFSET = 5  # points between a mark and its label
CHARACTER = 5.5  # width of a label's character in points
COSTS: dict[Cost, str] = {"parameters": "parameters", "macs": "multiply-accumulates per image"}
ERROR_RANGE = 3
"""Trials with more than this multiple of the best one's errors may be outside of the axis; half of the complete trials
are inside in any case."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ParetoPoint:
    """One trial."""

    number: int
    accuracy: float  # validation accuracy of its last period, 0..1
    interval: tuple[float, float]
    """Wilson's 95% interval of it; twice the accuracy itself if the number of errors was not kept."""
    parameters: int
    macs: int
    complete: bool
    tied: bool  # whether the paired test cannot distinguish the trial from the best; True for the best itself

    def cost(self, cost: Cost) -> int:
        """Return the parameters or the MACs."""
        return self.parameters if cost == "parameters" else self.macs


@dataclass(frozen=True, kw_only=True, slots=True)
class Pareto:
    """Complete and pruned trials with their costs."""

    study: str
    points: tuple[ParetoPoint, ...]  # the best first, then the other complete ones, then the pruned ones
    fronts: Mapping[Cost, frozenset[int]]  # numbers of the trials on the Pareto front of accuracy and each cost
    objective: Cost | None = None  # the second objective of the search; None if it had one objective

    @property
    def best(self) -> ParetoPoint:
        """The best complete trial."""
        return self.points[0]

    @property
    def complete(self) -> tuple[ParetoPoint, ...]:
        """The complete trials, best first."""
        return tuple(point for point in self.points if point.complete)

    def front(self, cost: Cost) -> tuple[ParetoPoint, ...]:
        """Return the complete trials that no other dominates (`undominated`), the cheapest first."""
        front = [point for point in self.complete if point.number in self.fronts[cost]]
        return tuple(sorted(front, key=lambda point: point.cost(cost)))

    def cheapest_tied(self, cost: Cost) -> ParetoPoint:
        """Return the cheapest of the trials that are tied with the best, the best included."""
        return min((point for point in self.complete if point.tied), key=lambda point: point.cost(cost))

    @property
    def shown(self) -> list[float]:
        """The accuracies on the axis, best first; at least half of the complete trials' are on it, and all of the front
        that was searched for."""
        half = median_high(point.accuracy for point in self.complete)
        front = [point.accuracy for point in self.front(self.objective)] if self.objective else []
        limit = min(1 - ERROR_RANGE * (1 - self.best.accuracy), half, *front)
        return sorted((point.accuracy for point in self.points if point.accuracy >= limit), reverse=True)

    @property
    def below(self) -> int:
        """Number of trials below the axis."""
        return len(self.points) - len(self.shown)

    @property
    def finding(self) -> str:
        """The heading: with two objectives the ends of the front, else whether a smaller net is tied with the best."""
        best, cheapest = self.best, self.cheapest_tied("parameters")
        if self.objective is not None and len({point.accuracy for point in self.front(self.objective)}) > 1:
            return _span(self.front(self.objective), self.objective)
        if len(self.complete) == 1:
            return f"#{best.number}, the only complete trial, has {best.parameters:,} parameters"
        if cheapest.parameters == best.parameters:
            return f"No smaller network is tied with the best, #{best.number} ({best.parameters:,} parameters)"
        sizes = f"on {cheapest.parameters:,} parameters instead of {best.parameters:,}"
        return f"#{cheapest.number} is tied with the best, #{best.number}, {sizes}"


def _span(front: Sequence[ParetoPoint], cost: Cost) -> str:
    ends = [f"{percent(end.accuracy)} on {cells.count(end.cost(cost))}" for end in (front[0], front[-1])]
    return f"The Pareto front of accuracy and {unit(cost)}: from {ends[0]} to {ends[1]}"


def pareto_of(study: StudyRecord) -> Pareto:
    """Return the study's complete and pruned trials with their accuracies and costs."""
    complete = study.complete()
    if not complete:
        raise StudyNotFoundError(f"Study {study.name} has no complete trial yet, so nothing can be compared.")
    tied = {trial.number for trial in ties_of(complete).all}
    pruned = [trial for trial in study.trials if trial.reason == "pruned" and trial.value is not None]
    objective = next((cost for cost in COSTS if cost == study.cost), None)
    kind = kind_of(study.spec)
    points = tuple(_point(trial, tied, kind) for trial in (*complete, *pruned))
    fronts = {cost: frozenset(trial.number for trial in undominated(complete, cost)) for cost in COSTS}
    return Pareto(study=study.name, points=points, fronts=fronts, objective=objective)


def _point(trial: TrialRecord, tied: set[int], kind: ValueKind) -> ParetoPoint:
    value = trial.value or 0.0
    return ParetoPoint(
        number=trial.number,
        accuracy=value,
        interval=kind.interval(trial) or (value, value),
        parameters=trial.facts["parameters"],
        macs=trial.facts["macs"],
        complete=trial.state == "COMPLETE",
        tied=trial.number in tied,
    )


def pareto(subject: Subject) -> Drawn:
    """Draw accuracy over parameters and over MACs: side by side, or one below the other if the picture is narrow."""
    found = pareto_of(subject.study)

    def draw(figure: Figure) -> None:
        shape = (1, 2) if figure.get_figwidth() >= WIDE else (2, 1)
        panels: Sequence[Axes] = figure.subplots(*shape, sharey=True)
        for axes, cost in zip(panels, COSTS, strict=True):
            _draw_panel(axes, found, cost)
        shown = [*found.shown, found.best.interval[1]]
        set_value_axis(panels[0], scale := Scale(worst=min(shown), best=max(shown)))
        panels[1].grid(axis="y")
        figure.supylabel(scale.label(), fontsize=9)
        for axes, cost in zip(panels, COSTS, strict=True):
            _label(axes, found, cost)

    complete, pruned = len(found.complete), len(found.points) - len(found.complete)
    remarks = [
        f"study {found.study}: {complete} complete (dots, filled on the Pareto front), with 95% intervals",
        f"{pruned} pruned after less training (crosses)" if pruned else "",
        f"{found.below} below the axis" if found.below else "",
        f"100% drawn as {100 - MIN_ERROR:g}%" if found.best.accuracy == 1 else "",
    ]
    return Drawn(finding=found.finding, remarks=remarks, draw=draw, height=4.3, narrow=6.4)


def _draw_panel(axes: Axes, pareto: Pareto, cost: Cost) -> None:
    front = pareto.front(cost)
    pruned = [point for point in pareto.points if not point.complete]
    others = [point for point in pareto.complete if point not in front]
    axes.plot(*_places(pruned, cost), "x", color=PRUNED, markersize=4)
    _draw_intervals(axes, [point for point in pareto.complete if point is not pareto.best], cost, COMPLETE)
    _draw_intervals(axes, [pareto.best], cost, BEST)
    axes.plot(*_places(others, cost), "o", color=COMPLETE, fillstyle="none")
    # In steps: between two trials of the front, only the accuracy of the cheaper one can be had.
    axes.step(*_places(front, cost), where="post", color=FAINT, linewidth=1)
    axes.plot(*_places(front, cost), "o", color=COMPLETE)
    axes.plot(*_places([pareto.best], cost), "D", color=BEST, markersize=7)
    _scale(axes, [point.cost(cost) for point in pareto.points])
    if cost == pareto.objective:
        axes.set_xlabel(f"{COSTS[cost]} (minimized)", weight="bold")
    else:
        axes.set_xlabel(COSTS[cost])


def _draw_intervals(axes: Axes, points: Sequence[ParetoPoint], cost: Cost, colour: str) -> None:
    ends = [[error(end) for end in point.interval] for point in points]
    low, high = zip(*ends, strict=True) if ends else ((), ())
    costs = [point.cost(cost) for point in points]
    axes.vlines(costs, low, high, color=colour, linewidth=1.2, alpha=0.4 * opacity(len(points)), zorder=1.5)


def _scale(axes: Axes, costs: Sequence[int]) -> None:
    axes.set_xscale("log")
    wide = max(costs) > 100 * min(costs)  # over two decades, labels at 1, 2 and 5 would overlap
    axes.xaxis.set_major_locator(LogLocator(subs=(1,) if wide else (1, 2, 5)))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _places(points: Sequence[ParetoPoint], cost: Cost) -> tuple[list[int], list[float]]:
    return [point.cost(cost) for point in points], [error(point.accuracy) for point in points]


def _label(axes: Axes, pareto: Pareto, cost: Cost) -> None:
    """Label the best trial and the cheapest tied one, each on the side of its mark with the fewest marks nearby."""
    best, cheapest = pareto.best, pareto.cheapest_tied(cost)
    _write(axes, pareto, cost, best, f"#{best.number}", color=BEST, weight="bold")
    if cheapest is not best:
        _write(axes, pareto, cost, cheapest, f"#{cheapest.number} (tied)", fontsize=8)


def _write(axes: Axes, pareto: Pareto, cost: Cost, point: ParetoPoint, text: str, **look: Any) -> None:
    marks = axes.transData.transform([*zip(*_places(pareto.complete, cost), strict=True)])
    here = axes.transData.transform((point.cost(cost), error(point.accuracy)))
    pixels = axes.figure.dpi / 72  # a point
    length = CHARACTER * len(text)

    def clearance(side: tuple[int, int]) -> float:
        middle = here + pixels * np.array([side[0] * (OFFSET + length / 2), side[1] * 2 * OFFSET])
        gaps = np.abs(marks - middle) / (pixels * np.array([length / 2 + OFFSET, 2 * OFFSET]))
        return min(1.0, float(gaps.max(axis=1).min()))  # 1: no mark touches the text

    right, up = max(SIDES, key=clearance)
    axes.annotate(
        text, (point.cost(cost), error(point.accuracy)), (right * OFFSET, up * OFFSET),
        textcoords="offset points", ha={-1: "right", 0: "center", 1: "left"}[right],
        va="bottom" if up > 0 else "top", path_effects=[HALO], zorder=5, **look,
    )  # fmt: skip
