"""A waterfall from a baseline to the winner: one bar per group of settings, for the errors that it removes or adds."""

from __future__ import annotations

from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from mnist_bench.experiments.ablation import Ablation, Step, direction, load, span
from mnist_bench.plots import style
from mnist_bench.plots.headings import HALO, write_heading
from mnist_bench.plots.subject import Subject
from mnist_bench.studies import commands_of
from search.errors import StudyNotFoundError

LOGARITHMIC = 4.0
"""Ratio of the largest error rate to the smallest from which on the axis is logarithmic."""
WORSE = style.SERIES[1]
"""Steps that add errors."""
TICKS = [digit * 10.0**power for power in range(-3, 3) for digit in (1, 2, 3, 5, 7)]


def rows(made: Ablation) -> list[tuple[Step, float, float]]:
    """Return (step, error rate before, error rate after) for each step, in percent of the images.

    Raises:
        StudyNotFoundError: a configuration on the path diverged and has no error rate.
    """
    means = [made.start.mean, *(step.after.mean for step in made.steps)]
    rates = [100 * mean / made.images for mean in means if mean is not None]
    if len(rates) < len(means):
        raise StudyNotFoundError(
            f"On the way from {made.baseline} to {made.study}/{made.trial} training diverged, so there is no plot."
        )
    return list(zip(made.steps, rates[:-1], rates[1:], strict=True))


def picture(subject: Subject) -> Figure:
    """Return the waterfall of the study's ablation.

    Raises:
        StudyNotFoundError: the study has no ablation.
    """
    study = subject.study
    made = load(study.files.path)
    if made is None:
        command = commands_of(study, data_dir=subject.data_dir).line("ablate")
        raise StudyNotFoundError(f"Study {study.name} has no ablation; `{command}` makes one.")
    return draw(made)


def draw(made: Ablation) -> Figure:
    """Draw one row per step from the baseline down to the trial, with a bar from the error rate before it to after."""
    steps = rows(made)
    figure = Figure(figsize=(7.2, 1.5 + 0.36 * (len(steps) + 2)), layout="constrained")
    axes = figure.subplots()
    _set_axes(axes, made, steps)
    for row, (step, before, after) in enumerate(steps, start=1):
        _draw_step(axes, row, step, before, after, made.images)
    _draw_end(axes, 0, steps[0][1], made.start.mean or 0, style.INK)
    _draw_end(axes, len(steps) + 1, steps[-1][2], made.end.mean or 0, style.BEST)
    write_heading(figure, finding(made), _remarks(made))
    return figure


def finding(made: Ablation) -> str:
    """Return the heading: which step removes most errors, of those that remove more than chance does."""
    sure = [step for step in made.steps if not step.by_chance and (step.fewer or 0) > 0]
    if not sure:
        return f"No step from {made.baseline} to #{made.trial} removes errors beyond chance"
    most = max(sure, key=lambda step: step.fewer or 0)
    verb = "remove" if len(most.groups) > 1 or most.name.endswith("s") else "removes"
    name = most.name[0].upper() + most.name[1:]
    return f"{name} {verb} {most.fewer:.0f} of the {made.start.mean:.0f} errors of {made.baseline}"


def _set_axes(axes: Axes, made: Ablation, steps: list[tuple[Step, float, float]]) -> None:
    rates = [rate for _, before, after in steps for rate in (before, after)]
    low, high = min(rates), max(rates)
    if low > 0 and high / low >= LOGARITHMIC:
        axes.set_xscale("log")
        axes.set_xlim(low / (high / low) ** 0.12, high * (high / low) ** 0.12)
        axes.xaxis.set_major_locator(FixedLocator([tick for tick in TICKS if low / 1.5 <= tick <= 1.5 * high]))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        reach = (high - low) or 1.0
        axes.set_xlim(max(0.0, low - 0.2 * reach), high + 0.2 * reach)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}%"))
    axes.set_ylim(len(steps) + 1.6, -0.6)
    names = [made.baseline, *(step.name for step, _, _ in steps), f"trial #{made.trial}"]
    axes.set_yticks(range(len(names)), [fill(name, 26) for name in names], color=style.INK)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(f"validation error rate (mean of {len(made.seeds)} seeds)")


def _draw_step(axes: Axes, row: int, step: Step, before: float, after: float, images: int) -> None:
    colour = style.PRUNED if step.by_chance else style.COMPLETE if after < before else WORSE
    axes.barh(row, after - before, left=before, height=0.6, color=colour)
    axes.plot([after, after], [row, row + 1], color=style.FAINT, linewidth=0.7, zorder=1)
    axes.plot([before, before], [row - 1, row], color=style.FAINT, linewidth=0.7, zorder=1)
    if step.low is not None and step.high is not None:
        ends = [before - 100 * count / images for count in (step.low, step.high)]
        # An end outside of the axis is cut off and gets no tick, so that the interval looks open there.
        shown = [min(max(end, axes.get_xlim()[0]), axes.get_xlim()[1]) for end in ends]
        axes.plot(shown, [row, row], color=style.INK, linewidth=0.9)
        whole = [end for end, there in zip(ends, shown, strict=True) if end == there]
        axes.plot(whole, [row] * len(whole), "|", color=style.INK, markersize=5)
    axes.text(
        1.01, row, _label(step), transform=axes.get_yaxis_transform(), va="center", fontsize=8,
        color=style.FAINT if step.by_chance else style.INK,
    )  # fmt: skip


def _label(step: Step) -> str:
    sign = "−" if direction(step) == "fewer" else "+"
    reach = f"  ({span(step)})" if step.low is not None else ""
    return f"{sign if round(step.fewer or 0) else ''}{abs(step.fewer or 0):.0f}{reach}"


def _draw_end(axes: Axes, row: int, rate: float, errors: float, colour: str) -> None:
    # In pixels, because the axis may be logarithmic: the label goes to the side with more room.
    low, high = (axes.transData.transform((x, 0))[0] for x in axes.get_xlim())
    is_right = axes.transData.transform((rate, 0))[0] > (low + high) / 2
    axes.plot([rate], [row], "D", color=colour, markersize=6.5, zorder=5)
    axes.annotate(
        f"{errors:.0f} errors", (rate, row), (-8 if is_right else 8, 0), textcoords="offset points", va="center",
        ha="right" if is_right else "left", color=colour,
        fontweight="bold", path_effects=[HALO],
    )  # fmt: skip


def _remarks(made: Ablation) -> list[str]:
    time = "" if made.complete else f"the rest: {len(made.steps[-1].groups)} groups of settings, for want of time"
    return [
        f"study {made.study}: errors of {made.images:,} validation images",
        "in brackets and as lines: 95% intervals",
        "pale: may be chance" if any(step.by_chance for step in made.steps) else "",
        time,
    ]
