"""Train one period of a configuration: a pure function of configuration, seed, period, state and data.

Every draw comes from (seed, purpose, epoch or period): the weights' start, each epoch's order and distortions, each
period's dropout. torch's global generators are never touched.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Protocol

import torch
from torch import Tensor

from mnist_bench.config.json import config_hash
from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.tensors import Dataset
from mnist_bench.nets.modules import set_dropout_generator
from mnist_bench.numerics.generators import seeded
from mnist_bench.numerics.kinds import Precision
from mnist_bench.own_nets import own_net
from mnist_bench.training import checkpoint
from mnist_bench.training.batches import batches
from mnist_bench.training.cuda.device_cache import DeviceCache
from mnist_bench.training.cuda.static_buffers import StaticTrainLoop
from mnist_bench.training.cuda.streams import wait_until_idle
from mnist_bench.training.evaluation import Evaluation, read, score
from mnist_bench.training.learner import EvaluatedNet, Learner, evaluated_state, make_learner, train_step
from mnist_bench.training.weights import weights_hash
from search.hashed import NET_METRICS, EndReason
from search.trainer_api import Report, Steps, finish

OnPeriod = Callable[[int, bytes, Report], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class FitResult:
    """A whole training run."""

    reports: tuple[Report, ...]
    """One per period; fewer than planned if training diverged."""
    state: bytes = field(repr=False)
    """The last period's state; see mnist_bench.training.weights for the way to a file of weights."""


_LACKS_OF_MEMORY = ("DefaultCPUAllocator", "CUDA error: out of memory", "_STATUS_ALLOC_FAILED")
"""Texts of such errors: of PyTorch's allocator for the CPU, of CUDA, of cuBLAS and cuDNN."""


class TrainLoop(Protocol):
    """A learner and the way it is trained on a kind of device."""

    learner: Learner

    def train(self, seed: int, period: int) -> Steps[Tensor]:
        """Take the period's steps, one a turn, and return the sum of their losses (float64, on the device)."""
        ...

    def score(self) -> tuple[Tensor, Tensor]:
        """See `evaluation.score`; with the averaged weights if averaging is on."""
        ...


MakeTrainLoop = Callable[[Learner, TrainConfig, Dataset, Precision], TrainLoop]


def make_train_loop(learner: Learner, config: TrainConfig, data: Dataset, precision: Precision) -> TrainLoop:
    """Return the train loop for the device of `data` and the net of `config`, without graphs."""
    # Your own network may draw, compute and wait as it likes, so it is trained in one way on all devices.
    plain = data.device.type == "cpu" or config.net_code is not None
    kind: type[PlainTrainLoop] | type[StaticTrainLoop] = PlainTrainLoop if plain else StaticTrainLoop
    return kind(learner, config, data, precision)


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
    return finish(advance_in_steps(config, seed, period, state, data, precision))


def advance_in_steps(
    config: TrainConfig,
    seed: int,
    period: int,
    state: bytes | None,
    data: Dataset,
    precision: Precision,
    *,
    make: MakeTrainLoop = make_train_loop,
    device_cache: DeviceCache[TrainLoop] | None = None,
) -> Steps[tuple[bytes, Report]]:
    """Do the work of `advance` one training step per turn: other trainings may take turns in between, and no bit
    changes.

    `device_cache` holds train loops as earlier periods left them; this one takes its own and leaves it again.
    """
    started = time.perf_counter()
    cache = DeviceCache[TrainLoop](0) if device_cache is None else device_cache
    with _blamed(config):  # outside of the handler for a lack of memory, for which no code is to blame
        try:
            content, report = yield from _advance(config, seed, period, state, data, precision, make, cache)
        except (MemoryError, RuntimeError) as error:
            if not _is_lack_of_memory(error):
                raise
            if data.device.type == "cuda":
                torch.cuda.synchronize(data.device)  # before the train loop's memory goes to another lane's stream
            content, report = state or b"", _ended(config, period, "", "out_of_memory")
    return content, replace(report, seconds=time.perf_counter() - started)


