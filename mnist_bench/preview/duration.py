"""Between how many seconds and how many a search takes: several hundred searches, played through."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import harmonic_mean

from mnist_bench.config import TrainConfig
from mnist_bench.preview.pace import Pace
from mnist_bench.preview.simulated_pruning import ImaginedTrial, periods_trained
from search.strategies import Pruner
from search.trainer_api import Plan

SEARCHES = 300
"""Searches that are played through."""
OUTSIDE = 0.04
"""Share of them that may end before the range, and the same beyond it."""
PROGRESS = 0.8
"""How far a sampler's last proposal is beyond its first on average, in deviations of a random trial's value. By 1.0, 21
of 50 trials pass the first rung as in the published search of 0.1; that of today's conv.yaml left 19, and random order
leaves 16.6. Ten searches of smoke.yaml with 20 trials left 4 to 12 of them, 7.9 on average."""
DRIFT = (0.92, 1.12)
"""Mean cost of a trained trial over that of a random one: 0.89 to 1.10 in ten searches of smoke.yaml, and 1.08 (of
MACs) in the published search of 0.1, whose sampler came to prefer dearer nets."""
NOISE = (-0.04, 0.12)
"""Mean and deviation of the logarithm of a machine's speed in the search over the measured one: -0.06 to 0.08 in five
searches on 2 quiet cores."""
BUSY = (-0.08, 0.3)
"""The same where other programs keep the cores busy, for they come and go: -0.9 to 0.6 in ten searches."""
UNMEASURED = (0.0, 0.5)
"""The same where only the shipped cost model tells the speed."""
AGREEMENT = 0.7
"""Correlation of a trial's values after different periods."""
SETTING_UP = (1.3, 1.8)
"""Time in which nothing trains over the time in which the workers start: loading, the database, the summary."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """What decides, beside the space, how long a search takes."""

    trials: int
    pruner: Pruner
    workers: int
    """Trials that train at the same time."""
    has_cost: bool
    """Whether a second objective is minimised."""


def seconds_between(plans: Sequence[Plan[TrainConfig]], workload: Workload, pace: Pace) -> tuple[float, float]:
    """Return a range of seconds in which nine of ten searches end, with random feasible plans to draw from."""
    rng = random.Random(0)  # noqa: S311
    ends = sorted(_played(plans, workload, pace, rng) for _ in range(SEARCHES))
    outside = int(OUTSIDE * SEARCHES)
    return ends[outside], ends[-1 - outside]


def _played(plans: Sequence[Plan[TrainConfig]], workload: Workload, pace: Pace, rng: random.Random) -> float:
    drawn = rng.choices(plans, k=workload.trials)
    progress = rng.uniform(0.0, 2 * PROGRESS)
    trials = [_imagined(plan, workload, progress * number / workload.trials, rng) for number, plan in enumerate(drawn)]
    trained = periods_trained(trials, workload.pruner, rng)
    costs = [sum(plan.costs[:periods]) * 1e-6 for plan, periods in zip(drawn, trained, strict=True)]
    measured = harmonic_mean(pace.speeds) if pace.speeds else float(workload.workers)
    noise = math.exp(rng.gauss(*(UNMEASURED if not pace.speeds else BUSY if pace.busy else NOISE)))
    speed = measured * noise
    work = sum(costs) * rng.uniform(*DRIFT)
    # When the last trials train, workers go idle: on average half of them, for as long as one of these trials takes.
    tail = rng.choice(costs) * (workload.workers - 1) / 2 if workload.workers > 1 else 0.0
    return pace.start * rng.uniform(*SETTING_UP) / noise + (work + tail) / speed


def _imagined(plan: Plan[TrainConfig], workload: Workload, ahead: float, rng: random.Random) -> ImaginedTrial:
    merit = rng.gauss(ahead, 1.0)
    own = math.sqrt(1 / AGREEMENT - 1)
    values = tuple(merit + own * rng.gauss(0.0, 1.0) for _ in plan.costs)
    return ImaginedTrial(values, float(sum(plan.costs)) if workload.has_cost else None)
