"""Time of a report, by how the objective is written: `advance` of a trainer, a generator, a function, a program.

    python benchmarks/report_cost.py [ROUNDS]        default: 5

The work takes no time, so that all else is measured: the driver, the event log, the messages and the processes. One
worker computes one trial at a time (one slot) with random search and no pruner. The clock runs from the first report
to the last end of a trial, so that the start of the workers does not count. The sides take turns; the table has the
median and the range of the rounds.
"""

from __future__ import annotations

import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import search

TRIALS, PERIODS = 20, 50
SPACE = search.Space.of({"work": {"x": {"float": [0.0, 1.0]}}})
PROGRAM = 'for _ in $(seq $1); do echo "{{\\"value\\": $0}}"; done'


class Planner:
    """Plans the same cost for each period."""

    codec = search.PLAIN

    def __call__(self, params: Mapping[str, Any]) -> search.Plan[Mapping[str, Any]]:
        """Return the plan of a trial."""
        return search.Plan(config=dict(params), costs=(1_000_000,) * PERIODS)


class Trainer:
    """Reports a parameter."""

    codec = search.PLAIN
    numerics: Mapping[str, Any] = {"canary": "none"}

    def advance(
        self, config: Mapping[str, Any], seed: int, period: int, state: bytes | None
    ) -> tuple[bytes, search.Report]:
        """Return a state of one byte and the report."""
        return b"0", search.Report(value=config["work.x"], metrics={}, weights="0" * 64, seconds=0.0)


def generator(config: search.Configuration) -> Iterator[float]:
    """Report a parameter after each period."""
    for _ in range(PERIODS):
        yield config.work.x


def function(config: search.Configuration) -> float:
    """Return a parameter."""
    return float(config.work.x)


class Clock(search.Observer):
    """Notes when the first report was handled and when the last trial ended."""

    def __init__(self) -> None:
        self.first = self.last = 0.0

    def on_report(self, trial: search.TrialRecord) -> None:
        """See `Observer`."""
        self.first = self.first or time.monotonic()

    def on_end(self, trial: search.TrialRecord) -> None:
        """See `Observer`."""
        self.last = time.monotonic()


def trainer(results: Path) -> search.Search:
    """Return the search of the trainer, which a worker process loads."""
    return search.Search.of(
        SPACE, Planner(), search.TrainerSpec(factory=f"{__file__}:Trainer"), trials=TRIALS, periods=PERIODS, slots=1,
        workers=1, sampler=search.Random(), pruner=search.NoPruner(), results=results,
    )  # fmt: skip


def objective(given: search.Objective, trials: int, periods: int) -> Callable[[Path], search.Search]:
    """Return what makes the search of an objective."""
    return lambda results: search.planned(
        given, SPACE, trials=trials, periods=periods, slots=1, sampler=search.Random(), pruner=search.NoPruner(),
        results=results,
    )  # fmt: skip


SIDES: Mapping[str, tuple[Callable[[Path], search.Search], int]] = {
    "`advance`": (trainer, TRIALS * PERIODS),
    "generator": (objective(search.Objective.of(f"{__file__}:generator"), TRIALS, PERIODS), TRIALS * PERIODS),
    "function": (objective(search.Objective.of(f"{__file__}:function"), 10 * TRIALS, 1), 10 * TRIALS),
    "program": (
        objective(search.Objective.of_command(["bash", "-c", PROGRAM, "{work.x}", str(PERIODS)]), TRIALS, PERIODS),
        TRIALS * PERIODS,
    ),
}
"""By name: what makes the search, and its number of reports."""


def milliseconds(make: Callable[[Path], search.Search], reports: int) -> float:
    """Search once, and return the time per report."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        replace(make(Path(folder)), observer=clock).run()
    return (clock.last - clock.first) / (reports - 1) * 1000


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    taken: dict[str, list[float]] = {name: [] for name in SIDES}
    for _ in range(rounds):
        for name, (make, reports) in SIDES.items():
            taken[name].append(milliseconds(make, reports))
    print(f"{platform.machine()}, Python {platform.python_version()}, {rounds} rounds\n")
    print("| objective | ms per report | range |\n|---|---:|---:|")
    for name, times in taken.items():
        print(f"| {name} | {statistics.median(times):.1f} | {min(times):.1f} to {max(times):.1f} |")


if __name__ == "__main__":
    main()
