"""How long a search takes: its expected time and a range, from the expected work and the pace of a machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import harmonic_mean

from mnist_bench.preview.pace import Pace
from search.event_log.forecast import Forecast
from search.event_log.history import History
from search.strategies.pruners import Pruner

QUIET = (0.7, 1.5)
"""Ends of the range over the expected time on an idle machine: 20 searches took 0.8 to 1.2 times that (at 5a98ef84)."""
BUSY = (0.5, 2.5)
"""The same if other programs keep the cores busy, which come and go: ten searches saw 0.4 to 1.8 times that speed."""
UNMEASURED = (0.35, 3.0)
"""The same if the speed is known only from the shipped cost model."""
SETTING_UP = 1.5
"""Time in which nothing trains over the time in which the workers start: loading, the database, the summary."""
UNMEASURED_START = 2.5
"""Seconds in which the workers start, if that was not measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """The options that, together with the space, decide how long a search takes."""

    trials: int
    pruner: Pruner
    workers: int
    """Trials that train at the same time."""
    has_cost: bool
    """Whether a second objective is minimised."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpectedTime:
    """The time of a search, in seconds."""

    seconds: float
    low: float
    """Lower end of the range."""
    high: float
    """Upper end of the range."""


def expected_time(costs: Sequence[float], workload: Workload, pace: Pace | None = None) -> ExpectedTime:
    """Return how long a search takes from its start to its end.

    Args:
        costs: mean cost of each period of random configurations that may be trained, in microseconds as estimated.
        workload: the options of the search.
        pace: the measured pace of this machine; None for the usual one.
    """
    history = History(goals=[workload.trials])
    kept = workload.pruner.survivors(workload.trials, len(costs), two_objectives=workload.has_cost)
    left = Forecast(history, kept, costs).remaining({})
    speeds = () if pace is None else pace.speeds
    speed = harmonic_mean(speeds) if speeds else float(workload.workers)
    training = left.seconds(workers=workload.workers, pace=1e-6 * workload.workers / speed)
    seconds = SETTING_UP * (UNMEASURED_START if pace is None else pace.start) + training
    low, high = UNMEASURED if pace is None or not speeds else BUSY if pace.busy else QUIET
    return ExpectedTime(seconds=seconds, low=low * seconds, high=high * seconds)
