"""Learning curves: the value of each trial over its training, and the place at which the pruner stopped it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from mnist_bench.plots import frame
from mnist_bench.plots.subject import Subject
from mnist_bench.plots.trials import Ending, ending
from mnist_bench.value_kind import Scale, ValueKind, kind_of
from search.errors import StudyNotFoundError
from search.event_log.records import StudyRecord, TrialRecord
from search.strategies.registry import of_spec

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
    trained: int
    """Number of feasible trials. Those that failed before their first report have no curve."""
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


def rows(study: StudyRecord) -> LearningCurves:
    """Return the learning curves of all trials that reported a value, and the pruner's rungs.

    Raises:
        StudyNotFoundError: no trial has a value yet, or another trainer's trials report only once.
    """
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
        rungs=tuple(_rung(curves, ends[period - 1]) for period in pruner.rungs(len(ends))),
    )


def _curve(trial: TrialRecord, kind: ValueKind) -> LearningCurve:
    values = tuple(report.value for report in trial.reports if report.value is not None)
    return LearningCurve(number=trial.number, done=kind.ends(trial)[: len(values)], values=values, ending=ending(trial))


def _rung(curves: list[LearningCurve], done: float) -> PrunerRung:
    reached = [curve for curve in curves if curve.done[-1] >= done]
    stopped = sum(curve.ending == "pruned" and curve.done[-1] == done for curve in reached)
    return PrunerRung(done=done, reached=len(reached), stopped=stopped)


def picture(subject: Subject, width: float = frame.WIDE) -> Figure:
    """Return the learning curves of the study."""
    return draw(rows(subject.study), width)


def draw(curves: LearningCurves, width: float = frame.WIDE) -> Figure:
    """Draw a line per trial over its training, a dot where it ended, and a dashed line per rung."""
    figure = Figure(figsize=(width, 4.4), layout="constrained")
    axes, axis = figure.subplots(), curves.kind.scale(curves.values)
    frame.set_value_axis(axes, axis)
    axes.set_ylabel(axis.label())
    _set_training_axis(axes, curves)
    _draw_rungs(axes, curves)
    others = [curve for curve in curves.of("complete") if curve.number != curves.best]
    _draw_curves(axes, axis, curves.of("pruned"), frame.PRUNED)
    _draw_curves(axes, axis, curves.of("unfinished", "failed"), frame.FAINT, dashed=True)
    _draw_curves(axes, axis, others, frame.COMPLETE)
    _draw_best(axes, axis, curves)
    frame.write_heading(figure, curves.finding, _remarks(curves, axis))
    return figure


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
        axes.axvline(done, color=frame.FAINT, linewidth=0.7, linestyle=(0, (4, 3)), zorder=1)
        axes.annotate(
            label, (done, 1), (0, 2), xycoords=axes.get_xaxis_transform(), textcoords="offset points",
            ha="center", va="bottom", fontsize=7.5, color=frame.FAINT,
        )  # fmt: skip


def _draw_curves(axes: Axes, axis: Scale, curves: list[LearningCurve], colour: str, *, dashed: bool = False) -> None:
    """Draw lines of one style, each with a dot at its end."""
    lines = [
        [(done, axis.height(value, beyond=True)) for done, value in zip(curve.done, curve.values, strict=True)]
        for curve in curves
    ]
    dashes = (0, (3, 2)) if dashed else "solid"
    look: dict[str, Any] = {"colors": colour, "linestyles": [dashes], "alpha": frame.opacity(len(curves))}
    axes.add_collection(LineCollection(lines, linewidths=0.9, zorder=2, **look))
    ends = [curve.done[-1] for curve in curves]
    heights = [axis.height(curve.values[-1]) for curve in curves]
    axes.scatter(ends, heights, s=12, color=colour, edgecolor="white", linewidth=0.4, zorder=3, clip_on=False)


def _draw_best(axes: Axes, axis: Scale, curves: LearningCurves) -> None:
    for best in (curve for curve in curves.curves if curve.number == curves.best):
        heights = [axis.height(value) for value in best.values]
        axes.plot(best.done, heights, "-D", color=frame.BEST, linewidth=2, markersize=5, zorder=5)
        axes.annotate(
            f"#{best.number}\n{axis.text(best.values[-1])}", (best.done[-1], heights[-1]), (9, 0),
            textcoords="offset points", va="center", color=frame.BEST, fontweight="bold",
        )  # fmt: skip


def _remarks(curves: LearningCurves, axis: Scale) -> list[str]:
    return [
        f"study {curves.study}",
        "pale: pruned" if curves.of("pruned") else "",
        "dashed: unfinished or failed" if curves.of("unfinished", "failed") else "",
        axis.outside([curve.values[-1] for curve in curves.curves]),
    ]
