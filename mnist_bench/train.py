"""Train one period of a configuration: a pure function of configuration, seed, period, state and data.

Every draw comes from (seed, purpose, epoch or period): the weights' start, each epoch's order and distortions, each
period's dropout. torch's global generators are never touched.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from mnist_bench import state as states
from mnist_bench.batches import batches, seeded
from mnist_bench.config import TrainConfig
from mnist_bench.config_json import config_hash
from mnist_bench.data.tensors import Dataset
from mnist_bench.evaluate import Evaluation, evaluate
from mnist_bench.learner import Learner, evaluated_state, make_learner, train_step
from mnist_bench.model import set_dropout_generator
from mnist_bench.precision import Precision
from mnist_bench.schedule import Schedule
from search.trainer import EndReason, Report

OnPeriod = Callable[[int, bytes, Report], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class FitResult:
    """A whole training run."""

    reports: tuple[Report, ...]
    """One a period; fewer than planned where training diverged."""
    state: bytes
    """The last period's state; see mnist_bench.weights for the way to a file of weights."""


def advance(
    config: TrainConfig, seed: int, period: int, state: bytes | None, data: Dataset, precision: Precision
) -> tuple[bytes, Report]:
    """Train period number `period` (from 1) from `state` (None before the first); return the new state and the report.

    The report's value is the accuracy (0 to 1) on the validation part of `data`, with the averaged weights where
    averaging is on; its weights are the hash of the same. A loss that is not finite ends the trial as diverged, a lack
    of memory as out_of_memory.

    Raises:
        ArchitectureError: the net cannot exist.
        ValueError: `state` does not stand before this period of this configuration.
    """
    started = time.perf_counter()
    try:
        content, report = _advance(config, seed, period, state, data, precision)
    except (MemoryError, RuntimeError) as error:
        if not _is_lack_of_memory(error):
            raise
        content, report = state or b"", _ended(config, period, "", "out_of_memory")
    return content, replace(report, seconds=time.perf_counter() - started)


def fit(
    config: TrainConfig, seed: int, data: Dataset, precision: Precision, on_period: OnPeriod | None = None
) -> FitResult:
    """Train all periods of `config`, or those until it diverges; `on_period` hears each period, state and report."""
    state: bytes | None = None
    reports: list[Report] = []
    for period in range(1, len(Schedule(config=config, images=len(data.labels)).period_ends) + 1):
        state, report = advance(config, seed, period, state, data, precision)
        reports.append(report)
        if on_period:
            on_period(period, state, report)
        if report.end:
            break
    return FitResult(reports=tuple(reports), state=state or b"")


def _advance(
    config: TrainConfig, seed: int, period: int, state: bytes | None, data: Dataset, precision: Precision
) -> tuple[bytes, Report]:
    identity = config_hash(config)
    data = data.training_on(config.train_on)
    learner = make_learner(config, seeded(seed, "init"), data.device)
    if state is not None:
        states.restore(learner, state, identity, period - 1)
    elif period != 1:
        raise ValueError(f"period {period} needs the state after period {period - 1}")
    train_loss = _train(learner, config, seed, period, data, precision)
    content = states.to_bytes(learner, identity, period)
    kept = evaluated_state(learner)
    weights = states.weights_hash(kept)
    learner.model.load_state_dict(kept)
    found = evaluate(learner.model, data, precision)
    return content, _report(config, period, train_loss, found, weights)


def _train(
    learner: Learner, config: TrainConfig, seed: int, period: int, data: Dataset, precision: Precision
) -> float | None:
    """Take the period's steps and return their mean loss, in nats; None where the period has no steps."""
    schedule = Schedule(config=config, images=len(data.train))
    steps = schedule.steps(period)
    set_dropout_generator(learner.model, seeded(seed, "dropout", period, device=str(data.device)))
    learner.model.train()
    total = torch.zeros((), dtype=torch.float64, device=data.device)
    for batch in batches(schedule, data, seed, steps):
        total += train_step(learner, config.optim, batch, schedule.lr(batch.step), precision)
    return float(total) / len(steps) if steps else None


def _report(config: TrainConfig, period: int, train_loss: float | None, found: Evaluation, weights: str) -> Report:
    if not math.isfinite(found.loss) or not math.isfinite(train_loss or 0.0):
        return _ended(config, period, weights, "diverged")
    metrics = {
        "epoch": _epoch(config, period),
        "train_loss": train_loss,
        "val_loss": found.loss,
        "errors": found.errors,
    }
    details = {"correct": found.packed()}
    return Report(value=found.accuracy, metrics=metrics, weights=weights, seconds=0.0, details=details)


def _ended(config: TrainConfig, period: int, weights: str, reason: EndReason) -> Report:
    metrics = {"epoch": _epoch(config, period), "train_loss": None, "val_loss": None, "errors": None}
    return Report(value=None, metrics=metrics, weights=weights, seconds=0.0, end=reason)


def _epoch(config: TrainConfig, period: int) -> float:
    return Schedule(config=config, images=1).period_ends[period - 1]


def _is_lack_of_memory(error: Exception) -> bool:
    """Tell it from other errors; PyTorch's allocator for the CPU raises a plain RuntimeError, and so does oneDNN."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return "DefaultCPUAllocator" in str(error) or str(error) == "could not create a primitive"
