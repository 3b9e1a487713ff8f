"""History and learning curves: how good the trials of a study are, in their order and over their training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from mnist_bench.plots.frame import BEST, COMPLETE, FAINT, HALO, INK, PRUNED, Drawn, mark_scale, opacity, set_value_axis
from mnist_bench.plots.subject import Subject
from mnist_bench.plots.trials import Ending, ending
from mnist_bench.value_kind import Scale, ValueKind, kind_of
from search.errors import StudyNotFoundError
from search.event_log.records import StudyRecord, TrialRecord
from search.strategies.registry import of_spec

MARKS: dict[Ending, dict[str, Any]] = {
    "complete": {"marker": "D", "facecolor": COMPLETE, "edgecolor": "white", "linewidth": 0.5},
    "pruned": {"marker": "o", "facecolor": PRUNED, "edgecolor": "white", "linewidth": 0.4},
    "unfinished": {"marker": "o", "facecolor": "white", "edgecolor": FAINT, "linewidth": 0.8},
    "failed": {"marker": "x", "color": FAINT, "linewidth": 0.9},
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


def history_of(study: StudyRecord) -> TrialHistory:
    """Return the value and the ending of each trial."""
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


def history(subject: Subject) -> Drawn:
    """Draw a mark per trial, shaped by its ending, and the best value so far as steps."""
    found = history_of(subject.study)
    axis = found.axis

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        set_value_axis(axes, axis)
        for ended in reversed(MARKS):
            _draw_points(axes, found, axis, ended)
        if found.bests:
            _draw_bests(axes, found, axis)
        axes.set(xlabel="trial", ylabel=axis.label())
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))

    return Drawn(finding=found.finding, remarks=_history_remarks(found), draw=draw, height=4.2, narrow=4.2)


def _draw_points(axes: Axes, history: TrialHistory, axis: Scale, ended: Ending) -> None:
    points = [point for point in history.of(ended) if point.value is not None or ended == "failed"]
    heights = [axis.height(point.value) for point in points]
    scale = mark_scale(len(history.points))
    # The root of the share, so that a trial stopped after one of many epochs is still visible.
    sizes = [scale * (8 + 24 * (point.done / history.total) ** 0.5) for point in points]
    axes.scatter([point.number for point in points], heights, s=sizes, zorder=3, clip_on=False, **MARKS[ended])


def _draw_bests(axes: Axes, history: TrialHistory, axis: Scale) -> None:
    """Draw the best value so far; the labels of the best are where no worse value is."""
    best, last = history.bests[-1], history.points[-1].number
    numbers = [*(point.number for point in history.bests), last]
    heights = [axis.height(point.value) for point in (*history.bests, best)]
    axes.step(numbers, heights, where="post", color=INK, linewidth=1, zorder=3.5)
    axes.plot(best.number, heights[-1], "D", color=BEST, markersize=6.5, zorder=5)
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
        color=BEST, fontweight="bold",
    )  # fmt: skip


def _history_remarks(history: TrialHistory) -> list[str]:
    counts = Counter(point.ending for point in history.points)
    words = ", ".join(f"{counts[ended]:,} {name}" for ended, name in NAMES.items() if counts[ended])
    listed = ", ".join(f"{number:,} {reason}" for reason, number in history.untrained.items())
    untrained = f" ({listed} not shown)" if listed else ""
    stopped = sorted(point.done for point in history.of("pruned"))
    span = " (small) to ".join(dict.fromkeys(f"{done:g}" for done in (*stopped[:1], *stopped[-1:])))
    return [
        f"study {history.study}: {words}{untrained}",
        f"pale: stopped after {span} of {history.total:g} {history.kind.unit}s" if stopped else "",
        history.axis.outside(history.values),
    ]


LOG_FROM = 4
"""Ratio of the budget to the first period from which on the axis of training is logarithmic, as the rungs are. On a
linear axis, the first rungs, which stop most trials, would lie in one spot."""
MAX_TICKS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class LearningCurve:
    """One trial's learning curve."""

    number: int
    done: tuple[float, ...]  # epochs or reports
    values: tuple[float, ...]  # the value after each of `done`
    ending: Ending


