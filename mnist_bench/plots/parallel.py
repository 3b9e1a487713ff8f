"""Parallel coordinates (Inselberg 1985): one axis per parameter, one line per trial.

The axes are horizontal, one below the other, so that the names of parameters can be read without turning the head.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from mnist_bench.plots.frame import BEST, COMPLETE, FAINT, HALO, PRUNED, Drawn, opacity, three_digits
from mnist_bench.plots.subject import Subject
from mnist_bench.plots.trials import Compared, Parameter, TrialComparison, compare, jitter, parameters
from mnist_bench.value_kind import Scale
from search.event_log.records import StudyRecord

ABSENT = -0.2
"""The place at which a line crosses the axis of a parameter that its trial lacks; axes reach from 0 to 1."""
SPREAD = 0.03  # largest distance of lines that cross an axis at the same option
BESIDE = 1.13  # the place of the best trial's values, beyond the ends of the axes
MAX_OUTSIDE = 7  # largest number of characters of a name that fits between the end of an axis and the text next to it
CHARACTERS = 72  # number of characters of small text that fit on an axis
MAX_LABEL = 24  # largest number of characters of an option in the heading and next to the axes
CHANCE = 0.05  # largest probability of an option in common that chance does not explain
NAMED = 2  # largest number of options that the heading names


@dataclass(frozen=True, kw_only=True, slots=True)
class Parallel:
    """The compared trials and all parameters, in the order of the space."""

    comparison: TrialComparison
    parameters: tuple[Parameter, ...]
    axis: Scale  # the axis of the values

    @property
    def complete(self) -> list[Compared]:
        """The complete trials."""
        return [trial for trial in self.comparison.trials if trial.complete]

    @property
    def shared(self) -> list[tuple[str, int]]:
        """The options that all complete trials have and too few others for chance, with the number of trials.

        If this number of trials were drawn at random from all, they would share an option with a probability of at most
        `CHANCE` (Bonferroni over all options). The rarest comes first.
        """
        shared: list[tuple[str, int]] = []
        drawn, options = len(self.complete), sum(len(parameter.options) for parameter in self.parameters)
        for parameter in (parameter for parameter in self.parameters if parameter.options):
            tried = [_option(parameter, trial) for trial in self.comparison.trials]
            of_complete = {_option(parameter, trial) for trial in self.complete}
            for option, name in enumerate(parameter.names(MAX_LABEL)):
                by_chance = options * math.comb(tried.count(option), drawn) / math.comb(len(tried), drawn)
                if of_complete == {option} and by_chance <= CHANCE:
                    shared.append((f"{parameter.label} {name}", tried.count(option)))
        return sorted(shared, key=lambda option: option[1])

    @property
    def finding(self) -> str:
        """The heading: the options that the complete trials have in common."""
        trials, complete = len(self.comparison.trials), len(self.complete)
        if not complete:
            return f"None of {trials:,} trials is complete" if trials > 1 else "The only trial is not complete"
        if complete == 1:
            return f"#{self.complete[0].number} is the only complete trial" + (f" of {trials:,}" if trials > 1 else "")
        if complete == trials:
            return f"All {trials:,} trials are complete"
        number, shared = "Both" if complete == 2 else f"All {complete:,}", self.shared[:NAMED]
        if not shared:
            return f"The {complete:,} complete trials have no option in common beyond what chance would give"
        counts = [f"of all {trials:,}: {shared[0][1]:,}", *(f"{having:,}" for _, having in shared[1:])]
        options = " and ".join(f"{name} ({count})" for (name, _), count in zip(shared, counts, strict=True))
        return f"{number} complete trials have {options}"


def parallel_of(study: StudyRecord) -> Parallel:
    """Return the trials after the same training with all their parameters."""
    comparison = compare(study)
    return Parallel(comparison=comparison, parameters=tuple(parameters(study)), axis=comparison.axis)


def places(parallel: Parallel, trial: Compared) -> list[float]:
    """Return where a trial's line crosses the axis of each parameter and that of the value: 0 to 1, or `ABSENT`.

    Lines through the same option, or through `ABSENT`, are spread a little.
    """
    crossings = [_place(parameter, trial) for parameter in parallel.parameters]
    return [*crossings, parallel.axis.share(trial.value)]


def _place(parameter: Parameter, trial: Compared) -> float:
    shift = SPREAD * jitter(trial.number)
    if parameter.path not in trial.params:
        return ABSENT + shift
    return parameter.place(trial.params[parameter.path]) + (shift if parameter.options else 0)


def _option(parameter: Parameter, trial: Compared) -> int | None:
    return parameter.index(trial.params[parameter.path]) if parameter.path in trial.params else None


def parallel(subject: Subject) -> Drawn:
    """Draw an axis per parameter from top to bottom, the value last, and a line per trial through all of them."""
    found = parallel_of(subject.study)
    comparison = found.comparison
    best = [trial for trial in found.complete if trial.number == comparison.best]
    others = [trial for trial in found.complete if trial.number != comparison.best]
    cut = [trial for trial in comparison.trials if not trial.complete]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        _draw_axes(axes, found)
        # The fewer and the more interesting, the later: complete trials must not vanish below dozens of pruned ones.
        _draw_lines(axes, found, cut, colors=PRUNED, linewidths=0.8, zorder=2)
        _draw_lines(axes, found, others, colors=COMPLETE, linewidths=1.1, zorder=3)
        _draw_lines(axes, found, best, colors=BEST, linewidths=2.2, zorder=4)
        for trial in best:
            _write_best(axes, found, trial)

    remarks = [
        comparison.detail,
        f"thick: #{comparison.best}" if comparison.best is not None else "",
        "dark: other complete trials" if others else "",
        "pale: not complete" if cut else "",
        found.axis.outside(comparison.filled, "at the left end"),
    ]
    height = 1.4 + 0.36 * (len(found.parameters) + 1)
    return Drawn(finding=found.finding, remarks=remarks, draw=draw, height=height)


def _draw_axes(axes: Axes, parallel: Parallel) -> None:
    count = len(parallel.parameters)
    for row, parameter in enumerate(parallel.parameters):
        _draw_axis(axes, row, parameter)
    _draw_line_and_ticks(
        axes, count, [0.0, 1.0], [parallel.axis.text(parallel.axis.worst), parallel.axis.text(parallel.axis.best)]
    )
    if any(
        parameter.path not in trial.params for parameter in parallel.parameters for trial in parallel.comparison.trials
    ):
        axes.text(ABSENT, -0.45, "absent", ha="center", va="bottom", fontsize=7.5, color=FAINT)
    labels = [parameter.label + (" (log)" if parameter.log else "") for parameter in parallel.parameters]
    axes.set_yticks(range(count + 1), [*labels, parallel.axis.short_label(f" {parallel.comparison.after}")])
    axes.set_ylim(count + 0.5, -0.5)
    axes.set_xlim(ABSENT - 0.04, BESIDE + 0.12)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _draw_axis(axes: Axes, row: int, parameter: Parameter) -> None:
    if parameter.numbers:
        ends = [three_digits(parameter.numbers.low), three_digits(parameter.numbers.high)]
        _draw_line_and_ticks(axes, row, [0.0, 1.0], ends)
    else:
        names = parameter.names(CHARACTERS // len(parameter.options))
        _draw_line_and_ticks(axes, row, [parameter.place(option) for option in parameter.options], names)


def _draw_line_and_ticks(axes: Axes, row: int, ticks: Sequence[float], names: Sequence[str]) -> None:
    """Draw an axis; names at its ends are written outside of it, where few lines are, if they are short enough."""
    axes.plot([0, 1], [row, row], color=FAINT, linewidth=0.6, zorder=1)
    axes.plot(ticks, [row] * len(ticks), "|", color=FAINT, markersize=5, markeredgewidth=0.8, zorder=1)
    for tick, name in zip(ticks, names, strict=True):
        outside = tick in (0, 1) and len(name) <= MAX_OUTSIDE
        toward = "right" if tick == 0 else "left"
        inwards = "left" if tick == 0 else "right" if tick == 1 else "center"
        axes.annotate(
            name, (tick, row), ((-5 if tick == 0 else 5), 0) if outside else (0, -3), textcoords="offset points",
            ha=toward if outside else inwards, va="center" if outside else "top", fontsize=6.5, parse_math=False,
            zorder=6, path_effects=[HALO],
        )  # fmt: skip


def _draw_lines(axes: Axes, parallel: Parallel, trials: Sequence[Compared], **look: Any) -> None:
    lines = [[(place, row) for row, place in enumerate(places(parallel, trial))] for trial in trials]
    axes.add_collection(LineCollection(lines, alpha=opacity(len(trials)), **look))


def _write_best(axes: Axes, parallel: Parallel, best: Compared) -> None:
    look: dict[str, Any] = {"va": "center", "color": BEST, "fontsize": 7.5, "parse_math": False}
    axes.text(BESIDE, -0.45, f"#{best.number}", fontweight="bold", **{**look, "va": "bottom"})
    for row, parameter in enumerate(parallel.parameters):
        value = parameter.text(best.params[parameter.path], MAX_LABEL) if parameter.path in best.params else "–"
        axes.text(BESIDE, row, value, **look)
    if best.value is not None:
        axes.text(BESIDE, len(parallel.parameters), parallel.axis.text(best.value), **look)
