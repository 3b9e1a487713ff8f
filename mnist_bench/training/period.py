"""Train one period of a configuration: a pure function of configuration, seed, period, state and data.

Every draw comes from (seed, purpose, epoch or period): the weights' start, each epoch's order and distortions, each
period's dropout. torch's global generators are never touched.
"""

from __future__ import annotations

import math
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import torch

from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import config_hash
from mnist_bench.data.tensors import Dataset
from mnist_bench.nets import own_net
from mnist_bench.nets.modules import set_dropout_generator
from mnist_bench.numerics.kinds import Precision
from mnist_bench.numerics.operations import seeded
from mnist_bench.training.batches import batches
from mnist_bench.training.evaluation import Evaluation, evaluate
from mnist_bench.training.learner import (
    EvaluatedNet,
    Learner,
    evaluated_state,
    make_learner,
    restore,
    to_bytes,
    train_step,
)
from mnist_bench.training.weights import weights_hash
from search.hashed import NET_METRICS, EndReason
from search.trainer_api import Report

_LACKS_OF_MEMORY = ("DefaultCPUAllocator", "CUDA error: out of memory", "_STATUS_ALLOC_FAILED")
"""Texts of such errors: of PyTorch's allocator for the CPU, of CUDA, of cuBLAS and cuDNN."""


def advance(
    config: TrainConfig, seed: int, period: int, state: bytes | None, data: Dataset, precision: Precision
) -> tuple[bytes, Report]:
    """Train period number `period` (from 1) from `state` (None before the first); return the new state and the report.

    The report's value is the accuracy (0 to 1) on the validation part of `data`, with the averaged weights if
    averaging is on; its weights are the hash of the same. A loss that is not finite ends the trial as diverged, a lack
    of memory as out_of_memory.

    Raises:
        ArchitectureError: the net cannot exist.
        PluginError: training fails, and the net is your own; the message names the line of its file.
        ValueError: `state` is not the one before this period of this configuration.
    """
    started = time.perf_counter()
    with _blamed(config):  # outside of the handler for a lack of memory, for which no code is to blame
        try:
            learner = learner_before(config, seed, period, state, data)
            content, report = train_period(learner, config, seed, period, data, precision)
        except (MemoryError, RuntimeError) as error:
            if not _is_lack_of_memory(error):
                raise
            content, report = state or b"", _ended(config, period, "", "out_of_memory")
    return content, replace(report, measured={"seconds": time.perf_counter() - started})


def learner_before(config: TrainConfig, seed: int, period: int, state: bytes | None, data: Dataset) -> Learner:
    """Return the learner before a period, restored from `state`; errors as in `advance`."""
    schedule = Schedule(config=config, images=len(data.training_on(config.train_on).train))
    learner = make_learner(schedule, seeded(seed, "init"), data.device, data.form)
    if state is not None:
        restore(learner, state, config_hash(config), period - 1)
    elif period != 1:
        raise ValueError(f"period {period} needs the state after period {period - 1}")
    return learner


def train_period(
    learner: Learner, config: TrainConfig, seed: int, period: int, data: Dataset, precision: Precision
) -> tuple[bytes, Report]:
    """Train a learner that stands before a period, and return what `advance` does but for the time."""
    trained_on = data.training_on(config.train_on)
    schedule = Schedule(config=config, images=len(trained_on.train))
    steps = schedule.steps(period)
    set_dropout_generator(learner.model, seeded(seed, "dropout", period, device=str(data.device)))
    learner.model.train()
    # Added up on the device in float64; reading each step's loss would wait for the step.
    total = torch.zeros((), dtype=torch.float64, device=data.device)
    for batch in batches(schedule, trained_on, seed, steps, learner.losses):
        total += train_step(learner, schedule, batch, precision)
    found = evaluate(EvaluatedNet(learner), trained_on, precision)
    content = to_bytes(learner, config_hash(config), period)
    weights = weights_hash(evaluated_state(learner))
    return content, _report(config, period, float(total) / len(steps) if steps else None, found, weights)


def _report(config: TrainConfig, period: int, train_loss: float | None, found: Evaluation, weights: str) -> Report:
    if not math.isfinite(found.loss) or not math.isfinite(train_loss or 0.0):
        return _ended(config, period, weights, "diverged")
    figures = (_epoch(config, period), train_loss, found.loss, found.errors)
    metrics = dict(zip(NET_METRICS, figures, strict=True))
    details = {"correct": found.packed()}
    return Report(value=found.accuracy, metrics=metrics, weights=weights, details=details)


def _ended(config: TrainConfig, period: int, weights: str, reason: EndReason) -> Report:
    metrics = dict(zip(NET_METRICS, (_epoch(config, period), None, None, None), strict=True))
    return Report(value=None, metrics=metrics, weights=weights, end=reason)


def _epoch(config: TrainConfig, period: int) -> float:
    return Schedule(config=config, images=1).period_ends[period - 1]


def _blamed(config: TrainConfig) -> AbstractContextManager[None]:
    """Return a context that blames an exception on the net, if that is your own code; see `Loaded.blamed`."""
    return nullcontext() if config.net_code is None else own_net.loaded_net(config.net_code).loaded.blamed()


def _is_lack_of_memory(error: Exception) -> bool:
    """Distinguish it from other errors; PyTorch's allocator for the CPU and the libraries raise a plain
    RuntimeError."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return str(error) == "could not create a primitive" or any(text in str(error) for text in _LACKS_OF_MEMORY)