@dataclass(frozen=True, kw_only=True, slots=True)
class PrunerRung:
    """A rung, at which the pruner compares trials."""

    done: float  # epochs or reports at the rung
    reached: int  # number of trials that reached the rung
    stopped: int  # number of trials that the pruner stopped at it


@dataclass(frozen=True, kw_only=True, slots=True)
class LearningCurves:
    """The learning curves of a study."""

    study: str
    kind: ValueKind
    ends: tuple[float, ...]  # epochs, or numbers of reports, after which a trial reports; the last is the full budget
    trained: int  # number of feasible trials. Those that failed before their first report have no curve.
    curves: tuple[LearningCurve, ...]
    best: int | None  # the number of the best complete trial
    rungs: tuple[PrunerRung, ...]  # the rungs of successive halving below the full budget; empty with other pruners

    def of(self, *endings: Ending) -> list[LearningCurve]:
        """Return the curves of the trials with one of these endings."""
        return [curve for curve in self.curves if curve.ending in endings]

    @property
    def values(self) -> list[float]:
        """The values of all curves."""
        return [value for curve in self.curves for value in curve.values]

    @property
    def finding(self) -> str:
        """The heading: how many trials were stopped, and when."""
        stops = sorted(Counter(curve.done[-1] for curve in self.of("pruned")).items())
        spent = self.kind.spent
        match stops:
            case []:
                return self._without_pruning()
            case [(end, count)]:
                return f"Pruning stopped {self._trials(count)} after {spent(end)}"
            case [(end, count), (later, others)]:
                first = f"{self._trials(count)} after {spent(end)}"
                return f"Pruning stopped {first} and {others:,} after {spent(later)}"
            case _:
                end, most = max(stops, key=lambda stop: stop[1])
                pruned = self._trials(len(self.of("pruned")))
                return f"Pruning stopped {pruned}, {most:,} of them after {spent(end)}"

    def _trials(self, count: int) -> str:
        if self.trained == 1:
            return "the only trial"
        return f"all {count:,} trials" if count == self.trained else f"{count:,} of {self.trained:,} trials"

    def _without_pruning(self) -> str:
        complete = len(self.of("complete"))
        number = self._trials(complete).capitalize()
        if complete == self.trained:
            return f"{number} {'was' if complete == 1 else 'were'} trained for {self.kind.spent(self.ends[-1])}"
        return f"No trial was pruned; {complete:,} of {self.trained:,} {'is' if complete == 1 else 'are'} complete"


def curves_of(study: StudyRecord) -> LearningCurves:
    """Return the learning curves of all trials that reported a value, and the pruner's rungs."""
    kind = kind_of(study.spec)
    trained = [trial for trial in study.trials if trial.is_trained]
    curves = [_curve(trial, kind) for trial in trained if trial.reports and trial.reports[0].value is not None]
    if not curves:
        raise StudyNotFoundError(f"Study {study.name} has no trial with a value yet, so there are no curves.")
    ends = kind.ends(trained[0])
    if len(ends) == 1 and not kind.of_nets:
        raise StudyNotFoundError(f"The trials of study {study.name} report once, so there are no curves.")
    _, pruner = of_spec(study.spec)
    return LearningCurves(
        study=study.name,
        kind=kind,
        ends=ends,
        trained=len(trained),
        curves=tuple(curves),
        best=study.best.number if study.best else None,
        rungs=tuple(_rung(curves, ends[period - 1]) for period in pruner.rungs(ends)),
    )


def _curve(trial: TrialRecord, kind: ValueKind) -> LearningCurve:
    values = tuple(report.value for report in trial.reports if report.value is not None)
    return LearningCurve(number=trial.number, done=kind.ends(trial)[: len(values)], values=values, ending=ending(trial))


