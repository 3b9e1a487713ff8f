"""Small pictures side by side, joined to one image, with a name to each column and row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mnist_bench.plots.headings import write_heading

GAP = 2
"""Pixels between two pictures, and around all."""
FRAME = 30
"""Grey of the gaps, between background (0) and ink (255): shows where a picture ends."""
WHITE = 255
"""The gaps between pictures in colour."""
TILE = 0.66
"""Width and height of a picture with its gap, in inches, where ten fill a row."""

Pixels = NDArray[np.uint8]


def assemble(images: Pixels) -> Pixels:
    """Return pictures (rows, columns, H, W) or, in colour, (rows, columns, H, W, 3) as one picture with gaps."""
    rows, columns, height, width, *channels = images.shape
    down, across = height + GAP, width + GAP
    canvas = np.full((rows * down + GAP, columns * across + GAP, *channels), WHITE if channels else FRAME, np.uint8)
    for row in range(rows):
        for column in range(columns):
            top, left = row * down + GAP, column * across + GAP
            canvas[top : top + height, left : left + width] = images[row, column]
    return canvas


def show(axes: Axes, images: Pixels, columns: Sequence[str] = (), rows: Sequence[str] = ()) -> None:
    """Draw pictures as `assemble` joins them, dark ink on white, with the columns' names above and the rows' beside."""
    axes.imshow(assemble(images), vmin=0, vmax=255)
    axes.set_xticks(_centres(len(columns), images.shape[3]), columns, fontsize=9)
    axes.set_yticks(_centres(len(rows), images.shape[2]), rows, fontsize=8)
    axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)


def draw(images: Pixels, labels: Sequence[int], rows: Sequence[str], finding: str, remarks: Sequence[str]) -> Figure:
    """Return a figure filled by rows of about ten pictures, each column under its label, and its heading."""
    figure = Figure(figsize=(7.2, 0.75 + TILE * len(images)))
    show(figure.add_subplot(), images, [str(label) for label in labels], rows)
    write_heading(figure, finding, remarks)
    return figure


def _centres(pictures: int, size: int) -> list[float]:
    return [number * (size + GAP) + GAP + (size - 1) / 2 for number in range(pictures)]
