"""A grid of small images, joined to a single one, with names for its columns and rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mnist_bench.plots.headings import write_heading
from search.messages import shortened

if TYPE_CHECKING:
    from torch import Tensor

GAP = 2
"""Pixels between two images, and around the grid."""
FRAME = 30
"""Grey of the gaps, between background (0) and ink (255): without it, the edge of an image would not show."""
WHITE = 255
"""Value of the gaps between coloured images."""
TILE = 0.66
"""Width and height of an image with its gap, in inches, if ten fill a row."""

COLUMNS = 10
"""Images in a row."""
MAX_LABEL = 9
"""Characters of a column's name, which are as wide as an image."""

Pixels = NDArray[np.uint8]


def pixels(images: Tensor) -> Pixels:
    """Return images, uint8 of shape (N, C, H, W), as they are drawn: (N, H, W), in colour (N, H, W, 3)."""
    last = images.permute(0, 2, 3, 1).cpu().numpy()
    return last[..., 0] if last.shape[3] == 1 else last


def assemble(images: Pixels) -> Pixels:
    """Join images, shape (rows, columns, H, W) or (rows, columns, H, W, 3), to a single one with gaps."""
    rows, columns, height, width, *channels = images.shape
    down, across = height + GAP, width + GAP
    canvas = np.full((rows * down + GAP, columns * across + GAP, *channels), WHITE if channels else FRAME, np.uint8)
    for row in range(rows):
        for column in range(columns):
            top, left = row * down + GAP, column * across + GAP
            canvas[top : top + height, left : left + width] = images[row, column]
    return canvas


def draw_grid(axes: Axes, images: Pixels, columns: Sequence[str] = (), rows: Sequence[str] = ()) -> None:
    """Draw images as `assemble` joins them, with the names of the columns above and those of the rows on the left."""
    axes.imshow(assemble(images), vmin=0, vmax=255)
    axes.set_xticks(_centres(len(columns), images.shape[3]), columns, fontsize=9)
    axes.set_yticks(_centres(len(rows), images.shape[2]), rows, fontsize=8)
    axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)


def labelled_figure(
    images: Pixels, labels: Sequence[object], rows: Sequence[str], finding: str, remarks: Sequence[str]
) -> Figure:
    """Return a figure with rows of about ten images, the label above each column, and a heading."""
    figure = Figure(figsize=(7.2, 0.75 + TILE * len(images)))
    draw_grid(figure.add_subplot(), images, [shortened(str(label), MAX_LABEL) for label in labels], rows)
    write_heading(figure, finding, remarks)
    return figure


def _centres(pictures: int, size: int) -> list[float]:
    return [number * (size + GAP) + GAP + (size - 1) / 2 for number in range(pictures)]
