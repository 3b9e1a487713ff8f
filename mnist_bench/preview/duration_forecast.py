"""A range for how long a search takes, from the expected work and the measured pace of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import harmonic_mean

from mnist_bench.config import TrainConfig
from mnist_bench.preview.pace import Pace
from search.strategies import Pruner
from search.study import StartList
from search.trainer_api import Plan

QUIET = (0.7, 2.1)
"""Ends of the range over the expected time. A sampler improves, so more trials pass a rung than in random order, and
it comes to prefer other nets: three published searches did 1.21, 1.27 and 2.08 times the expected work. Searches over
the table grid-5k (20 to 100 trials, six seeds each) did 1.0 to 1.1 times the expected work with the sampler random and
1.1 to 1.6 times with tpe; asha and median differ little. In five others the machine was 0.94 to 1.08 times as fast as
measured."""
BUSY = (0.6, 2.8)
"""The same if other programs keep the cores busy, which come and go: ten searches saw 0.4 to 1.8 times that speed."""
UNMEASURED = (0.4, 3.5)
"""The same if the speed is known only from the shipped cost model."""
SETTING_UP = (1.3, 1.8)
"""Time in which nothing trains over the time in which the workers start: loading, the database, the summary."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """The options that, together with the space, decide how long a search takes."""

    trials: int
    pruner: Pruner
    workers: int
    """Trials that train at the same time."""
    has_cost: bool
    """Whether a second objective is minimised."""
    start: StartList = field(default_factory=StartList)
    """Its warm-start configurations that were not tried yet."""


def seconds_between(plans: Sequence[Plan[TrainConfig]], workload: Workload, pace: Pace) -> tuple[float, float]:
    """Return a range of seconds in which a search ends, given random plans that may be trained."""
    mean = [sum(costs) / len(plans) * 1e-6 for costs in zip(*(plan.costs for plan in plans), strict=True)]
    left = workload.start.survivors(workload.pruner, workload.trials, len(mean), two_objectives=workload.has_cost)
    work = sum(number * cost for number, cost in zip(left, mean, strict=True))
    # When the last trials train, workers go idle: on average half of them, for as long as a whole trial takes.
    tail = sum(mean) * (workload.workers - 1) / 2
    speed = harmonic_mean(pace.speeds) if pace.speeds else float(workload.workers)
    band = UNMEASURED if not pace.speeds else BUSY if pace.busy else QUIET
    low, high = (
        pace.start * setting_up + factor * (work + tail) / speed
        for setting_up, factor in zip(SETTING_UP, band, strict=True)
    )
    return low, high
