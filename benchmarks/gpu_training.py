"""Training as gpu_steps.py measures it: over buffers that stay, under the profiler, in lanes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import torch
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.tensors import Dataset
from mnist_bench.numerics import kinds
from mnist_bench.training.cuda.device_cache import DeviceCache
from mnist_bench.training.cuda.static_buffers import StaticTrainLoop, WorkRecorder
from mnist_bench.training.cuda.streams import Streams
from mnist_bench.training.period import TrainLoop, advance_in_steps
from mnist_bench.training.torch_trainer import TorchTrainer
from search.trainer_api import Report, Steps, finish

CPU, CUDA = ProfilerActivity.CPU, ProfilerActivity.CUDA
PROFILED = (10, 60)
"""Steps of two trainings; what the second has more is what its further steps have."""

Outcome = tuple[bytes, float | None, Mapping[str, Any], str]
"""A period's state, value, metrics and weights."""


def again(work: Callable[[], None], generator: torch.Generator | None) -> Callable[[], None]:
    """Record nothing: the recorder of a rehearsal, whose replay does the work again."""
    return work


def trained(
    config: TrainConfig, data: Dataset, precision: kinds.Precision, record: WorkRecorder | None, group: int
) -> tuple[list[Outcome], float]:
    """Train a configuration over buffers that stay; return all of it, and the seconds of the last period."""
    make = partial(StaticTrainLoop, record=record, group=group, grouped_from=0)
    cache: DeviceCache[TrainLoop] = DeviceCache(1)
    streams, state, outcomes, seconds = Streams(data.device), None, [], 0.0
    for period in range(1, config.epochs + 1):
        before = time.perf_counter()
        steps = advance_in_steps(config, 0, period, state, data, precision, make=make, device_cache=cache)
        state, report = finish(streams.carry(steps))
        seconds = time.perf_counter() - before
        outcomes.append(outcome(state, report))
    return outcomes, seconds


def outcome(state: bytes, report: Report) -> Outcome:
    """Return all of a period but its time."""
    return state, report.value, dict(report.metrics), report.weights


def kernels_a_step(config: TrainConfig, data: Dataset, precision: kinds.Precision) -> float:
    """Return how many kernels a step is; on a CPU, how many operators."""
    batch = min(config.optim.batch_size, len(data.train) // max(PROFILED))  # a rehearsal has few images
    optim = replace(config.optim, hard_share=0.0, learned_share=0.0, batch_size=batch)
    few, more = (
        kernels(replace(config, epochs=1, optim=optim), replace(data, train=data.train[: count * batch]), precision)
        for count in PROFILED
    )
    return (more.kernels - few.kernels) / (more.steps - few.steps)


class Profiled(NamedTuple):
    """A training under the profiler."""

    steps: int
    kernels: int


def kernels(config: TrainConfig, data: Dataset, precision: kinds.Precision) -> Profiled:
    """Train an epoch and count."""
    kind, on = (CUDA, DeviceType.CUDA) if data.device.type == "cuda" else (CPU, DeviceType.CPU)
    with profile(activities=[kind]) as profiled:
        finish(advance_in_steps(config, 0, 1, None, data, precision, make=StaticTrainLoop))
    names = [event.name for event in profiled.events() or [] if event.device_type == on and event.cpu_parent is None]
    steps = Schedule(config=config, images=len(data.train)).total_steps
    return Profiled(steps, sum(not name.startswith(("Memcpy", "Memset")) for name in names))


def first_periods(trainer: TorchTrainer, config: TrainConfig, seed: int, periods: int) -> Steps[list[Outcome]]:
    """Train the first periods of a seed, one step per turn."""
    state, found = None, []
    for period in range(1, periods + 1):
        state, report = yield from trainer.advance_in_steps(config, seed, period, state)
        found.append(outcome(state, report))
    return found


def in_lanes(
    trainer: TorchTrainer, config: TrainConfig, seeds: Sequence[int], lanes: int, periods: int
) -> list[list[Outcome]]:
    """Train the seeds, several at a time, a step of each in turn."""
    waiting, found = deque(seeds), dict[int, list[Outcome]]()
    running: dict[int, Steps[list[Outcome]]] = {}
    while waiting or running:
        while waiting and len(running) < lanes:
            seed = waiting.popleft()
            running[seed] = first_periods(trainer, config, seed, periods)
        for seed, steps in tuple(running.items()):
            try:
                next(steps)
            except StopIteration as end:
                found[seed] = end.value
                del running[seed]
    return [found[seed] for seed in seeds]
