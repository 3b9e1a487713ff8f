"""The geometry of the charts, in the units of their SVG: learning curves, and the history of the best value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mnist_bench.trial_charts.shown_trials import ShownStudy, ShownTrial
from mnist_bench.trial_charts.value_scale import Tick, ValueScale, scale_of

WIDTH, HEIGHT = 480, 300
LEFT, RIGHT, TOP, BOTTOM = 54, 12, 12, 44
"""Room around the plot, for the labels."""
LOG_FROM = 4
"""Ratio of the budget to the first report from which on training is drawn by its logarithm, as the rungs are spaced."""
MAX_TICKS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """One trial in a chart."""

    trial: ShownTrial
    points: tuple[tuple[float, float], ...]
    """Where its reports are."""

    @property
    def path(self) -> str:
        """The points as a line of SVG."""
        return " ".join(f"{x:g},{y:g}" for x, y in self.points)

    @property
    def last(self) -> tuple[float, float]:
        """The last point."""
        return self.points[-1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """A chart, ready to be written as SVG."""

    key: str
    title: str
    """What it shows, in words."""
    across: str
    """The name of the horizontal axis."""
    up: str
    """The name of the vertical axis."""
    columns: tuple[Tick, ...]
    rows: tuple[Tick, ...]
    """Labelled places of both axes, in the units of the SVG."""
    marks: tuple[Mark, ...]
    """Those of pruned trials first, so that the others are above them."""
    steps: str = ""
    """The best value so far, as a line of SVG."""


def learning_curves(shown: ShownStudy) -> Chart:
    """Return the chart of the values of each trial over its training."""
    scale = _scale(shown, [value for trial in shown.trials for value in trial.values])
    first, last = shown.budget[0], shown.budget[-1]
    is_log = last >= LOG_FROM * first

    def across(done: float) -> float:
        share = math.log(max(done, first) / first) / math.log(last / first) if is_log else done / last
        return _x(0.04 + 0.96 * share if is_log else share)

    marks = [
        Mark(
            trial=trial, points=tuple((across(x), _y(scale, y)) for x, y in zip(trial.done, trial.values, strict=True))
        )
        for trial in shown.trials
        if trial.values
    ]
    return Chart(
        key="curves",
        title=f"Learning curves of {_counted(shown)}",
        across=f"{shown.unit}{' (log)' if is_log else ''}",
        up=f"{shown.name} ({scale.note})",
        columns=_thinned([Tick(place=across(end), label=f"{end:g}") for end in shown.budget]),
        rows=_rows(scale),
        marks=_in_layers(marks),
    )


def history(shown: ShownStudy) -> Chart:
    """Return the chart of each trial's last value by its number, and of the best complete one so far."""
    known = [trial for trial in shown.trials if trial.values]
    scale = _scale(shown, [trial.values[-1] for trial in known])
    last = max([trial.number for trial in shown.trials], default=1) or 1
    across = [Tick(place=_x(number / last), label=f"{number}") for number in _whole_steps(last)]
    marks = [Mark(trial=trial, points=((_x(trial.number / last), _y(scale, trial.values[-1])),)) for trial in known]
    return Chart(
        key="history",
        title=f"Last value of {_counted(shown)}, and the best complete one so far",
        across="trial",
        up=f"{shown.name} ({scale.note})",
        columns=tuple(across),
        rows=_rows(scale),
        marks=_in_layers(marks),
        steps=_steps(shown, scale, last),
    )


def _steps(shown: ShownStudy, scale: ValueScale, last: int) -> str:
    """Return the best value so far as a line of steps that ends at the last trial."""
    parts, height = [], None
    for number, value in shown.bests:
        x, y = _x(number / last), _y(scale, value)
        parts.append(f"M{x:g},{y:g}" if height is None else f"H{x:g}V{y:g}")
        height = y
    return "".join([*parts, f"H{_x(1.0):g}"]) if parts else ""


def _scale(shown: ShownStudy, values: Sequence[float]) -> ValueScale:
    return scale_of(values, of_nets=shown.of_nets, minimized=shown.minimized)


def _counted(shown: ShownStudy) -> str:
    of = f" of {shown.all:,}" if len(shown.trials) < shown.all else ""
    return f"{len(shown.trials):,}{of} trial{'' if shown.all == 1 else 's'}"


def _x(share: float) -> float:
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _y(scale: ValueScale, value: float) -> float:
    share = scale.place(value) if math.isfinite(value) else 0.0
    return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def _rows(scale: ValueScale) -> tuple[Tick, ...]:
    height = HEIGHT - TOP - BOTTOM
    return tuple(
        Tick(place=round(HEIGHT - BOTTOM - tick.place * height, 1), label=tick.label) for tick in scale.ticks()
    )


def _in_layers(marks: Sequence[Mark]) -> tuple[Mark, ...]:
    order = ("failed", "pruned", "running", "complete")
    return tuple(sorted(marks, key=lambda mark: order.index(mark.trial.ending)))


def _thinned(ticks: Sequence[Tick]) -> tuple[Tick, ...]:
    """Return the last tick, and those before it that have room."""
    kept = [ticks[-1]]
    for tick in reversed(ticks[:-1]):
        if kept[-1].place - tick.place >= (WIDTH - LEFT - RIGHT) / MAX_TICKS / 1.5:
            kept.append(tick)
    return tuple(reversed(kept))


def _whole_steps(last: int) -> range:
    """Return round numbers from 0 to the last trial."""
    size = next(step * 10**power for power in range(12) for step in (1, 2, 5) if last <= MAX_TICKS * step * 10**power)
    return range(0, last + 1, size)
