"""The batches of training: which images, how distorted, in which order, as a function of the seed and the step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from mnist_bench import augment
from mnist_bench.config import AugmentConfig
from mnist_bench.cost import augments
from mnist_bench.data.tensors import Dataset
from mnist_bench.schedule import Schedule
from search.canonical import derived_seed


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's images."""

    step: int
    pixels: Tensor
    """float32 (B, 1, 28, 28), normalised."""
    labels: Tensor
    """int64 (B,)."""


def batches(schedule: Schedule, data: Dataset, seed: int, steps: range) -> Iterator[Batch]:
    """Yield the batches of `steps` from the training part of `data`.

    Order and distortions are drawn anew each epoch, from the seed and the epoch.
    """
    for epoch, within in groupby(steps, lambda step: step // schedule.steps_per_epoch):
        first = epoch * schedule.steps_per_epoch
        order = torch.randperm(len(data.train), generator=seeded(seed, "order", epoch)).to(data.device)
        config = schedule.augment(first)
        maps = _maps(config, len(data.train), seed, epoch).to(data.device) if augments(config) else None
        for step in within:
            place = (step - first) * schedule.batch_size
            chosen = order[place : place + schedule.batch_size]
            picked = data.train[chosen]
            pixels = data.pixels(picked)
            if maps is not None:
                pixels = augment.distort(pixels, maps[chosen], config)
            yield Batch(step, data.normalise(pixels), data.labels[picked])


def seeded(seed: int, *purpose: int | str, device: str = "cpu") -> torch.Generator:
    """Return a generator whose stream depends on the seed and the purpose alone."""
    return torch.Generator(device).manual_seed(derived_seed(seed, *purpose))


def _maps(config: AugmentConfig, images: int, seed: int, epoch: int) -> Tensor:
    return augment.matrices(config, augment.draw(images, seeded(seed, "augment", epoch)))