def _rung(curves: list[LearningCurve], done: float) -> PrunerRung:
    reached = [curve for curve in curves if curve.done[-1] >= done]
    stopped = sum(curve.ending == "pruned" and curve.done[-1] == done for curve in reached)
    return PrunerRung(done=done, reached=len(reached), stopped=stopped)


def curves(subject: Subject) -> Drawn:
    """Draw a line per trial over its training, a dot where it ended, and a dashed line per rung."""
    found = curves_of(subject.study)
    axis = found.kind.scale(found.values)
    others = [curve for curve in found.of("complete") if curve.number != found.best]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        set_value_axis(axes, axis)
        axes.set_ylabel(axis.label())
        _set_training_axis(axes, found)
        _draw_rungs(axes, found)
        _draw_curves(axes, axis, found.of("pruned"), PRUNED)
        _draw_curves(axes, axis, found.of("unfinished", "failed"), FAINT, dashed=True)
        _draw_curves(axes, axis, others, COMPLETE)
        _draw_best(axes, axis, found)

    remarks = [
        f"study {found.study}",
        "pale: pruned" if found.of("pruned") else "",
        "dashed: unfinished or failed" if found.of("unfinished", "failed") else "",
        axis.outside([curve.values[-1] for curve in found.curves]),
    ]
    return Drawn(finding=found.finding, remarks=remarks, draw=draw, height=4.4, narrow=4.4)


def _set_training_axis(axes: Axes, curves: LearningCurves) -> None:
    ends = curves.ends
    if ends[-1] >= LOG_FROM * ends[0]:
        axes.set_xscale("log")
    ticks = ends if len(ends) <= MAX_TICKS else (ends[0], *(rung.done for rung in curves.rungs), ends[-1])
    axes.xaxis.set_major_locator(FixedLocator(sorted(set(ticks))))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:g}"))
    axes.set_xlabel(f"{curves.kind.unit}s")


def _draw_rungs(axes: Axes, curves: LearningCurves) -> None:
    complete = len(curves.of("complete"))
    labels = [
        (rung.done, f"{rung.stopped:,} of {rung.reached:,}\nstopped" if rung.reached else "none\nreached")
        for rung in curves.rungs
    ]
    for done, label in [*labels, (curves.ends[-1], f"{complete:,}\ncomplete")]:
        axes.axvline(done, color=FAINT, linewidth=0.7, linestyle=(0, (4, 3)), zorder=1)
        axes.annotate(
            label, (done, 1), (0, 2), xycoords=axes.get_xaxis_transform(), textcoords="offset points",
            ha="center", va="bottom", fontsize=7.5, color=FAINT,
        )  # fmt: skip


def _draw_curves(axes: Axes, axis: Scale, curves: list[LearningCurve], colour: str, *, dashed: bool = False) -> None:
    lines = [
        [(done, axis.height(value, beyond=True)) for done, value in zip(curve.done, curve.values, strict=True)]
        for curve in curves
    ]
    dashes = (0, (3, 2)) if dashed else "solid"
    look: dict[str, Any] = {"colors": colour, "linestyles": [dashes], "alpha": opacity(len(curves))}
    axes.add_collection(LineCollection(lines, linewidths=0.9, zorder=2, **look))
    ends = [curve.done[-1] for curve in curves]
    heights = [axis.height(curve.values[-1]) for curve in curves]
    axes.scatter(ends, heights, s=12, color=colour, edgecolor="white", linewidth=0.4, zorder=3, clip_on=False)


def _draw_best(axes: Axes, axis: Scale, curves: LearningCurves) -> None:
    for best in (curve for curve in curves.curves if curve.number == curves.best):
        heights = [axis.height(value) for value in best.values]
        axes.plot(best.done, heights, "-D", color=BEST, linewidth=2, markersize=5, zorder=5)
        axes.annotate(
            f"#{best.number}\n{axis.text(best.values[-1])}", (best.done[-1], heights[-1]), (9, 0),
            textcoords="offset points", va="center", color=BEST, fontweight="bold",
        )  # fmt: skip
