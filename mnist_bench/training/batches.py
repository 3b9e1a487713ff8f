"""The batches of training: which images, how distorted, in which order, as a function of the seed and the step.

`distortions` draws how each image of an epoch is distorted, and `resample` does it. A distortion is a map: one affine
matrix and one coarse grid, applied in one resampling.

A map takes each pixel of the result to the place in the picture that it is read from:

    source = R(rotation) . S(shear) . Z(zoom) . (pixel - centre) + shift + centre

with R = [[cos, -sin], [sin, cos]], S = [[1, -sin], [0, cos]], Z = diag(zoom rows, zoom columns), coordinates (row,
column), the centre in the middle of the picture: the matrices of Keras 1.2 (`ImageDataGenerator.random_transform`).
So a positive rotation turns the digit clockwise, a zoom above 1 shrinks it, and a positive shift moves it up or left.
Where the coarse grid is on, the source moves on by what bicubic interpolation between its G x G random displacements
gives at the pixel; the grid's outer pixels lie on those of the picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import AugmentConfig, Fill
from mnist_bench.data.tensors import Dataset
from mnist_bench.numerics.operations import seeded


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
        drawn = distortions(config, len(data.train), seed, epoch)
        of_all = None if drawn is None else drawn.to(data.device)
        for step in within:
            place = (step - first) * schedule.batch_size
            chosen = order[place : place + schedule.batch_size]
            left = losses.newest[place : place + len(chosen)] if losses else None
            picked = data.train[chosen]
            pixels = data.pixels(picked)
            if of_all is not None:
                # Before normalisation: what is read outside the picture is 0, and 0 is background only until then.
                pixels = resample(pixels, of_all[chosen], config)
            yield Batch(step, chosen, data.normalise(pixels), data.labels[picked], left)
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
    return torch.zeros(size, dtype=torch.bool, device=places.device).index_fill_(0, places, True)


DRAWS = 6  # draws an image, before those of the grid: rotation, shear, row shift, column shift, row zoom, column zoom
AFFINE = 3  # numbers of a map that are not displacements: over row, column and 1
PADDINGS: Mapping[Fill, str] = {"background": "zeros", "edge": "border"}  # grid_sample's names


def distortions(config: AugmentConfig, images: int, seed: int, epoch: int) -> Tensor | None:
    """Return how an epoch, from 0, distorts each of `images` images: maps, (images, 2, 3 + G²); None if not at all.

    `images` are those of the whole training part, so that a map depends on its image's place there, not on its batch.
    """
    return maps(config, draw(config, images, seeded(seed, "augment", epoch))) if config.distorts else None


def draw(config: AugmentConfig, images: int, generator: torch.Generator) -> Tensor:
    """Return (images, DRAWS + 2 G²) numbers from -1 to 1, G the side of the grid, 0 if there is none.

    Strengths multiply them, so they never change what is drawn; the grid's come last, so its side changes no others.
    """
    sizes = (DRAWS, 2 * config.grid_pixels**2)
    return torch.cat([torch.rand(images, size, generator=generator).mul_(2).sub_(1) for size in sizes], dim=1)


def maps(config: AugmentConfig, draws: Tensor) -> Tensor:
    """Return the maps from result to source, (N, 2, 3 + G²).

    The two rows of a map are for the source's row and column. Each holds factors of (row, column, 1), in pixels from
    the centre, then the displacements of the grid's pixels, row by row, in pixels.
    """
    rotation, shear, *shifts, zoom_rows, zoom_columns = draws[:, :DRAWS].unbind(1)  # (N,) each, as all that follows
    angle = rotation * math.radians(config.rotation_degrees)
    slant = shear * config.shear_radians
    rows = 1 + config.zoom * zoom_rows
    columns = 1 + config.zoom * zoom_columns if config.zoom_per_axis else rows
    cos, sin = angle.cos(), angle.sin()
    # R . S . Z, multiplied out, and the shift: the two rows of each image's map.
    top = (cos * rows, -(cos * slant.sin() + sin * slant.cos()) * columns, shifts[0] * config.translate_pixels)
    bottom = (sin * rows, (cos * slant.cos() - sin * slant.sin()) * columns, shifts[1] * config.translate_pixels)
    affine = torch.stack([*top, *bottom], dim=1).view(-1, 2, 3)
    grid = draws[:, DRAWS:].reshape(len(draws), 2, config.grid_pixels**2)
    return torch.cat([affine, grid * config.grid_shift], dim=2)


@torch.no_grad()
def resample(images: Tensor, maps: Tensor, config: AugmentConfig) -> Tensor:
    """Return the float32 `images` (N, C, H, W) resampled through `maps` (N, 2, 3 + G²); 0 is background."""
    height, width = images.shape[2:]
    row, column = (_centred(size, images.device) for size in (height, width))
    # grid_sample takes (x, y) in half picture sizes from the centre. The grid is built elementwise, because
    # affine_grid's matrix product obeys the precision settings of the device. (N, 2, 3 + G²): x from, y from
    scaled = torch.stack([maps[:, 1] * (2 / width), maps[:, 0] * (2 / height)], dim=1)
    down = scaled[:, None, :, 0] * row + scaled[:, None, :, 2]  # (N, H, 2): what a result's row adds, and the shift
    across = scaled[:, None, :, 1] * column  # (N, W, 2): what its column adds
    grid = down[:, :, None] + across[:, None]  # (N, H, W, 2)
    if maps.shape[2] > AFFINE:
        grid += _field(scaled[:, :, AFFINE:], height, width)
    padding = PADDINGS[config.fill]
    return functional.grid_sample(images, grid, mode=config.interpolation, padding_mode=padding, align_corners=False)


def _field(displacements: Tensor, height: int, width: int) -> Tensor:
    """Interpolate displacements on a coarse grid, (N, 2, G²), to each pixel of a picture: (N, H, W, 2)."""
    side = math.isqrt(displacements.shape[2])
    rows, columns = (_weights(size, side, displacements.device) for size in (height, width))
    # Two matrix products: 0.25 ms for 128 images on a core, where PyTorch's bicubic kernel takes 4. They may obey the
    # precision settings: what is lost is a thousandth of a random shift, not of a pixel's place.
    field: Tensor = rows @ displacements.reshape(-1, 2, side, side) @ columns.T  # (N, 2, H, W)
    return field.permute(0, 2, 3, 1)


def _weights(size: int, side: int, device: torch.device) -> Tensor:
    """Return each grid pixel's bicubic weight at each pixel of a picture's side, (size, side)."""
    ones = torch.eye(side, device=device)[None, :, :, None]  # each a picture of `side` x 1 pixels in its own channel
    weights = functional.interpolate(ones, size=(size, 1), mode="bicubic", align_corners=True)
    return weights[0, :, :, 0].T


def _centred(size: int, device: torch.device) -> Tensor:
    """Return the pixels' places from the picture's centre, (size, 1)."""
    return torch.arange(size, dtype=torch.float32, device=device).sub_((size - 1) / 2)[:, None]
