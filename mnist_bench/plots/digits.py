"""The raw data: the first ten digits, the first one enlarged, and their labels one-hot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mnist_bench.data import idx
from mnist_bench.data.mnist import CLASSES, Images
from mnist_bench.plots import frame
from mnist_bench.plots.frame import write_heading

if TYPE_CHECKING:
    from mnist_bench.plots.subject import DataSubject

SHOWN = 10
CHUNKS = 60
"""Number of parts in which pixels are counted. `np.bincount` converts bytes to int64, eight times the memory: 376 MB
for all of MNIST's pixels at once."""

OneHot = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Digits:
    """Statistics of a training set, and its first digits."""

    shape: tuple[int, ...]  # (N, 28, 28)
    mean: float  # mean of all pixels, 0 to 255
    std: float  # their standard deviation, in the same unit
    background: float  # share of pixels that are 0, 0..1
    images: frame.Pixels  # the first ten, shape (10, 28, 28)
    labels: idx.Labels  # their labels, shape (10,)

    @property
    def with_channel(self) -> tuple[int, ...]:
        """The shape with an axis for the colour channel, as convolutions need it: (N, 1, 28, 28)."""
        return (self.shape[0], 1, *self.shape[1:])


def rows(data: Images) -> Digits:
    """Return the statistics of a training set and its first ten digits."""
    parts = np.array_split(data.images, CHUNKS)
    shares = np.sum([np.bincount(part.ravel(), minlength=256) for part in parts], axis=0) / data.images.size
    values = np.arange(256)
    mean = float(shares @ values)
    return Digits(
        shape=data.images.shape,
        mean=mean,
        std=float(shares @ (values - mean) ** 2) ** 0.5,
        background=float(shares[0]),
        images=data.images[:SHOWN],
        labels=data.labels[:SHOWN],
    )


def one_hot(labels: NDArray[np.integer]) -> OneHot:
    """Return one row per label, shape (N, 10): 1 at the label, 0 elsewhere."""
    encoded: OneHot = np.eye(CLASSES)[labels]
    return encoded


def picture(subject: DataSubject) -> Figure:
    """Return the picture of a data set."""
    return draw(rows(subject.images))


def lines(subject: DataSubject) -> list[str]:
    """Return the lines printed with the picture: shapes, mean, standard deviation, labels, one-hot rows."""
    digits = rows(subject.images)
    return [
        str(digits.shape),
        str(digits.with_channel),
        f"mean {digits.mean:.4f}, standard deviation {digits.std:.4f} of all pixels (0 to 255)",
        str(digits.labels),
        *str(one_hot(digits.labels)).splitlines(),
    ]


def draw(digits: Digits) -> Figure:
    """Draw the first ten digits in a row, the first one enlarged, and the labels one-hot."""
    figure = Figure(figsize=(7.2, 4.6))
    grid = figure.add_gridspec(2, 2, height_ratios=(1, 3.6))
    frame.draw_grid(
        figure.add_subplot(grid[0, :]), digits.images[None], columns=[str(label) for label in digits.labels]
    )
    _draw_enlarged(figure.add_subplot(grid[1, 0]), digits)
    _draw_one_hot(figure.add_subplot(grid[1, 1]), digits)
    count, height, width = digits.shape
    write_heading(
        figure,
        f"{count:,} images of {height} × {width} pixels; {100 * digits.background:.0f}% of the pixels are background",
        [
            "training files only",
            f"pixels from 0 to 255: mean {digits.mean:.2f}, standard deviation {digits.std:.2f}",
        ],
    )
    return figure


def _draw_enlarged(axes: Axes, digits: Digits) -> None:
    image = axes.imshow(digits.images[0], vmin=0, vmax=255)
    axes.set_title(f"The first one: a {digits.labels[0]}")
    axes.set_xlabel("column")
    axes.set_ylabel("row")
    axes.set_xticks(range(0, 28, 9))
    axes.set_yticks(range(0, 28, 9))
    axes.spines[:].set_visible(True)
    bar = axes.figure.colorbar(image, ax=axes, ticks=[0, 128, 255], shrink=0.8)
    bar.set_label("pixel value")
    bar.outline.set_linewidth(0.5)


def _draw_one_hot(axes: Axes, digits: Digits) -> None:
    axes.imshow(one_hot(digits.labels), vmin=0, vmax=1.6)
    for row, label in enumerate(digits.labels):
        axes.text(label, row, "1", ha="center", va="center", fontsize=7, color="white")
    axes.set_title("The labels one-hot: one row per image")
    axes.set_xlabel("class")
    axes.set_xticks(range(CLASSES))
    axes.set_yticks(range(len(digits.labels)), [str(label) for label in digits.labels])
    axes.set_ylabel("label")
    axes.spines[:].set_visible(True)
