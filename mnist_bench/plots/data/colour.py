"""Digits in colour: one channel of three, and three digits merged into one image, one per channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from mnist_bench.data import Images, in_red
from mnist_bench.plots import image_grid
from mnist_bench.plots.headings import write_heading

if TYPE_CHECKING:
    from mnist_bench.plots.subject import DataSubject

SHOWN = 10
CHANNELS = ("red", "green", "blue")
MOVES = ((2, 1), (3, 2), (0, 2), (3, 0))
"""Axes (from, to) that are moved one after the other, and so turn images of one channel into channels of one image."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Colour:
    """Digits with three channels, and three digits merged into one image."""

    images: int
    """Number of images in the training set."""
    labels: tuple[int, ...]
    """Labels of the first ten digits."""
    red: image_grid.Pixels
    """Shape (10, 3, 28, 28); green and blue are 0."""
    shapes: tuple[tuple[int, ...], ...]
    """Shapes of the three digits, before and after each of `MOVES`."""
    merged: image_grid.Pixels
    """Shape (1, 28, 28, 3): one digit per channel."""


def rows(data: Images) -> Colour:
    """Return the first ten digits in red, and the first three merged."""
    digits = data.images[:SHOWN]
    merged, shapes = merge(digits[: len(CHANNELS), None])
    return Colour(
        images=len(data.images),
        labels=tuple(data.labels[:SHOWN].tolist()),
        red=in_red(digits),
        shapes=shapes,
        merged=merged,
    )


def merge(pictures: image_grid.Pixels) -> tuple[image_grid.Pixels, tuple[tuple[int, ...], ...]]:
    """Merge images, shape (3, 1, H, W), into one, shape (1, H, W, 3); return it and all shapes on the way."""
    shapes = [pictures.shape]
    for source, target in MOVES:
        pictures = np.moveaxis(pictures, source, target)
        shapes.append(pictures.shape)
    return pictures, tuple(shapes)


def picture(subject: DataSubject) -> Figure:
    """Return the picture of a data set."""
    return draw(rows(subject.images))


def lines(subject: DataSubject) -> list[str]:
    """Return the lines printed with the picture: the shapes."""
    colour = rows(subject.images)
    return [str((colour.images, *colour.red.shape[1:])), *map(str, colour.shapes)]


def draw(colour: Colour) -> Figure:
    """Draw ten red digits in a row, and below them three channels and the image that they form."""
    figure = Figure(figsize=(7.2, 3.3))
    grid = figure.add_gridspec(2, 4, height_ratios=(1, 2.1))
    red = np.moveaxis(colour.red, 1, -1)
    image_grid.draw_grid(figure.add_subplot(grid[0, :]), red[None], [str(label) for label in colour.labels])
    for number, name in enumerate(CHANNELS):
        only = np.zeros_like(colour.merged[0])
        only[..., number] = colour.merged[0, ..., number]
        image_grid.draw_grid(
            figure.add_subplot(grid[1, number]), only[None, None], [f"{name}: {colour.labels[number]}"]
        )
    image_grid.draw_grid(figure.add_subplot(grid[1, 3]), colour.merged[None], ["all three"])
    first, second, third = colour.labels[: len(CHANNELS)]
    write_heading(
        figure,
        f"One channel each: {first} in red, {second} in green and {third} in blue form one image",
        [
            "above: the first ten digits with three channels, green and blue 0",
            f"below: the first three merged, {colour.shapes[0]} to {colour.shapes[-1]}",
        ],
    )
    return figure
