"""The trainings of each worker over time, the time saved by pruning, and the cost of the deterministic order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from mnist_bench.cells import percent, roughly
from mnist_bench.leaderboard.worker_time import Kind, WorkerPeriod, WorkerTimeline, worker_time_of
from mnist_bench.plots.frame import BEST, COMPLETE, FAINT, INK, PRUNED, Drawn
from mnist_bench.plots.subject import Subject
from search.hashed import repeats
from search.messages import duration

COLOURS: Mapping[Kind, str] = {
    "best": BEST, "complete": COMPLETE, "pruned": PRUNED, "other": FAINT
}  # fmt: skip
HEIGHTS: Mapping[Kind, float] = {"best": 0.9, "complete": 0.75, "pruned": 0.6, "other": 0.45}
"""Heights of the bars, if workers are 1 apart. They differ, so that the kinds can be distinguished without colour,
too."""
WIDTH = 6.2  # approximate length of the time axis in inches
CHARACTER = 0.065  # width of a digit on a bar in inches
MAX_WORKERS_WITH_NUMBERS = 24  # more workers are too thin for numbers, and only every eighth one has a label
MAX_PAUSES_WITH_TEXT = 4

SAVED = "saved by pruning"


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """One use of worker time, a bar of the lower panel."""

    name: str
    seconds: float
    colour: str  # empty if nothing was trained in this time


def timeline(subject: Subject) -> Drawn:
    """Draw the workers with a bar per period, and below them the uses of worker time."""
    return drawn(worker_time_of(subject.study))


def drawn(time: WorkerTimeline) -> Drawn:
    """Return the picture of how the time of a study's workers was spent."""
    used = uses(time)
    heights = min(6.0, 0.42 * max(2, len(time.workers))), 0.24 * len(used)

    def draw(figure: Figure) -> None:
        workers, sums = figure.subplots(2, 1, height_ratios=heights)
        _draw_workers(workers, time)
        _draw_uses(sums, used, time.available)

    trials = len({period.trial for period in time.periods})
    numbered = ", the wide ones with the trial's number" if len(time.workers) <= MAX_WORKERS_WITH_NUMBERS else ""
    paused = duration(sum(pause.seconds for pause in time.pauses))
    remarks = [
        f"study {time.study}: {len(time.periods):,} reporting intervals of {trials:,} trials, one bar each{numbered}",
        f"{len(time.pauses)} pauses, {paused} in all" if len(time.pauses) > MAX_PAUSES_WITH_TEXT else "",
    ]
    return Drawn(finding=finding(time), remarks=remarks, draw=draw, height=1.7 + sum(heights))


def finding(time: WorkerTimeline) -> str:
    """Return the heading: how busy the workers were, the saving of pruning, the cost of the deterministic order."""
    count = len(time.workers)
    share = (time.available - time.idle) / time.available
    were = "1 worker was" if count == 1 else f"{count} workers were"
    saved = f"pruning saved about {roughly(time.saved)} of training" if time.saved else "nothing was pruned"
    cost = f", the deterministic order cost {percent(time.ordering / time.available, 1)}" if repeats(time.order) else ""
    return f"{were} busy {percent(share, 0)} of {duration(time.span)}; {saved}{cost}"


def uses(time: WorkerTimeline) -> list[Use]:
    """Return the uses of worker time; kinds of trials that do not occur are left out."""
    trained: Sequence[tuple[str, Kind]] = (
        (f"#{time.best}, the best", "best"),
        ("other complete trials", "complete"),
        ("pruned trials", "pruned"),
        ("failed or unfinished trials", "other"),
    )
    spent = [Use(name=name, seconds=time.busy(kind), colour=COLOURS[kind]) for name, kind in trained]
    return [
        *(use for use in spent if use.seconds),
        Use(name="waiting for the deterministic order", seconds=time.ordering, colour=""),
        Use(name="idle otherwise", seconds=time.idle - time.ordering, colour=""),
        *([Use(name=SAVED, seconds=time.saved, colour="")] if time.saved else []),
    ]


