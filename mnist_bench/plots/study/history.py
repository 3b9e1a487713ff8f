"""The accuracy of the trials in the order of their numbers, and the best complete one so far."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mnist_bench.cells import percent
from mnist_bench.leaderboard import epochs_done, total_epochs
from mnist_bench.plots import accuracy, style
from mnist_bench.plots.headings import HALO, write_heading
from mnist_bench.plots.study.trials import Ending, ending
from mnist_bench.plots.subject import Subject
from search.errors import StudyNotFoundError
from search.event_log import StudyRecord, TrialRecord

MARKS: dict[Ending, dict[str, Any]] = {
    "complete": {"marker": "D", "facecolor": style.COMPLETE, "edgecolor": "white", "linewidth": 0.5},
    "pruned": {"marker": "o", "facecolor": style.PRUNED, "edgecolor": "white", "linewidth": 0.4},
    "unfinished": {"marker": "o", "facecolor": "white", "edgecolor": style.FAINT, "linewidth": 0.8},
    "failed": {"marker": "x", "color": style.FAINT, "linewidth": 0.9},
}
NAMES: dict[Ending, str] = {
    "complete": "complete", "pruned": "pruned", "unfinished": "unfinished (rings)", "failed": "failed (crosses)"
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryPoint:
    """One trial."""

    number: int
    accuracy: float | None
    """Validation accuracy of the last period, 0..1; None for a failed trial or before the first report."""
    epochs: float
    """Epochs trained."""
    ending: Ending


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialHistory:
    """A study's feasible trials in the order of their numbers."""

    study: str
    budget: float
    """Epochs of the full budget."""
    points: tuple[HistoryPoint, ...]
    bests: tuple[HistoryPoint, ...]
    """The complete trials that rank above all complete ones before them; the last is the best of all."""
    infeasible: int
    """Number of infeasible trials, which have no point."""

    def of(self, ended: Ending) -> list[HistoryPoint]:
        """Return the trials with this ending."""
        return [point for point in self.points if point.ending == ended]

    @property
    def accuracies(self) -> list[float]:
        """The accuracies of all trials that have one, 0..1."""
        return [point.accuracy for point in self.points if point.accuracy is not None]

    @property
    def finding(self) -> str:
        """The heading: the best complete trial, and how many complete ones after it did no better."""
        trained = len(self.points)
        if not self.bests:
            return f"None of {trained:,} trials is complete" if trained > 1 else "The only trial is not complete"
        best = self.bests[-1]
        if trained == 1:
            return f"The only trial, #{best.number}, has {percent(best.accuracy or 0)}"
        complete, reached = self.of("complete"), percent(best.accuracy or 0)
        if len(complete) == 1:
            return f"#{best.number}, the only complete one of {trained:,} trials, has {reached}"
        # An unfinished or pruned trial may be above the best complete one, so the sentence does not count them.
        later = len(complete) - complete.index(best) - 1
        if later < 2:
            last = "the last" if later == 0 else "the last but one"
            return f"#{best.number}, {last} of {len(complete):,} complete trials, is the best: {reached}"
        return f"#{best.number} is the best complete trial, {reached}; none of the {later:,} after it is better"


def rows(study: StudyRecord) -> TrialHistory:
    """Return the accuracy and the ending of each trial.

    Raises:
        StudyNotFoundError: no trial has an accuracy yet.
    """
    trained = sorted((t for t in study.trials if t.reason != "infeasible"), key=lambda trial: trial.number)
    points = {trial.number: _point(trial) for trial in trained}
    if all(point.accuracy is None for point in points.values()):
        raise StudyNotFoundError(f"Study {study.name} has no trial with an accuracy yet, so there is no history.")
    return TrialHistory(
        study=study.name,
        budget=total_epochs(trained[0]),
        points=tuple(points.values()),
        bests=tuple(points[trial.number] for trial in _bests(trained)),
        infeasible=len(study.trials) - len(trained),
    )


