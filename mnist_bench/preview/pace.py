"""How fast this machine trains a few nets of a space, in the very worker processes that a search would start."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mnist_bench.config import CODEC, TrainConfig
from mnist_bench.data import validation_size
from mnist_bench.nets import COEFFICIENTS, period_features, price_list
from mnist_bench.numerics import DeviceKind
from mnist_bench.picture_form import MNIST, PictureForm
from search.errors import WorkerError
from search.executors import Done, Executor, Job, why_failed
from search.trainer_api import Plan

MAX_IMAGES = 6000
MIN_IMAGES = 1000
AIM = 0.4
"""Seconds that a net is to train, as estimated."""
MAX_ESTIMATE = 4.0
"""Seconds; nothing is measured where the quickest net is estimated to take longer."""
BUDGET = 1.5
"""Seconds after which no further round begins."""
NETS = 3
STALL = 60.0
_POLL = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """What was measured of a machine."""

    kind: DeviceKind
    """Of the workers' device."""
    speeds: tuple[float, ...]
    """Seconds of training as the cost model estimates it, of all workers together, that are done in a second: one a
    round. Empty where nothing could be measured."""
    start: float
    """Seconds from the start of the first worker until all were ready."""
    busy: bool
    """Whether other programs kept the cores busy in the minute before."""


def images_to_measure(plans: Sequence[Plan[TrainConfig]], images: int, form: PictureForm = MNIST) -> int:
    """Return on how many images, validation included, the first few nets train for about `AIM` seconds each.

    Args:
        plans: feasible ones, at random, whose costs were estimated for a CPU.
        images: number of images of the search.
        form: that of the pictures.
    """
    some = [_seconds(_one_epoch(plan.config), "cpu-bf16", MAX_IMAGES, form) for plan in plans[:NETS]]
    return min(images, max(MIN_IMAGES, min(MAX_IMAGES, int(AIM * MAX_IMAGES * len(some) / sum(some)))))


def measure(executor: Executor, plans: Sequence[Plan[TrainConfig]], images: int, form: PictureForm = MNIST) -> Pace:
    """Start the executor's workers, let all of them train the same nets at the same time, and stop them.

    Args:
        executor: its workers train on `images` images of this form, validation included.
        plans: feasible ones, at random.

    Raises:
        UsageError, WorkerError: a worker cannot start, or fails.
    """
    busy, began = _is_busy(), time.monotonic()
    try:
        kind = executor.start()["kind"]
        slots = executor.workers * executor.lanes
        while executor.idle() < slots:
            executor.wait(_POLL)
        start = time.monotonic() - began
        speeds: list[float] = []
        for number, config in enumerate(_quick(plans, kind, images, form)):
            if not number:
                _round(executor, config, slots)  # makes the kernels ready
            elif time.monotonic() - began - start > BUDGET:
                break
            speeds.append(slots * _seconds(config, kind, images, form) / _round(executor, config, slots))
    finally:
        executor.stop()
    return Pace(kind=kind, speeds=tuple(speeds), start=start, busy=busy)


def _is_busy() -> bool:
    """Return whether on average more than half of the cores had work in the last minute."""
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > (os.cpu_count() or 1) / 2


def _quick(plans: Sequence[Plan[TrainConfig]], kind: DeviceKind, images: int, form: PictureForm) -> list[TrainConfig]:
    """Return one epoch of each of the first few nets, or of the quickest, as far as they are quick enough."""
    nets = {net: _seconds(net, kind, images, form) for net in (_one_epoch(plan.config) for plan in plans)}
    first = [net for net in list(nets)[:NETS] if nets[net] <= MAX_ESTIMATE]
    return first or [net for net in sorted(nets, key=nets.__getitem__)[:1] if nets[net] <= MAX_ESTIMATE]


def _round(executor: Executor, config: TrainConfig, slots: int) -> float:
    """Return the seconds in which every slot has trained the configuration once."""
    began, back = time.monotonic(), 0
    for slot in range(slots):
        executor.submit(
            Job(trial=slot, period=1, config=config, codec=CODEC, seed=slot, state=None, stall_seconds=STALL)
        )
    while back < slots:
        for outcome in executor.wait(_POLL):
            back += 1
            if not isinstance(outcome, Done):
                raise WorkerError(f"A worker failed while the speed was measured: {why_failed(outcome)}")
    return time.monotonic() - began


def _one_epoch(config: TrainConfig) -> TrainConfig:
    batch = min(config.optim.batch_size, MIN_IMAGES // 4)
    return replace(config, epochs=1, periods=None, phases=(), optim=replace(config.optim, batch_size=batch))


def _seconds(config: TrainConfig, kind: DeviceKind, images: int, form: PictureForm) -> float:
    validation = validation_size(images)
    (features,) = period_features(config, train_images=images - validation, validation_images=validation, form=form)
    return sum(f * p for f, p in zip(features, price_list(COEFFICIENTS[kind]), strict=True)) * 1e-6
