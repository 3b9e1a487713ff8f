"""Recipes that each have a test accuracy to reach, judged over many seeds.

A recipe's epochs are fixed, and its net after the last one is what counts. Its target is met only where the lower end
of the 95 % interval of the mean over the seeds reaches it: a mean alone, or the best of the seeds, would promise too
much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from types import MappingProxyType
from typing import Any

from mnist_bench.config import Schedule, TrainConfig
from mnist_bench.nets import plan_layers
from mnist_bench.numerics import Machine
from mnist_bench.statistics import mean_and_deviation, share_interval
from search.trainer_api import Report

TARGETS: Mapping[str, float] = MappingProxyType({"99.0": 0.990, "99.4": 0.994, "99.6": 0.996, "99.7": 0.997})
"""Test accuracies (0..1) by the names of their recipes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One seed's training, to its end."""

    seed: int
    test_errors: int
    test_accuracy: float
    """0..1, after the last epoch."""
    seconds: float
    """Of training, the evaluation on the validation images included."""
    weights: str
    """SHA-256 of the weights."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rung:
    """One target and what its recipe comes to."""

    target: float
    """Test accuracy to reach, 0..1."""
    recipe: str
    epochs: int
    parameters: int
    """Weights, biases and running statistics."""
    macs: int
    """Multiply-accumulates for one image, forward."""
    images: int
    """That a run trains on, each as often as it comes."""
    runs: tuple[Run, ...]
    """In the order of the seeds; without those that did not train to their end."""
    unended: int
    """Seeds whose training diverged or ran out of memory."""
    wall_seconds: float
    """From the start of a process that trains one run to its end, alone on the machine."""

    @property
    def mean(self) -> float | None:
        """Mean test accuracy of the runs, 0..1; None where none ended."""
        return mean_and_deviation(self._accuracies)[0] if self.runs else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of that mean, see `share_interval`; None for fewer than two runs, or none that errs."""
        return share_interval(self._accuracies, step=self._step)

    @property
    def met(self) -> bool:
        """Whether every seed trained to its end, and the interval lies at or above the target."""
        return not self.unended and self.interval is not None and self.interval[0] >= self.target

    @property
    def seconds(self) -> float | None:
        """Median seconds of training of one run, on one worker; None where none ended."""
        return median(run.seconds for run in self.runs) if self.runs else None

    @property
    def training_flop(self) -> int:
        """Floating-point operations of a run's training, by the multiply-accumulates of its convolutions and linear
        layers: two each forward, and four backward, for the gradients of inputs and weights (Kaplan et al. 2020, 2.1).
        """
        return 6 * self.macs * self.images

    @property
    def _step(self) -> float:
        """What one test image is worth, of which accuracies are multiples; 0 where no run misclassifies any."""
        return next(((1 - run.test_accuracy) / run.test_errors for run in self.runs if run.test_errors), 0.0)

    @property
    def _accuracies(self) -> list[float]:
        return [run.test_accuracy for run in self.runs]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ladder:
    """All rungs that were asked for, and what they were measured on."""

    machine: Machine
    workers: int
    """Runs that were trained at a time, at most, when they were; not so for `wall_seconds`."""
    train_images: int
    rungs: tuple[Rung, ...]


def rung(
    name: str, recipe: str, config: TrainConfig, images: int, curves: Mapping[int, Sequence[Report]],
    wall_seconds: float,
) -> Rung:  # fmt: skip
    """Return the rung of the target called `name` from the reports of each seed, the last with the test figures; all
    were trained on a set of so many images."""
    net, schedule = plan_layers(config.model), Schedule(config=config, images=images)
    ended = {seed: curve for seed, curve in curves.items() if curve[-1].end is None}
    return Rung(
        target=TARGETS[name], recipe=recipe, epochs=config.epochs, parameters=net.parameters, macs=net.macs,
        images=schedule.total_steps * schedule.batch_size,
        runs=tuple(_run(seed, curve) for seed, curve in ended.items()), unended=len(curves) - len(ended),
        wall_seconds=wall_seconds,
    )  # fmt: skip


WORKERS = "workers"
"""Among a report's details, how many workers trained when it was made; earlier versions did not keep that."""


def side_by_side(report: Report, workers: int) -> Report:
    """Return a report that says how many workers trained when it was made, which decides how long it took."""
    return replace(report, details={**report.details, WORKERS: workers})


def at_a_time(curve: Sequence[Report], now: int) -> int:
    """Return how many workers trained, at most, when a run's reports were made; `now` where they do not say."""
    return max(int(report.details.get(WORKERS, now)) for report in curve)


def _run(seed: int, curve: Sequence[Report]) -> Run:
    metrics: Mapping[str, Any] = curve[-1].metrics
    return Run(
        seed=seed, test_errors=metrics["test_errors"], test_accuracy=metrics["test_accuracy"],
        seconds=sum(report.seconds for report in curve), weights=curve[-1].weights,
    )  # fmt: skip


def plain(found: Ladder) -> dict[str, Any]:
    """Return a ladder as plain values for JSON."""
    return {**asdict(found), "rungs": [_plain(rung) for rung in found.rungs]}


def _plain(found: Rung) -> dict[str, Any]:
    low, high = found.interval or (None, None)
    figures = {
        "met": found.met, "mean": found.mean, "low": low, "high": high, "seconds": found.seconds,
        "training_flop": found.training_flop,
    }  # fmt: skip
    return {**asdict(found), **figures}
