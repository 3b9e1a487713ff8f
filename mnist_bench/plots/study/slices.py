"""The value over each parameter, with all trials compared after the same training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, StrMethodFormatter

from mnist_bench.plots import style, value_axis
from mnist_bench.plots.headings import three_digits, write_heading
from mnist_bench.plots.study.importances import MIN_TRIALS, measure
from mnist_bench.plots.study.parameters import Parameter, jitter, log_ticks, parameters
from mnist_bench.plots.study.trials import Compared, TrialComparison, compare
from mnist_bench.plots.subject import Subject
from mnist_bench.value_scale import Scale
from search.event_log import StudyRecord
from search.space import NumberRange, same

MAX_PANELS = 16
COLUMNS = 4
CHARACTERS = 100
"""Number of characters of small text that fit below a row of panels."""
GREY = "#aab1bd"
"""Trials that are not complete. `style.PRUNED` is too pale for marks this small."""
MARGIN = 0.05
"""Share of a range by which its axis extends beyond each end."""
MAX_LABEL = 30
"""Largest number of characters of an option in the heading."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Slices:
    """The compared trials and the parameters, one panel each."""

    comparison: TrialComparison
    parameters: tuple[Parameter, ...]
    """Those that stand out from chance first, then by importance; with too few trials in the order of the space."""
    outstanding: int
    """Number of parameters that stand out from chance."""

    def having(self, parameter: Parameter) -> list[Compared]:
        """Return the compared trials that have this parameter."""
        return [trial for trial in self.comparison.trials if parameter.path in trial.params]

    @property
    def finding(self) -> str:
        """The heading: how the best quarter of the trials differs from all in the most important parameter."""
        number = len(self.comparison.trials)
        if number == 1:
            return "A single trial shows nothing about its parameters"
        if number < MIN_TRIALS:
            return f"{number} trials are too few to show which parameter matters"
        after = f"{self.comparison.after.capitalize()},"  # some trials were trained no further
        if not self.outstanding:
            return f"{after} no parameter sets the best quarter of {number:,} trials apart more than chance would"
        return f"{after} {contrast(self.parameters[0], self.comparison)}"


def contrast(parameter: Parameter, comparison: TrialComparison) -> str:
    """Return how the best quarter of the trials differs from all in a parameter; continues "After 1 epoch, ..."."""
    path, trials, top = parameter.path, comparison.trials, comparison.top
    everywhere = [trial.params[path] for trial in trials if path in trial.params]
    best = [trial.params[path] for trial in top if path in trial.params]
    if not best:
        lacking = f"none of the best {len(top):,} trials has {parameter.label}"
        return f"{lacking}, {len(everywhere):,} of all {len(trials):,} have"
    if parameter.numbers is None:
        return _option_contrast(
            parameter, best, everywhere, f"of the best {len(top):,} trials", f"of all {len(trials):,}"
        )
    middle, overall = median(best), median(everywhere)
    if middle == overall:
        return f"the best quarter of trials has the {parameter.label} of all in the median: {three_digits(overall)}"
    relation = "higher" if middle > overall else "lower"
    figures = f"{three_digits(middle)} in the median, {three_digits(overall)} in all"
    return f"the best quarter of trials has a {relation} {parameter.label}: {figures}"


def _option_contrast(parameter: Parameter, best: list[Any], everywhere: list[Any], of_best: str, of_all: str) -> str:
    """Return which option is most over-represented among the best trials."""
    chosen, tried = ([parameter.index(value) for value in values] for values in (best, everywhere))
    gains = [
        chosen.count(index) / len(best) - tried.count(index) / len(tried) for index in range(len(parameter.options))
    ]
    favourite = gains.index(max(gains))
    option = f"{parameter.label} {parameter.names(MAX_LABEL)[favourite]}"
    having = chosen.count(favourite)
    return f"{having:,} {of_best} {'has' if having == 1 else 'have'} {option}, {tried.count(favourite):,} {of_all}"


def rows(study: StudyRecord) -> Slices:
    """Return the trials after the same training, and the parameters by importance.

    Raises:
        StudyNotFoundError: no trial has a value yet, or there are no parameters.
    """
    comparison = compare(study)
    measured = measure(study, comparison) if len(comparison.trials) >= MIN_TRIALS else []
    ranks = {importance.path: (not importance.stands_out, rank) for rank, importance in enumerate(measured)}
    last = (True, len(ranks))
    return Slices(
        comparison=comparison,
        parameters=tuple(sorted(parameters(study), key=lambda parameter: ranks.get(parameter.path, last))),
        outstanding=sum(importance.stands_out for importance in measured),
    )


def picture(subject: Subject) -> Figure:
    """Return the slices of the study."""
    return draw(rows(subject.study))


