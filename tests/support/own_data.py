"""A stranger's data: coloured pictures of many classes, told apart by colour and by the place of a bright square.

And small data sets in MNIST's format, cut from MNIST's training images.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from PIL import Image

from mnist_bench.data.choice import TRAIN_FILES, DataOptions
from mnist_bench.data.idx import passage
from mnist_bench.data.mnist import load_training_set
from mnist_bench.data.test_set import TEST_FILES

Arrays = dict[str, np.ndarray]


def arrays(
    *, classes: int = 20, train: int = 400, test: int = 100, side: int = 32, channels: int = 3, seed: int = 0
) -> Arrays:
    """Return the four arrays as Keras names them, pixels as integers from 0 to 255."""
    draws = np.random.default_rng(seed)
    made: Arrays = {}
    for part, count in (("train", train), ("test", test)):
        labels = np.arange(count) % classes
        pictures = draws.integers(0, 60, (count, side, side, channels), dtype=np.uint8)
        for picture, label in zip(pictures, labels, strict=True):
            row, column = divmod(int(label), 5)
            top, left = row * side // 5, column * side // 5
            picture[top : top + side // 4, left : left + side // 4, int(label) % channels] = 250
        made |= {f"x_{part}": pictures[..., 0] if channels == 1 else pictures, f"y_{part}": labels.astype(np.uint8)}
    return made


def write_npz(path: Path, values: Arrays) -> Path:
    """Write arrays as one file."""
    np.savez(path, allow_pickle=True, **values)  # what is written by others may hold anything
    return path


def write_turned(path: Path, picture: np.ndarray) -> Path:
    """Write a picture, without loss, whose EXIF orientation says that it stands upside down."""
    exif = Image.Exif()
    exif[0x0112] = 3  # to be turned by 180 degrees
    Image.fromarray(picture).save(path, exif=exif)
    return path


def write_folder(folder: Path, values: Arrays) -> Path:
    """Write the pictures of `arrays` into a folder a class."""
    for part in ("train", "test"):
        for number, (picture, label) in enumerate(zip(values[f"x_{part}"], values[f"y_{part}"], strict=True)):
            path = folder / part / f"class {label:02}" / f"{number:04}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(path)
    return folder


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
