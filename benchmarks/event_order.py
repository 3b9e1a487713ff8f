"""What the order of events costs: worker time used in logical order and by arrival, simulated with drawn durations.

    python benchmarks/event_order.py                  every table, about eight minutes on one core
    python benchmarks/event_order.py --quick          few workers, few trials
    python benchmarks/event_order.py --output DIR     writes event-order.md and event-order.json there

The driver, its dispatcher, history and timeline are the real ones (`virtual_search.py`); nothing is trained. Nets are
those of the space conv with their estimated times; real times are off by a factor drawn for each net, and by another
one for each of its periods. Both orders of a pair see the same durations and the same values.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from virtual_search import ByEnds, LongestFirst, Outcome, Setting, Waiting, simulate

from mnist_bench import searches, space_files
from mnist_bench.nets.cost_model import COEFFICIENTS
from mnist_bench.space_files import overview
from search.driver.dispatcher import Dispatcher
from search.event_log.timeline import Order

WORKERS = (2, 8, 64, 256, 1000)
SLOTS = (1, 2, 4)
"""Slots for each worker."""
ERRORS = (0.05, 0.1, 0.2, 0.4)
ORDERS: tuple[Order, ...] = ("logical", "arrival")
EVENT_MS = (0.0, 1.0, 2.0, 5.0, 10.0)
NETS = 300
TRIALS_OF_A_WORKER = 20
FEWEST_TRIALS = 100
MAX_TRIALS = 10_000
SCHEDULES: Mapping[str, type[Dispatcher[Any]]] = {
    "by the end of a period, waiting for each turn": Waiting,
    "by the end, training on where nothing can be stopped": ByEnds,
    "by the beginning, training on (as it is)": Dispatcher,
    "what has most left first, training on": LongestFirst,
}
"""Ways to give waiting periods to idle workers in logical order; all come to the same decisions."""
SCHEDULED_ON = ((8, 1), (8, 2), (64, 2))
"""Workers, and slots for each, on which they are compared."""
RUNS = 200
"""Workers times runs, so that few workers are simulated often: chance weighs more there."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The mean over the runs of one setting."""

    workers: int
    slots: int
    error: float
    order: Order
    schedule: str
    event_ms: float
    trials: int
    runs: int
    used: float
    in_full_swing: float
    event_us: float


