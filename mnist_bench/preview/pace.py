"""How fast this machine trains a few nets of a space, in worker processes like those of a search."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mnist_bench.config.json import to_json
from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.split import validation_size
from mnist_bench.nets.cost_model import COEFFICIENTS, period_features, price_list
from mnist_bench.numerics.kinds import DeviceKind
from mnist_bench.picture_form import MNIST, PictureForm
from search.executors.protocol import Executor
from search.executors.started import started
from search.trainer_api import Plan

MAX_IMAGES = 6000
MIN_IMAGES = 1000
AIM = 0.4
"""Seconds that a net is to train, as estimated."""
MAX_ESTIMATE = 4.0
"""Seconds; nothing is measured if the quickest net is estimated to take longer."""
BUDGET = 1.5
"""Seconds after which no further net is trained."""
NETS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """The measured pace of a machine."""

    kind: DeviceKind
    """Kind of the workers' device."""
    speeds: tuple[float, ...]
    """Estimated seconds of training completed per second, all workers together; one value per net. Empty if nothing
    could be measured."""
    start: float
    """Seconds from the start of the first worker until all were ready."""
    busy: bool
    """Whether other programs kept the cores busy in the minute before."""
    numerics: Mapping[str, Any] = field(default_factory=dict)
    """The workers' description of their numerics."""


def images_to_measure(plans: Sequence[Plan[TrainConfig]], images: int, form: PictureForm = MNIST) -> int:
    """Return the number of images, validation included, on which the first few nets train for about `AIM` seconds each.

    Args:
        plans: feasible random plans.
        images: number of images of the search.
        form: the form of the pictures.
    """
    some = [_seconds(_one_epoch(plan.config), "cpu-bf16", MAX_IMAGES, form) for plan in plans[:NETS]]
    return min(images, max(MIN_IMAGES, min(MAX_IMAGES, int(AIM * MAX_IMAGES * len(some) / sum(some)))))


def measure(
    make_executor: Callable[[Path], Executor],
    plans: Sequence[Plan[TrainConfig]],
    images: int,
    form: PictureForm = MNIST,
) -> Pace:
    """Start an executor's workers, let all of them train the same nets at the same time, and stop them.

    Args:
        make_executor: returns the executor, given its log file; its workers train on `images` images of this form,
            validation included.
        plans: feasible random plans.
        images: number of images.
        form: the form of the pictures.

    Raises:
        UsageError, WorkerError: a worker cannot start, or fails.
    """
    busy, began = _is_busy(), time.monotonic()
    with started(make_executor) as workers:
        start, kind, number = time.monotonic() - began, workers.numerics["kind"], workers.executor.workers
        nets = _quick(plans, kind, images, form)
        if nets:
            workers.share([to_json(nets[0])] * number)  # makes the kernels ready
        speeds: list[float] = []
        for net in nets:
            if speeds and time.monotonic() - began - start > BUDGET:
                break
            begun = time.monotonic()
            workers.share([to_json(net)] * number)
            speeds.append(number * _seconds(net, kind, images, form) / (time.monotonic() - begun))
    return Pace(kind=kind, speeds=tuple(speeds), start=start, busy=busy, numerics=workers.numerics)


def _is_busy() -> bool:
    """Return whether on average more than half of the cores had work in the last minute."""
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > (os.cpu_count() or 1) / 2


def _quick(plans: Sequence[Plan[TrainConfig]], kind: DeviceKind, images: int, form: PictureForm) -> list[TrainConfig]:
    """Return one epoch of each of the first few nets, or of the quickest, as far as they are quick enough."""
    nets = {net: _seconds(net, kind, images, form) for net in (_one_epoch(plan.config) for plan in plans)}
    first = [net for net in list(nets)[:NETS] if nets[net] <= MAX_ESTIMATE]
    return first or [net for net in sorted(nets, key=nets.__getitem__)[:1] if nets[net] <= MAX_ESTIMATE]


def _one_epoch(config: TrainConfig) -> TrainConfig:
    batch = min(config.optim.batch_size, MIN_IMAGES // 4)
    return replace(config, epochs=1, periods=None, phases=(), optim=replace(config.optim, batch_size=batch))


def _seconds(config: TrainConfig, kind: DeviceKind, images: int, form: PictureForm) -> float:
    validation = validation_size(images)
    (features,) = period_features(
        config,
        train_images=images - validation,
        validation_images=validation,
        form=form,
        vector=int(COEFFICIENTS[kind].vector),
    )
    return sum(f * p for f, p in zip(features, price_list(COEFFICIENTS[kind]), strict=True)) * 1e-6