def fit(
    config: TrainConfig, seed: int, data: Dataset, precision: Precision, on_period: OnPeriod | None = None
) -> FitResult:
    """Train all periods of `config`, or those until it diverges; `on_period` is called with each period, state and
    report.

    Errors as in `advance`.
    """
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
    config: TrainConfig, seed: int, period: int, state: bytes | None, data: Dataset, precision: Precision,
    make: MakeTrainLoop, device_cache: DeviceCache[TrainLoop],
) -> Steps[tuple[bytes, Report]]:  # fmt: skip
    identity = config_hash(config)
    trained_on = data.training_on(config.train_on)
    schedule = Schedule(config=config, images=len(trained_on.train))
    train_loop = device_cache.take(state, identity, period - 1)
    if train_loop is None:
        learner = _learner(schedule, seed, period, state, identity, data)
        train_loop = make(learner, config, trained_on, precision)
    total = yield from train_loop.train(seed, period)
    scored = train_loop.score()
    # The first wait of the period: all steps and the evaluation are queued by now, and other lanes continue meanwhile.
    yield from wait_until_idle(data.device)
    content = checkpoint.to_bytes(train_loop.learner, identity, period)
    weights = weights_hash(evaluated_state(train_loop.learner))
    steps = len(schedule.steps(period))
    report = _report(config, period, float(total) / steps if steps else None, read(*scored), weights)
    is_last = period == len(schedule.period_ends)
    # A call that brings these bytes for the next period continues the loop itself, if it is still here.
    if report.end is None and not is_last:
        device_cache.keep(content, identity, period, train_loop)
    return content, report


def _learner(schedule: Schedule, seed: int, period: int, state: bytes | None, identity: str, data: Dataset) -> Learner:
    learner = make_learner(schedule, seeded(seed, "init"), data.device, data.form)
    if state is not None:
        checkpoint.restore(learner, state, identity, period - 1)
    elif period != 1:
        raise ValueError(f"period {period} needs the state after period {period - 1}")
    return learner


class PlainTrainLoop:
    """A learner trained batch after batch, each made anew: the way of a CPU."""

    def __init__(self, learner: Learner, config: TrainConfig, data: Dataset, precision: Precision) -> None:
        self.learner = learner
        self._config = config
        self._data = data
        self._precision = precision

    def train(self, seed: int, period: int) -> Steps[Tensor]:
        """See `TrainLoop.train`."""
        schedule, model = Schedule(config=self._config, images=len(self._data.train)), self.learner.model
        set_dropout_generator(model, seeded(seed, "dropout", period, device=str(self._data.device)))
        model.train()
        total = torch.zeros((), dtype=torch.float64, device=self._data.device)
        # Added up on the device in float64; reading each step's loss would wait for the step.
        for batch in batches(schedule, self._data, seed, schedule.steps(period), self.learner.losses):
            total += train_step(self.learner, schedule, batch, self._precision)
            yield
        return total

    def score(self) -> tuple[Tensor, Tensor]:
        """See `TrainLoop.score`."""
        return score(EvaluatedNet(self.learner), self._data, self._precision)


def _report(config: TrainConfig, period: int, train_loss: float | None, found: Evaluation, weights: str) -> Report:
    if not math.isfinite(found.loss) or not math.isfinite(train_loss or 0.0):
        return _ended(config, period, weights, "diverged")
    figures = (_epoch(config, period), train_loss, found.loss, found.errors)
    metrics = dict(zip(NET_METRICS, figures, strict=True))
    details = {"correct": found.packed()}
    return Report(value=found.accuracy, metrics=metrics, weights=weights, seconds=0.0, details=details)


def _ended(config: TrainConfig, period: int, weights: str, reason: EndReason) -> Report:
    metrics = dict(zip(NET_METRICS, (_epoch(config, period), None, None, None), strict=True))
    return Report(value=None, metrics=metrics, weights=weights, seconds=0.0, end=reason)


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
