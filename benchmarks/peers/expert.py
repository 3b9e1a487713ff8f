"""The loop of someone who knows PyTorch: tensors in memory, the faster precision, channels last, a fused optimizer.

No DataLoader and no augmentation. Which of bfloat16 autocast and float32 is the faster is measured at the start, on the
net itself. Several processes begin each epoch together, and what counts is when the last of them has ended.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from typing import Any

import numpy as np
import plain
import torch
from torch import Tensor, multiprocessing, nn
from torch.optim.swa_utils import AveragedModel

from mnist_bench.config.settings import OptimConfig, TrainConfig
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.idx import close_test_set
from mnist_bench.data.mnist import Indices, load_training_set
from mnist_bench.numerics.kinds import Precision, cores
from mnist_bench.numerics.operations import computing_in

CPU = torch.device("cpu")
Tensors = tuple[Tensor, ...] | list[Tensor]
TIMED = 8
"""Steps by which the precisions are compared, after as many to warm up; the fastest of each counts."""
PATIENCE = 600.0
"""Seconds that processes wait for each other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Digits:
    """Pictures (N, 1, 28, 28), float32 and normalised, with their labels (N,), all in memory."""

    pictures: Tensor
    labels: Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """The report of one process."""

    started: float
    """Seconds of the monotonic clock, which processes share."""
    ended: float
    accuracy: float
    precision: Precision


class Training(plain.Training):
    """A net in training."""

    def __init__(self, config: TrainConfig, steps: int, precision: Precision) -> None:
        super().__init__(config, steps, fused=True)
        self.precision: Precision = precision
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload, unused-ignore]
        self.average = _average(self.net, config.optim.ema_decay) if config.optim.ema_decay else None

    def loss_of(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of a batch, computed in the precision."""
        with computing_in(CPU, self.precision):
            return super().loss_of(images, labels)

    @torch.inference_mode()
    def accuracy(self, digits: Digits) -> float:
        """Return the share that is right, 0 to 1, by the averaged weights if there are any."""
        batches = zip(*(torch.split(part, plain.EVALUATED) for part in (digits.pictures, digits.labels)), strict=True)
        with computing_in(CPU, self.precision):
            return plain.accuracy(self.evaluated, batches)


def batches(digits: Digits, optim: OptimConfig) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield all batches of an epoch, in a new order; the last one only if it is whole or is to be kept."""
    order = torch.randperm(len(digits.labels))
    size = optim.batch_size
    last = len(order) if optim.keep_last_batch else len(order) // size * size
    for chosen in torch.split(order[:last], size):
        yield digits.pictures[chosen], digits.labels[chosen]


def faster_precision(config: TrainConfig, digits: Digits) -> Precision:
    """Return the precision in which a step on these pictures takes less time here."""
    precisions: tuple[Precision, ...] = ("fp32", "bf16")
    batch = digits.pictures[: config.optim.batch_size], digits.labels[: config.optim.batch_size]
    seconds: dict[Precision, list[float]] = {precision: [] for precision in precisions}
    trainings = {precision: Training(config, 2 * TIMED, precision) for precision in precisions}
    for _ in range(2 * TIMED):  # in turns, so that a slow phase of the machine slows both
        for precision, training in trainings.items():
            started = time.perf_counter()
            training.step(*batch)
            seconds[precision].append(time.perf_counter() - started)
    return min(precisions, key=lambda precision: min(seconds[precision][TIMED:]))


def load(images: int) -> tuple[Digits, Digits]:
    """Return that number of pictures to train on, and a sixth of it to evaluate."""
    data = load_training_set(DataOptions(subset=images))
    pictures = torch.tensor(data.images.images).float().div_(255).sub_(plain.MEAN).div_(plain.DEVIATION).unsqueeze(1)
    labels = torch.tensor(data.images.labels).long()

    def part(indices: Indices) -> Digits:
        return Digits(pictures=pictures[indices], labels=labels[indices])

    return part(np.union1d(data.split.train, data.split.validation)), part(data.split.validation)


def train(config: TrainConfig, images: int, threads: int, together: Barrier) -> Trained:
    """Train an epoch to warm up, then one by the clock, its evaluation included."""
    close_test_set()
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    digits, evaluated = load(images)
    training = Training(config, 2 * max(1, images // config.optim.batch_size), faster_precision(config, digits))
    for _ in range(2):
        together.wait(PATIENCE)
        started = time.monotonic()
        training.epoch(batches(digits, config.optim))
        accuracy = training.accuracy(evaluated)
        ended = time.monotonic()
    return Trained(started=started, ended=ended, accuracy=accuracy, precision=training.precision)


def _average(net: nn.Module, decay: float) -> AveragedModel:
    """Return the moving average of the weights; its first steps count for more."""

    def move(averages: Tensors, new: Tensors, steps: Tensor | int) -> None:
        if averages[0].is_floating_point():
            torch._foreach_lerp_(averages, new, 1 - min(decay, (1 + int(steps)) / (10 + int(steps))))

    return AveragedModel(net, multi_avg_fn=move, use_buffers=True)


def measure(config: TrainConfig, images: int, processes: int) -> Mapping[str, Any]:
    """Train in that number of processes at once, which have the cores' threads between them; see `speed.SIDES`."""
    threads = max(1, cores() // processes)
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(processes) as pool:
        together = manager.Barrier(processes)
        found = pool.starmap(train, [(config, images, threads, together)] * processes, chunksize=1)
    return {
        "seconds": max(one.ended for one in found) - min(one.started for one in found),
        "images": processes * images,
        "accuracy": min(one.accuracy for one in found),
        "precision": found[0].precision,
    }
