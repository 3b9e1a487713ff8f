"""The batches of training: which images, how distorted, in which order, as a function of the seed and the step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor

from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import AugmentConfig
from mnist_bench.data.tensors import Dataset
from mnist_bench.numerics.operations import seeded
from mnist_bench.training import augmentation


class LastLosses(NamedTuple):
    """Losses by which hard images are chosen: cross-entropies in nats, without label smoothing.

    They are of the distorted pictures, as trained on.

    An epoch that is under way when a period ends continues with the images that it began with.
    """

    earlier: Tensor
    """float32 (N,), of each training image as the epoch began, by which its images are chosen; at first infinite."""
    newest: Tensor  # float32 (N,), of the epoch's images so far, in its order


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's images."""

    step: int
    pixels: Tensor  # float32 (B, C, H, W), normalised
    labels: Tensor  # int64 (B,)
    losses: Tensor | None  # float32 (B,), for the loss of each image; None if it is not needed


@dataclass(frozen=True, slots=True)
class Selection:
    """Which images a step takes, and how it distorts them."""

    step: int
    chosen: Tensor  # int64 (B,): places in the data set's training part
    distortions: Tensor | None
    """float32 (B, numbers of a distortion), see `augmentation.distortions`; None if nothing is distorted."""
    augment: AugmentConfig
    losses: Tensor | None  # float32 (B,), see `Batch`


def batches(
    schedule: Schedule, data: Dataset, seed: int, steps: range, losses: LastLosses | None = None
) -> Iterator[Batch]:
    """Yield the batches of `steps` from the training part of `data`.

    Order and distortions are drawn anew each epoch, from the seed and the epoch. `losses` are those of the steps
    before, if the schedule chooses by them.
    """
    for taken in selections(schedule, data, seed, steps, losses):
        yield Batch(taken.step, *load(data, taken.chosen, taken.distortions, taken.augment), taken.losses)


def selections(
    schedule: Schedule, data: Dataset, seed: int, steps: range, losses: LastLosses | None
) -> Iterator[Selection]:
    """Yield the inputs of the batches of `steps`, on the device of `data`."""
    for epoch, within in groupby(steps, schedule.epoch_of):
        # Drawn for the whole epoch, on the CPU whatever the device: so neither the batch size nor where a period begins
        # changes the order or a distortion, and a GPU sees what a CPU does.
        first = schedule.first_step(epoch)
        order = sent(torch.randperm(len(data.train), generator=seeded(seed, "order", epoch)), data.device)
        if losses and epoch:
            order = _harder(order, losses.earlier, schedule, epoch)
        config = schedule.augment(first)  # phases are whole epochs
        drawn = augmentation.distortions(config, len(data.train), seed, epoch)
        distortions = None if drawn is None else sent(drawn, data.device)
        size = schedule.batch_size
        for step in within:
            place = (step - first) * size
            chosen = order[place : place + size]
            left = losses.newest[place : place + len(chosen)] if losses else None
            # chosen (B,): places in the training part, at which the distortions of its images stand, too.
            yield Selection(step, chosen, None if distortions is None else distortions[chosen], config, left)
            if losses and step + 1 == schedule.first_step(epoch + 1):
                trained = order[: place + len(chosen)]
                losses.earlier[trained] = losses.newest[: len(trained)]


def no_losses(schedule: Schedule, device: torch.device) -> LastLosses | None:
    """Return the losses before the first step, infinite, so that an image not yet seen is a hard one; None if no
    image is chosen for its loss."""
    if not schedule.chooses:
        return None
    return LastLosses(*(torch.full((schedule.images,), torch.inf, device=device) for _ in LastLosses._fields))


def _harder(order: Tensor, losses: Tensor, schedule: Schedule, epoch: int) -> Tensor:
    """Return, of all images in an epoch's order (N,), the hardest and the first of the others that are not learned."""
    ranked = losses.argsort(descending=True, stable=True)
    is_hard = _mask(ranked[: schedule.hard_images(epoch)], len(losses))[order]
    is_open = _mask(ranked[schedule.hard_images(epoch) : schedule.unlearned_images(epoch)], len(losses))[order]
    taken = is_hard | (is_open & (is_open.cumsum(0) <= schedule.easy_images(epoch)))
    # Not order[taken], for whose length the host would wait: it is known.
    return order[(~taken).to(torch.uint8).argsort(stable=True)[: schedule.images_in(epoch)]]


def _mask(places: Tensor, size: int) -> Tensor:
    """Return bool (size,), true at these places."""
    return torch.zeros(size, dtype=torch.bool, device=places.device).index_fill_(0, places, True)


def load(data: Dataset, chosen: Tensor, distortions: Tensor | None, config: AugmentConfig) -> tuple[Tensor, Tensor]:
    """Return distorted, normalised pictures (B, C, H, W) and labels (B,) at places in the training part."""
    picked = data.train[chosen]
    # Distorted before normalised: what is read outside the picture is 0, and 0 is background only until then.
    pixels = data.pixels(picked)
    if distortions is not None:
        pixels = augmentation.distort(pixels, distortions, config)
    return data.normalise(pixels), data.labels[picked]


def sent(values: Tensor, device: torch.device) -> Tensor:
    """Return values of the CPU on `device`; a GPU gets them in its own time, and no thread waits."""
    return values if device.type == "cpu" else values.pin_memory().to(device, non_blocking=True)
