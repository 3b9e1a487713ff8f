"""The batches of training: which images, how distorted, in which order, as a function of the seed and the step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from mnist_bench.config import AugmentConfig, Schedule
from mnist_bench.data import Dataset
from mnist_bench.training import augmentation
from search.canonical_json import derived_seed


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's images."""

    step: int
    pixels: Tensor
    """float32 (B, 1, 28, 28), normalised."""
    labels: Tensor
    """int64 (B,)."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which images one step takes, and how it distorts them."""

    step: int
    chosen: Tensor
    """int64 (B,), places in the data set's training part."""
    maps: Tensor | None
    """float32 (B, 2, 3), see `augmentation.matrices`; None where nothing is distorted."""
    augment: AugmentConfig


def batches(schedule: Schedule, data: Dataset, seed: int, steps: range) -> Iterator[Batch]:
    """Yield the batches of `steps` from the training part of `data`.

    Order and distortions are drawn anew each epoch, from the seed and the epoch.
    """
    for taken in selections(schedule, data, seed, steps):
        yield Batch(taken.step, *load(data, taken.chosen, taken.maps, taken.augment))


def selections(schedule: Schedule, data: Dataset, seed: int, steps: range) -> Iterator[Selection]:
    """Yield what the batches of `steps` are made from, on the device of `data`."""
    for epoch, within in groupby(steps, lambda step: step // schedule.steps_per_epoch):
        # Drawn for the whole epoch, on the CPU whatever the device: so neither the batch size nor where a period begins
        # changes the order or a distortion, and a GPU sees what a CPU does.
        first = epoch * schedule.steps_per_epoch
        order = sent(torch.randperm(len(data.train), generator=seeded(seed, "order", epoch)), data.device)
        config = schedule.augment(first)  # phases are whole epochs
        maps = sent(_maps(config, len(data.train), seed, epoch), data.device) if config.distorts else None
        for step in within:
            place = (step - first) * schedule.batch_size
            chosen = order[place : place + schedule.batch_size]
            # chosen (B,): places in the training part, at which the maps (N, 2, 3) of its images stand, too.
            yield Selection(step, chosen, None if maps is None else maps[chosen], config)


def load(data: Dataset, chosen: Tensor, maps: Tensor | None, config: AugmentConfig) -> tuple[Tensor, Tensor]:
    """Return normalised pictures (B, 1, 28, 28) and labels (B,) at places in the training part, distorted by `maps`."""
    picked = data.train[chosen]
    # Distorted before normalised: what is read outside the picture is 0, and 0 is background only until then.
    pixels = data.pixels(picked)
    if maps is not None:
        pixels = augmentation.distort(pixels, maps, config)
    return data.normalise(pixels), data.labels[picked]


def sent(values: Tensor, device: torch.device) -> Tensor:
    """Return values of the CPU on `device`; a GPU gets them in its own time, and nobody waits."""
    return values if device.type == "cpu" else values.pin_memory().to(device, non_blocking=True)


def seeded(seed: int, *purpose: int | str, device: str = "cpu") -> torch.Generator:
    """Return a generator whose stream depends on the seed and the purpose alone."""
    return torch.Generator(device).manual_seed(derived_seed(seed, *purpose))


def _maps(config: AugmentConfig, images: int, seed: int, epoch: int) -> Tensor:
    return augmentation.matrices(config, augmentation.draw(images, seeded(seed, "augment", epoch)))