def _bests(trials: list[TrialRecord]) -> list[TrialRecord]:
    bests: list[TrialRecord] = []
    for trial in trials:
        if trial.state == "COMPLETE" and (not bests or trial.rank_key() < bests[-1].rank_key()):
            bests.append(trial)
    return bests


def _point(trial: TrialRecord) -> HistoryPoint:
    ended = ending(trial)
    value = None if ended == "failed" else trial.value
    return HistoryPoint(number=trial.number, accuracy=value, epochs=epochs_done(trial), ending=ended)


def picture(subject: Subject, width: float = style.WIDE) -> Figure:
    """Return the history of the study."""
    return draw(rows(subject.study), width)


def draw(history: TrialHistory, width: float = style.WIDE) -> Figure:
    """Draw a mark per trial, shaped by its ending, and the best accuracy so far as steps."""
    figure = Figure(figsize=(width, 4.2), layout="constrained")
    axes = figure.subplots()
    accuracy.set_axis(axes, history.accuracies)
    for ended in reversed(MARKS):
        _draw_points(axes, history, ended)
    if history.bests:
        _draw_bests(axes, history)
    axes.set(xlabel="trial", ylabel=accuracy.LABEL)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    write_heading(figure, history.finding, _remarks(history))
    return figure


def _draw_points(axes: Axes, history: TrialHistory, ended: Ending) -> None:
    """Draw the marks of one ending; more epochs make a larger mark."""
    points = [point for point in history.of(ended) if point.accuracy is not None or ended == "failed"]
    heights = [accuracy.place(axes, point.accuracy) for point in points]
    scale = style.mark_scale(len(history.points))
    # The root of the share of epochs, so that a trial stopped after one of many epochs is still visible.
    sizes = [scale * (8 + 24 * (point.epochs / history.budget) ** 0.5) for point in points]
    axes.scatter([point.number for point in points], heights, s=sizes, zorder=3, clip_on=False, **MARKS[ended])


def _draw_bests(axes: Axes, history: TrialHistory) -> None:
    best, last = history.bests[-1], history.points[-1].number
    numbers = [*(point.number for point in history.bests), last]
    heights = [accuracy.place(axes, point.accuracy) for point in (*history.bests, best)]
    axes.step(numbers, heights, where="post", color=style.INK, linewidth=1, zorder=3.5)
    axes.plot(best.number, heights[-1], "D", color=style.BEST, markersize=6.5, zorder=5)
    if len(history.bests) > 1:
        # Below the line's end; if the best came late, its own label is there, and this one is at the line's start.
        late = best.number > 0.6 * last
        axes.annotate(
            "best so far", (numbers[0], heights[0]) if late else (last, heights[-1]), (6, 3) if late else (0, -3),
            textcoords="offset points", ha="left" if late else "right", va="bottom" if late else "top", fontsize=7.5,
            zorder=4, path_effects=[HALO],
        )  # fmt: skip
    # The label is centred above the best trial, except near the edges, where it would be cut off.
    side = "left" if best.number < last / 10 else "right" if best.number > 0.9 * last else "center"
    axes.annotate(
        f"#{best.number}  {percent(best.accuracy or 0)}", (best.number, heights[-1]), (0, 7),
        textcoords="offset points", ha="center" if last == 0 else side, color=style.BEST, fontweight="bold",
    )  # fmt: skip


def _remarks(history: TrialHistory) -> list[str]:
    counts = Counter(point.ending for point in history.points)
    words = ", ".join(f"{counts[ended]:,} {name}" for ended, name in NAMES.items() if counts[ended])
    infeasible = f" ({history.infeasible:,} infeasible not shown)" if history.infeasible else ""
    stopped = [point.epochs for point in history.of("pruned")]
    return [
        f"study {history.study}: {words}{infeasible}",
        f"pale: stopped after {_span(stopped)} of {history.budget:g} epochs" if stopped else "",
        accuracy.outside(history.accuracies, history.accuracies),
    ]


def _span(numbers: list[float]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:g}" if low == high else f"{low:g} (small) to {high:g}"