def _draw_workers(axes: Axes, time: WorkerTimeline) -> None:
    unit, name = _unit(time.span)
    places = {worker: place for place, worker in enumerate(time.workers)}
    # White edges separate the bars of a worker. Thinner bars than these would be all edge.
    edge = 0.4 if len(time.periods) < 200 * len(places) else 0.0
    for kind, colour in COLOURS.items():
        boxes = [_box(period, places[period.worker], unit) for period in time.periods if period.kind == kind]
        axes.add_collection(PolyCollection(boxes, facecolor=colour, edgecolor="white", linewidth=edge))
    if len(places) <= MAX_WORKERS_WITH_NUMBERS:
        _write_numbers(axes, time, places, unit)
    _mark_pauses(axes, time, unit)
    axes.set(xlim=(0, time.span / unit), ylim=(len(places) - 0.4, -0.6))
    axes.set_xlabel(f"time in {name} since the start" + (", pauses left out" if time.pauses else ""))
    step = 1 if len(places) <= MAX_WORKERS_WITH_NUMBERS else 8
    axes.set_yticks(range(0, len(places), step), [f"worker {worker}" for worker in time.workers[::step]])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _box(period: WorkerPeriod, height: int, unit: float) -> list[tuple[float, float]]:
    left, right, half = period.start / unit, period.end / unit, HEIGHTS[period.kind] / 2
    low, high = height - half, height + half
    return [(left, low), (right, low), (right, high), (left, high)]


def _write_numbers(axes: Axes, time: WorkerTimeline, places: Mapping[int, int], unit: float) -> None:
    for period in time.periods:
        text = f"#{period.trial}" if period.kind == "best" else f"{period.trial}"
        if (period.end - period.start) / time.span * WIDTH > CHARACTER * (len(text) + 0.6):
            middle = (period.start + period.end) / 2 / unit, places[period.worker]
            colour = INK if period.kind == "pruned" else "white"
            axes.text(*middle, text, ha="center", va="center", fontsize=6.5, color=colour)


def _mark_pauses(axes: Axes, time: WorkerTimeline, unit: float) -> None:
    for pause in time.pauses:
        axes.axvline(pause.at / unit, color=INK, linewidth=1, linestyle=(0, (2, 2)))
    for pause in time.pauses if len(time.pauses) <= MAX_PAUSES_WITH_TEXT else ():
        axes.annotate(
            f"paused {duration(pause.seconds)}", (pause.at / unit, 1), (0, 2), xycoords=("data", "axes fraction"),
            textcoords="offset points", ha="center", fontsize=7,
        )  # fmt: skip


def _unit(span: float) -> tuple[float, str]:
    if span < 120:
        return 1.0, "seconds"
    return (60.0, "minutes") if span < 7200 else (3600.0, "hours")


def _draw_uses(axes: Axes, used: Sequence[Use], available: float) -> None:
    for place, use in enumerate(used):
        saved = use.name == SAVED
        axes.barh(
            place, use.seconds, height=0.62, color=use.colour or "white", linewidth=0.8,
            edgecolor=use.colour or FAINT, linestyle="--" if saved else "-",
        )  # fmt: skip
        share = f"{duration(use.seconds)}, {percent(use.seconds / available, 1)}"
        text = f"about {roughly(use.seconds)}" if saved else share
        end = (use.seconds, place)
        axes.annotate(text, end, (4, 0), textcoords="offset points", va="center", fontsize=7.5)
    axes.set_yticks(range(len(used)), [use.name for use in used])
    axes.set_ylim(len(used) - 0.5, -0.5)
    axes.set_xlim(0, 4 / 3 * max(use.seconds for use in used))  # a quarter is left for the text next to the longest bar
    axes.set_title("time of all workers")
    axes.xaxis.set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.spines["bottom"].set_visible(False)
