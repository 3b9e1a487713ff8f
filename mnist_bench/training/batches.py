"""The batches of training: which images, how distorted, in which order, as a function of the seed and the step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor

from mnist_bench.config.schedule import Schedule
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
    chosen: Tensor  # int64 (B,): places in the data set's training part
    distortions: Tensor | None
    """float32 (B, numbers of a distortion), see `augmentation.distortions`; None if nothing is distorted."""
    pixels: Tensor  # float32 (B, C, H, W), distorted and normalised
    labels: Tensor  # int64 (B,)
    losses: Tensor | None  # float32 (B,), for the loss of each image; None if it is not needed


def batches(
    schedule: Schedule, data: Dataset, seed: int, steps: range, losses: LastLosses | None = None
) -> Iterator[Batch]:
    """Yield the batches of `steps` from the training part of `data`, on its device.

    Order and distortions are drawn anew each epoch, from the seed and the epoch. `losses` are those of the steps
    before, if the schedule chooses by them.
    """
    for epoch, within in groupby(steps, schedule.epoch_of):
        # Drawn for the whole epoch, on the CPU whatever the device: so neither the batch size nor where a period begins
        # changes the order or a distortion, and a GPU sees what a CPU does.
        first = schedule.first_step(epoch)
        order = torch.randperm(len(data.train), generator=seeded(seed, "order", epoch)).to(data.device)
        if losses and epoch:
            order = _harder(order, losses.earlier, schedule, epoch)
        config = schedule.augment(first)  # phases are whole epochs
        drawn = augmentation.distortions(config, len(data.train), seed, epoch)
        of_all = None if drawn is None else drawn.to(data.device)
        for step in within:
            place = (step - first) * schedule.batch_size
            chosen = order[place : place + schedule.batch_size]
            left = losses.newest[place : place + len(chosen)] if losses else None
            picked = data.train[chosen]
            pixels = data.pixels(picked)
            distortions = None if of_all is None else of_all[chosen]
            if distortions is not None:
                # Before normalisation: what is read outside the picture is 0, and 0 is background only until then.
                pixels = augmentation.distort(pixels, distortions, config)
            yield Batch(step, chosen, distortions, data.normalise(pixels), data.labels[picked], left)
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
