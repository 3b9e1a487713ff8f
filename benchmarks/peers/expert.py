"""The loop of someone who knows PyTorch: tensors in memory, the faster precision, channels last, a fused optimizer.

    python benchmarks/peers/expert.py two-conv                  one process, one thread per core
    python benchmarks/peers/expert.py two-conv --processes 2    two trainings at once, which share the cores

No DataLoader and no augmentation. Which of bfloat16 autocast and float32 is the faster is measured at the start, on the
net itself. Several processes begin each epoch together, and what counts is when the last of them has ended.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier

import measured
import numpy as np
import torch
from plain import DEVIATION, EVALUATED, MEAN, make_optimizer
from plain_net import Net
from torch import Tensor, multiprocessing, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel

from mnist_bench.config.schedule import lr_factor
from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.guard import close_test_set
from mnist_bench.data.mnist import DataOptions, load_training_set
from mnist_bench.data.split import Indices
from mnist_bench.numerics.kinds import Precision
from mnist_bench.numerics.machine import this_machine
from mnist_bench.numerics.precision import computing_in

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


class Training:
    """A net in training."""

    def __init__(self, config: TrainConfig, steps: int, precision: Precision) -> None:
        self.config, self.precision = config, precision
        self.net = Net(config.model).to(memory_format=torch.channels_last)  # type: ignore[call-overload, unused-ignore]
        self.optimizer = make_optimizer(self.net, config.optim, fused=True)
        self.schedule = LambdaLR(self.optimizer, lambda step: lr_factor(config.optim, (step + 0.5) / steps))
        self.loss = nn.CrossEntropyLoss(label_smoothing=config.optim.label_smoothing)
        self.average = _average(self.net, config.optim.ema_decay) if config.optim.ema_decay else None

    def epoch(self, digits: Digits) -> None:
        """Train on every whole batch once, in a new order."""
        self.net.train()
        size = self.config.optim.batch_size
        order = torch.randperm(len(digits.labels))
        last = len(order) if self.config.optim.keep_last_batch else len(order) // size * size
        for chosen in torch.split(order[:last], size):
            self.step(digits.pictures[chosen], digits.labels[chosen])

    def step(self, pictures: Tensor, labels: Tensor) -> None:
        """Train on a batch."""
        with computing_in(CPU, self.precision):
            loss = self.loss(self.net(pictures), labels)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        if self.average is not None:
            self.average.update_parameters(self.net)

    @torch.inference_mode()
    def accuracy(self, digits: Digits) -> float:
        """Return the share that is right, 0 to 1, by the averaged weights if there are any."""
        net = (self.net if self.average is None else self.average).eval()
        batches = zip(*(torch.split(part, EVALUATED) for part in (digits.pictures, digits.labels)), strict=True)
        with computing_in(CPU, self.precision):
            right = sum(int((net(pictures).argmax(1) == labels).sum()) for pictures, labels in batches)
        return right / len(digits.labels)


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
    pictures = torch.tensor(data.images.images).float().div_(255).sub_(MEAN).div_(DEVIATION).unsqueeze(1)
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
        training.epoch(digits)
        accuracy = training.accuracy(evaluated)
        ended = time.monotonic()
    return Trained(started=started, ended=ended, accuracy=accuracy, precision=training.precision)


def train_together(config: TrainConfig, images: int, processes: int) -> Sequence[Trained]:
    """Train in that number of processes at once, which have the cores' threads between them."""
    threads = max(1, this_machine(CPU, "fp32").cores // processes)
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(processes) as pool:
        together = manager.Barrier(processes)
        return pool.starmap(train, [(config, images, threads, together)] * processes, chunksize=1)


def _average(net: nn.Module, decay: float) -> AveragedModel:
    """Return the moving average of the weights; its first steps count for more."""

    def move(averages: Tensors, new: Tensors, steps: Tensor | int) -> None:
        if averages[0].is_floating_point():
            torch._foreach_lerp_(averages, new, 1 - min(decay, (1 + int(steps)) / (10 + int(steps))))

    return AveragedModel(net, multi_avg_fn=move, use_buffers=True)


def main() -> None:
    """Train, and say how long all processes took for all of their images."""
    parser: argparse.ArgumentParser = measured.arguments(__doc__)
    parser.add_argument("--processes", type=int, default=1, help="trainings at once")
    asked = parser.parse_args()
    if asked.augmented:
        parser.error("--augmented: this loop does not augment")
    found = train_together(measured.config(asked.net, augmented=False), asked.images, asked.processes)
    seconds = max(one.ended for one in found) - min(one.started for one in found)
    measured.say(
        seconds=seconds, images=asked.processes * asked.images, accuracy=min(one.accuracy for one in found),
        precision=found[0].precision,
    )  # fmt: skip


if __name__ == "__main__":
    main()
