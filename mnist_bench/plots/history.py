"""The values of the trials in the order of their numbers, and the best complete one so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mnist_bench.plots import frame
from mnist_bench.plots.frame import HALO, write_heading
from mnist_bench.plots.subject import Subject
from mnist_bench.plots.trials import Ending, ending
from mnist_bench.value_kind import Scale, ValueKind, kind_of
from search.errors import StudyNotFoundError
from search.event_log.records import StudyRecord, TrialRecord

MARKS: dict[Ending, dict[str, Any]] = {
    "complete": {"marker": "D", "facecolor": frame.COMPLETE, "edgecolor": "white", "linewidth": 0.5},
    "pruned": {"marker": "o", "facecolor": frame.PRUNED, "edgecolor": "white", "linewidth": 0.4},
    "unfinished": {"marker": "o", "facecolor": "white", "edgecolor": frame.FAINT, "linewidth": 0.8},
    "failed": {"marker": "x", "color": frame.FAINT, "linewidth": 0.9},
}
NAMES: dict[Ending, str] = {
    "complete": "complete", "pruned": "pruned", "unfinished": "unfinished (rings)", "failed": "failed (crosses)"
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryPoint:
    """One trial."""

    number: int
    value: float | None  # the value of the last report; None for a failed trial or before the first report
    done: float  # epochs or reports that were trained
    ending: Ending


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialHistory:
    """A study's feasible trials in the order of their numbers."""

    study: str
    kind: ValueKind
    total: float  # epochs or reports of the full budget
    points: tuple[HistoryPoint, ...]
    bests: tuple[HistoryPoint, ...]
    """The complete trials that rank above all complete ones before them; the last is the best of all."""
    untrained: Mapping[str, int]  # number of trials that have no point, because they were not trained, by reason

    def of(self, ended: Ending) -> list[HistoryPoint]:
        """Return the trials with this ending."""
        return [point for point in self.points if point.ending == ended]

    @property
    def axis(self) -> Scale:
        """The axis for all values."""
        return self.kind.scale(self.values)

    @property
    def values(self) -> list[float]:
        """The values of all trials that have one."""
        return [point.value for point in self.points if point.value is not None]

    @property
    def finding(self) -> str:
        """The heading: the best complete trial, and how many complete ones after it did no better."""
        trained = len(self.points)
        if not self.bests:
            return f"None of {trained:,} trials is complete" if trained > 1 else "The only trial is not complete"
        best, reached = self.bests[-1], self.axis.text(self.bests[-1].value or 0.0)
        if trained == 1:
            return f"The only trial, #{best.number}, has {reached}"
        complete = self.of("complete")
        if len(complete) == 1:
            return f"#{best.number}, the only complete one of {trained:,} trials, has {reached}"
        # An unfinished or pruned trial may be above the best complete one, so the sentence does not count them.
        later = len(complete) - complete.index(best) - 1
        if later < 2:
            last = "the last" if later == 0 else "the last but one"
            return f"#{best.number}, {last} of {len(complete):,} complete trials, is the best: {reached}"
        return f"#{best.number} is the best complete trial, {reached}; none of the {later:,} after it is better"


def rows(study: StudyRecord) -> TrialHistory:
    """Return the value and the ending of each trial.

    Raises:
        StudyNotFoundError: no trial has a value yet.
    """
    kind = kind_of(study.spec)
    trained = sorted((t for t in study.trials if t.is_trained), key=lambda trial: trial.number)
    points = {trial.number: _point(trial, kind) for trial in trained}
    if all(point.value is None for point in points.values()):
        raise StudyNotFoundError(f"Study {study.name} has no trial with a value yet, so there is no history.")
    return TrialHistory(
        study=study.name,
        kind=kind,
        total=kind.ends(trained[0])[-1],
        points=tuple(points.values()),
        bests=tuple(points[trial.number] for trial in _bests(trained)),
        untrained=Counter(trial.reason for trial in study.trials if not trial.is_trained),
    )


def _bests(trials: list[TrialRecord]) -> list[TrialRecord]:
    bests: list[TrialRecord] = []
    for trial in trials:
        if trial.state == "COMPLETE" and (not bests or trial.rank_key() < bests[-1].rank_key()):
            bests.append(trial)
    return bests