def cell(setting: Setting) -> Cell:
    """Simulate a setting with as many seeds as its workers call for."""
    runs = max(1, min(20, RUNS // setting.workers))
    found = [simulate(replace(setting, seed=seed)) for seed in range(runs)]
    return Cell(
        workers=setting.workers, slots=setting.slots, error=setting.error, order=setting.order,
        schedule=setting.dispatcher.__name__, event_ms=1000 * setting.driver_seconds, trials=setting.trials, runs=runs,
        used=mean(found, "used"), in_full_swing=mean(found, "in_full_swing"), event_us=mean(found, "event_us"),
    )  # fmt: skip


def mean(found: Sequence[Outcome], name: str) -> float:
    """Return the mean of a figure."""
    return float(np.mean([getattr(one, name) for one in found]))


def settings(workers: Sequence[int], nets: Sequence[tuple[int, ...]]) -> Iterator[Setting]:
    """Yield what is simulated: every number of workers, slots, error and order; then a driver that takes its time."""
    for count in workers:
        trials = trials_for(count)
        for factor in SLOTS:
            for error in ERRORS:
                for order in ORDERS:
                    yield Setting(
                        workers=count, slots=factor * count, order=order, error=error, trials=trials, nets=nets
                    )
    for count in workers[-2:]:
        for milliseconds in EVENT_MS[1:]:
            for order in ORDERS:
                yield Setting(
                    workers=count, slots=2 * count, order=order, error=0.2, trials=trials_for(count), nets=nets,
                    driver_seconds=milliseconds / 1000,
                )  # fmt: skip
    for count, factor in SCHEDULED_ON:
        for error in ERRORS:
            for schedule in SCHEDULES.values():
                if count in workers and schedule is not Dispatcher:
                    yield Setting(
                        workers=count, slots=factor * count, order="logical", error=error, trials=trials_for(count),
                        nets=nets, dispatcher=schedule,
                    )  # fmt: skip


def trials_for(workers: int) -> int:
    """Return how many trials so many workers are given."""
    return min(MAX_TRIALS, max(FEWEST_TRIALS, TRIALS_OF_A_WORKER * workers))


def conv_nets(count: int) -> list[tuple[int, ...]]:
    """Return the estimated microseconds of each period of nets drawn from the space conv, those within its limits."""
    space = space_files.load("former/0.1/conv")
    context = {"costs": asdict(COEFFICIENTS["cpu-bf16"]), "images": {"train": 50_000, "validation": 10_000}}
    plan = searches.planner(space, context)
    plans = [plan(params) for params in overview.samples(space, 4 * count, 0)]
    return [found.costs for found in plans if found.feasible][:count]


def page(cells: Sequence[Cell], nets: Sequence[tuple[int, ...]], seconds: float) -> str:
    """Return the tables as Markdown."""
    mains = [one for one in cells if not one.event_ms and one.schedule == Dispatcher.__name__]
    slow = [one for one in cells if one.event_ms]
    return "\n".join([*heading(nets, seconds), *order_part(mains), *schedule_part(cells), *driver_part(mains, slow)])


def heading(nets: Sequence[tuple[int, ...]], seconds: float) -> list[str]:
    """Return the title and what was simulated."""
    length = np.mean(nets) / 1e6
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    return [
        "# What the order of events costs",
        "",
        f"`python benchmarks/event_order.py`, simulated in {seconds:.0f} s on one core ({machine}; "
        f"{datetime.now(UTC):%Y-%m-%d}). {len(nets)} nets of the space conv, periods of {length:.1f} s on average, "
        f"asha; {TRIALS_OF_A_WORKER} trials a worker, at least {FEWEST_TRIALS} and at most {MAX_TRIALS:,}.",
        "",
    ]


def order_part(mains: Sequence[Cell]) -> list[str]:
    """Return the worker time used in either order, before the search runs out of trials and to its end."""
    return [
        "## Until nothing is left to ask",
        "",
        "Worker time used, %, logical order / by arrival, where real times are so far off their estimates:",
        "",
        *table(mains, "in_full_swing"),
        "",
        "## The whole search, to the end of its last trial",
        "",
        *table(mains, "used"),
        "",
        "At the end of a search workers run out of trials in either order; with more slots the last ends later.",
        "",
    ]


def schedule_part(cells: Sequence[Cell]) -> list[str]:
    """Return the worker time used by either schedule."""
    return [
        "## Which period an idle worker takes, in logical order",
        "",
        "Worker time used, %, until nothing is left to ask / to the end:",
        "",
        *schedule_table(cells),
        "",
    ]


def driver_part(mains: Sequence[Cell], slow: Sequence[Cell]) -> list[str]:
    """Return the worker time used beside a slow driver, and the processor time of a fast one."""
    return [
        "## With a driver that takes its time over every event",
        "",
        "Estimates 20 % off, two slots a worker; worker time used, %, until nothing is left to ask:",
        "",
        *slow_table([*slow, *(one for one in mains if one.error == 0.2)]),
        "",
        "## The driver's own time",
        "",
        "Microseconds of processor time for an event: timeline, dispatcher and history, without log and Optuna.",
        "",
        "| workers | slots | logical | arrival |",
        "| ---: | ---: | ---: | ---: |",
        *(
            f"| {workers} | {2 * workers} | {pair(mains, workers, 2 * workers, 0.2, 'event_us', 1, '.0f', ' | ')} |"
            for workers in unique(mains)
        ),
        "",
    ]


def table(cells: Sequence[Cell], figure: str) -> list[str]:
    """Return one line for each number of workers and slots, one column for each error."""
    lines = [
        "| workers | slots | trials | " + " | ".join(f"{100 * error:.0f} % off" for error in ERRORS) + " |",
        "| ---: | ---: | ---: |" + " ---: |" * len(ERRORS),
    ]
    for workers in unique(cells):
        for factor in SLOTS:
            slots = factor * workers
            trials = next(one.trials for one in cells if one.workers == workers)
            pairs = [pair(cells, workers, slots, error, figure) for error in ERRORS]
            lines.append(f"| {workers:,} | {slots:,} | {trials:,} | " + " | ".join(pairs) + " |")
    return lines


def schedule_table(cells: Sequence[Cell]) -> list[str]:
    """Return one line for each schedule on each size, one column for each error."""
    lines = [
        "| workers | slots | schedule | " + " | ".join(f"{100 * error:.0f} % off" for error in ERRORS) + " |",
        "| ---: | ---: | --- |" + " ---: |" * len(ERRORS),
    ]
    for workers, factor in SCHEDULED_ON:
        for name, schedule in SCHEDULES.items():
            found = [
                one
                for one in cells
                if (one.workers, one.slots, one.order) == (workers, factor * workers, "logical")
                and one.schedule == schedule.__name__
                and not one.event_ms
            ]
            by_error = {one.error: f"{100 * one.in_full_swing:.1f} / {100 * one.used:.1f}" for one in found}
            columns = " | ".join(by_error.get(error, "") for error in ERRORS)
            lines.append(f"| {workers} | {factor * workers} | {name} | {columns} |")
    return lines


def slow_table(cells: Sequence[Cell]) -> list[str]:
    """Return one line for each time that an event takes, one column for each number of workers."""
    counts = sorted({one.workers for one in cells if one.event_ms})
    lines = ["| ms an event | " + " | ".join(f"{count:,} workers" for count in counts) + " |"]
    lines.append("| ---: |" + " ---: |" * len(counts))
    for milliseconds in EVENT_MS:
        at = [one for one in cells if one.event_ms == milliseconds]
        pairs = [pair(at, count, 2 * count, 0.2, "in_full_swing") for count in counts]
        lines.append(f"| {milliseconds:g} | " + " | ".join(pairs) + " |")
    return lines


def pair(
    cells: Sequence[Cell], workers: int, slots: int, error: float, figure: str, scale: float = 100,
    form: str = ".1f", between: str = " / ",
) -> str:  # fmt: skip
    """Return a figure in logical order and by arrival."""
    return between.join(
        format(scale * getattr(one, figure), form)
        for order in ORDERS
        for one in cells
        if (one.workers, one.slots, one.error, one.order) == (workers, slots, error, order)
    )


def unique(cells: Sequence[Cell]) -> list[int]:
    """Return the numbers of workers that were simulated."""
    return sorted({one.workers for one in cells})


def main() -> None:
    """Simulate, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="2 and 8 workers alone")
    parser.add_argument("--output", type=Path, help="a folder, made where it is missing")
    asked = parser.parse_args()
    began = time.monotonic()
    nets = conv_nets(NETS)
    cells = [cell(setting) for setting in settings(WORKERS[:2] if asked.quick else WORKERS, nets)]
    text = page(cells, nets, time.monotonic() - began)
    print(text)
    if asked.output:
        asked.output.mkdir(parents=True, exist_ok=True)
        (asked.output / "event-order.md").write_text(text)
        (asked.output / "event-order.json").write_text(json.dumps([asdict(one) for one in cells], indent=1) + "\n")


if __name__ == "__main__":
    main()
