"""Benchmark tasks: a few ways to make MNIST small, and hard, with images left over that no search ever sees.

The images come from the training files alone. In a task's own split, those that validate are those that validate for a
search on all of MNIST, so that its training images and its unseen ones are among the images that such a search trains
on. Other seeds of the split give other images to each part.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from mnist_bench.config import TaskName
from mnist_bench.data.idx import Bytes, Labels
from mnist_bench.data.split import CLASSES, SPLIT_SEED, Indices, Split, cut


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchmarkTask:
    """How a task is made of the training files."""

    train: int = 5_000
    """Images to train on."""
    validation: int = 10_000
    """Images that a search sees the errors on."""
    unseen: int = 20_000
    """Further images, on which the choice of a search is scored."""
    wrong_labels: float = 0.0
    """Share of the training images whose label is replaced by another, drawn evenly; all other labels stay right."""
    pixel: int = 1
    """Side of the squares of pixels that are all set to their mean, rounded: 2 leaves the content of 14x14 pixels, in a
    picture of the same size, so that nets and their costs are those of the other tasks."""


def task(name: TaskName) -> BenchmarkTask:
    """Return how a task is made."""
    match name:
        case "mnist-5k":
            return BenchmarkTask()
        case "mnist-5k-wrong":
            return BenchmarkTask(wrong_labels=0.2)
        case "mnist-5k-coarse":
            return BenchmarkTask(pixel=2)
        case "mnist-40k":
            return BenchmarkTask(train=40_000, unseen=9_900)
        case _:
            assert_never(name)


def parts(made: BenchmarkTask, labels: NDArray[np.integer], seed: int = SPLIT_SEED) -> tuple[Split, Indices]:
    """Return the split of a task and its unseen images, given the labels of the training files, shape (60000,)."""
    validation, train, unseen = cut(labels, [made.validation, made.train, made.unseen], seed=seed)
    return Split(train=train, validation=validation), unseen


def spoiled(made: BenchmarkTask, pictures: Bytes, labels: Labels, train: Indices) -> tuple[Bytes, Labels]:
    """Return the images of a task, all 60,000, and their labels: of those at `train`, some are wrong.

    Args:
        made: how the task is made.
        pictures: shape (60000, 28, 28).
        labels: shape (60000,).
        train: indices of the training images.
    """
    if made.pixel > 1:
        count, side, _ = pictures.shape
        squares = pictures.reshape(count, side // made.pixel, made.pixel, side // made.pixel, made.pixel)
        means = np.rint(squares.mean(axis=(2, 4))).astype(np.uint8)
        pictures = means.repeat(made.pixel, axis=1).repeat(made.pixel, axis=2)
    return pictures, _with_wrong(labels, train, round(made.wrong_labels * len(train)))


def _with_wrong(labels: Labels, train: Indices, number: int) -> Labels:
    """Return labels of which `number` at `train` are wrong; hashes decide which, and their wrong values."""
    hashes = {int(index): hashlib.sha256(f"wrong label:{index}".encode()).digest() for index in train}
    changed = labels.copy()
    for index in sorted(hashes, key=hashes.__getitem__)[:number]:
        # The last byte is as good as independent of the first ones, which decided that this image is among them.
        changed[index] = (labels[index] + 1 + hashes[index][-1] % (CLASSES - 1)) % CLASSES
    return changed