def _point(trial: TrialRecord, kind: ValueKind) -> HistoryPoint:
    ended = ending(trial)
    value = None if ended == "failed" else trial.value
    return HistoryPoint(number=trial.number, value=value, done=kind.done(trial), ending=ended)


def picture(subject: Subject, width: float = frame.WIDE) -> Figure:
    """Return the history of the study."""
    return draw(rows(subject.study), width)


def draw(history: TrialHistory, width: float = frame.WIDE) -> Figure:
    """Draw a mark per trial, shaped by its ending, and the best value so far as steps."""
    figure = Figure(figsize=(width, 4.2), layout="constrained")
    axes, axis = figure.subplots(), history.axis
    frame.set_value_axis(axes, axis)
    for ended in reversed(MARKS):
        _draw_points(axes, history, axis, ended)
    if history.bests:
        _draw_bests(axes, history, axis)
    axes.set(xlabel="trial", ylabel=axis.label())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    write_heading(figure, history.finding, _remarks(history, axis))
    return figure


def _draw_points(axes: Axes, history: TrialHistory, axis: Scale, ended: Ending) -> None:
    """Draw the marks of one ending; more training makes a larger mark."""
    points = [point for point in history.of(ended) if point.value is not None or ended == "failed"]
    heights = [axis.height(point.value) for point in points]
    scale = frame.mark_scale(len(history.points))
    # The root of the share, so that a trial stopped after one of many epochs is still visible.
    sizes = [scale * (8 + 24 * (point.done / history.total) ** 0.5) for point in points]
    axes.scatter([point.number for point in points], heights, s=sizes, zorder=3, clip_on=False, **MARKS[ended])


def _draw_bests(axes: Axes, history: TrialHistory, axis: Scale) -> None:
    """Draw the best value so far; the labels of the best are where no worse value is."""
    best, last = history.bests[-1], history.points[-1].number
    numbers = [*(point.number for point in history.bests), last]
    heights = [axis.height(point.value) for point in (*history.bests, best)]
    axes.step(numbers, heights, where="post", color=frame.INK, linewidth=1, zorder=3.5)
    axes.plot(best.number, heights[-1], "D", color=frame.BEST, markersize=6.5, zorder=5)
    if len(history.bests) > 1:
        # On the worse side of the line's end; if the best came late, its own label is there, and this one is on the
        # other side of the line's start.
        late, above = best.number > 0.6 * last, (best.number > 0.6 * last) != axis.minimized
        axes.annotate(
            "best so far", (numbers[0], heights[0]) if late else (last, heights[-1]),
            (6 if late else 0, 3 if above else -3), textcoords="offset points", ha="left" if late else "right",
            va="bottom" if above else "top", fontsize=7.5, zorder=4, path_effects=[HALO],
        )  # fmt: skip
    # The label is centred over the best trial, except near the edges, where it would be cut off.
    side = "left" if best.number < last / 10 else "right" if best.number > 0.9 * last else "center"
    axes.annotate(
        f"#{best.number}  {axis.text(best.value or 0.0)}", (best.number, heights[-1]), (0, -7 if axis.minimized else 7),
        textcoords="offset points", ha="center" if last == 0 else side, va="top" if axis.minimized else "baseline",
        color=frame.BEST, fontweight="bold",
    )  # fmt: skip


def _remarks(history: TrialHistory, axis: Scale) -> list[str]:
    counts = Counter(point.ending for point in history.points)
    words = ", ".join(f"{counts[ended]:,} {name}" for ended, name in NAMES.items() if counts[ended])
    listed = ", ".join(f"{number:,} {reason}" for reason, number in history.untrained.items())
    untrained = f" ({listed} not shown)" if listed else ""
    stopped = [point.done for point in history.of("pruned")]
    return [
        f"study {history.study}: {words}{untrained}",
        f"pale: stopped after {_span(stopped)} of {history.total:g} {history.kind.unit}s" if stopped else "",
        axis.outside(history.values),
    ]


def _span(numbers: list[float]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:g}" if low == high else f"{low:g} (small) to {high:g}"