def draw(slices: Slices) -> Figure:
    """Draw one panel per parameter with a mark per trial, and the median of each option."""
    shown = slices.parameters[:MAX_PANELS]
    lines = -(-len(shown) // COLUMNS)
    columns = -(-len(shown) // lines)
    figure = Figure(figsize=(8, 1.4 + 1.55 * lines), layout="constrained")
    grid = figure.subplots(lines, columns, sharey=True, squeeze=False)
    axis = slices.comparison.axis
    value_axis.set_up(grid[0, 0], axis)
    for axes, parameter in zip(grid.flat, shown, strict=False):
        _draw_panel(axes, axis, slices, parameter, characters=CHARACTERS // columns)
    for axes in grid.flat[len(shown) :]:
        axes.set_visible(False)
    label = axis.short_label if lines == 1 else axis.label  # the height of one panel is too small for a long one
    figure.supylabel(label(f" {slices.comparison.after}"), fontsize=9)
    write_heading(figure, slices.finding, _remarks(slices, axis, len(slices.parameters) - len(shown)))
    return figure


def _draw_panel(axes: Axes, axis: Scale, slices: Slices, parameter: Parameter, *, characters: int) -> None:
    trials = slices.having(parameter)
    conditional = f"  ({len(trials):,})" if len(trials) < len(slices.comparison.trials) else ""
    axes.set_title(f"{parameter.label}{conditional}", fontsize=8)
    axes.grid(axis="y")
    axes.tick_params(labelsize=6.5)
    _set_value_axis(axes, parameter, characters)
    pruned = [trial for trial in trials if not trial.complete]
    complete = [trial for trial in trials if trial.complete and trial.number != slices.comparison.best]
    best = [trial for trial in trials if trial.number == slices.comparison.best]
    scale = style.mark_scale(len(slices.comparison.trials))
    _draw_points(axes, axis, parameter, pruned, marker="o", s=11 * scale, color=GREY)
    _draw_points(axes, axis, parameter, complete, marker="D", s=18 * scale, color=style.COMPLETE)
    if parameter.options:
        _draw_medians(axes, axis, slices, parameter)
    _draw_points(axes, axis, parameter, best, marker="D", s=32, color=style.BEST)


def _draw_points(axes: Axes, axis: Scale, parameter: Parameter, trials: Sequence[Compared], **look: Any) -> None:
    values = [_position(parameter, trial) for trial in trials]
    heights = [axis.height(trial.value) for trial in trials]
    axes.scatter(values, heights, edgecolor="white", linewidth=0.4, clip_on=False, zorder=3, **look)


def _position(parameter: Parameter, trial: Compared) -> float:
    value = trial.params[parameter.path]
    return float(value) if parameter.numbers else parameter.index(value) + 0.6 * jitter(trial.number)


def _draw_medians(axes: Axes, axis: Scale, slices: Slices, parameter: Parameter) -> None:
    trials = slices.having(parameter)
    for index, option in enumerate(parameter.options):
        having = [trial for trial in trials if same(trial.params[parameter.path], option)]
        if having:
            height = axis.height(median(slices.comparison.values_of(having)))
            axes.plot([index - 0.35, index + 0.35], [height, height], color=style.INK, linewidth=1.1, zorder=3)


def _set_value_axis(axes: Axes, parameter: Parameter, characters: int) -> None:
    numbers = parameter.numbers
    if numbers is None:
        names = parameter.names(MAX_LABEL)
        axes.set_xticks(range(len(names)), names, parse_math=False)
        if max(map(len, names)) > characters // len(names):  # they would run into each other, or be cut
            axes.tick_params(axis="x", labelrotation=30)
            for label in axes.get_xticklabels():
                label.set(ha="right", rotation_mode="anchor")
        axes.set_xlim(-0.5, len(names) - 0.5)
        return
    if numbers.log:
        axes.set_xscale("log")
    axes.set_xlim(*_with_margins(numbers))
    if numbers.log:
        axes.xaxis.set_major_locator(FixedLocator(log_ticks(numbers.low, numbers.high)))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))


def _with_margins(numbers: NumberRange) -> tuple[float, float]:
    """Return the ends of an axis that shows whole marks at both ends of the range."""
    if numbers.log:
        factor = (numbers.high / numbers.low) ** MARGIN
        return numbers.low / factor, numbers.high * factor
    beyond = MARGIN * (numbers.high - numbers.low)
    return numbers.low - beyond, numbers.high + beyond


def _remarks(slices: Slices, axis: Scale, hidden: int) -> list[str]:
    comparison = slices.comparison
    others = sum(trial.complete for trial in comparison.trials) - (comparison.best is not None)
    shown = slices.parameters[:MAX_PANELS]
    options = any(parameter.options for parameter in shown)
    conditional = any(len(slices.having(parameter)) < len(comparison.trials) for parameter in shown)
    return [
        comparison.detail,
        f"large diamond: #{comparison.best}" if comparison.best is not None else "",
        "small diamonds: other complete trials" if others else "",
        "options: shifted sideways to keep trials apart, dash: median" if options else "",
        axis.outside(comparison.values_of(comparison.trials)),
        "in brackets: trials that have the parameter" if conditional else "",
        f"{hidden} less important parameters left out" if hidden else "",
    ]
