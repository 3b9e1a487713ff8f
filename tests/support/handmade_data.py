"""Small data sets in MNIST's format, cut from MNIST's training images."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from mnist_bench.data.choice import TRAIN_FILES, DataOptions
from mnist_bench.data.guard import passage
from mnist_bench.data.mnist import load_training_set
from mnist_bench.data.test_set import TEST_FILES


def write_idx(path: Path, values: np.ndarray) -> None:
    """Write an array of bytes as an IDX file."""
    header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
    path.write_bytes(header + values.astype(np.uint8).tobytes())


def write_data(folder: Path, *, train: int, test: int, skip: int = 0) -> Path:
    """Write the first `train` images to train on, and `test` others, after `skip` more, as test images."""
    images = load_training_set(DataOptions()).images
    folder.mkdir(exist_ok=True)
    first = train + skip
    with passage():  # another test may have closed the test set in this process
        for names, part in ((TRAIN_FILES, slice(0, train)), (TEST_FILES, slice(first, first + test))):
            write_idx(folder / names[0], images.images[part])
            write_idx(folder / names[1], images.labels[part])
    return folder
