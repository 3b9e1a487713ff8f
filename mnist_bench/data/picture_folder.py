"""Read a data set from a folder of pictures, with one folder per class: train/CLASS/*.png and test/CLASS/*.png."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnist_bench.data.idx import Bytes
from mnist_bench.data.mnist import Images, Parts, check_size, joined
from mnist_bench.errors import DataError
from mnist_bench.picture_form import MAX_CLASSES, MAX_SIDE, MIN_CLASSES, MIN_SIDE
from search import canonical_json
from search.files import opened
from search.messages import lacks, listing, on_one_line, show

if TYPE_CHECKING:
    from PIL.Image import Image


TRAIN, TEST = "train", "test"
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "WEBP")
GREY, COLOUR = ("1", "L"), ("P", "RGB")
"""Pillow's modes that are read."""


def is_one(folder: Path) -> bool:
    """Return whether a folder is laid out like this."""
    return (folder / TRAIN).is_dir()


def stamp(folder: Path) -> str:
    """Return a text that changes with the name, the size or the time of any file; none is opened.

    Raises:
        DataError: the folder cannot be listed.
    """
    try:
        files = [(path, os.stat(path)) for part in (TRAIN, TEST) for path in _below(folder / part)]
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed ({error})") from error
    return canonical_json.sha256([[printable(str(path)), found.st_size, found.st_mtime_ns] for path, found in files])


def read(folder: Path) -> Parts:
    """Return the data set in a folder.

    Classes are numbered in the order of their names: as numbers if all are whole numbers, else as texts. All
    pictures have one size. They are grey if all training pictures are, else in colour.

    Raises:
        DataError: a part, a class or a picture is missing, a file is not such a picture, or Pillow is not installed.
    """
    names = _classes(folder / TRAIN)
    if unknown := [name for name in _classes(folder / TEST) if name not in names]:
        raise DataError(f"{folder / TEST / unknown[0]}: the class {show(unknown[0])} is missing in {folder / TRAIN}")
    train = [(path, label) for label, name in enumerate(names) for path in _below(folder / TRAIN / name)]
    test = [(path, label) for label, name in enumerate(names) for path in _below(folder / TEST / name)]
    for name, label in zip(names, range(len(names)), strict=True):
        if all(other != label for _, other in train):
            raise DataError(f"{folder / TRAIN / name}: contains no image; remove the class, or add some")
    parts = [_part(files) for files in (train, test)]
    in_colour = parts[0][1]
    if parts[1][1] and not in_colour:
        raise DataError(
            f"{folder / TEST}: contains color images, and {folder / TRAIN} does not; both must have the same kind"
        )
    pictures = [pixels.transpose(0, 3, 1, 2) if in_colour else pixels[..., 0] for pixels, _ in parts]
    images = [
        Images(images=np.ascontiguousarray(found), labels=_labels(files))
        for found, files in zip(pictures, (train, test), strict=True)
    ]
    at = (str(folder / TRAIN), str(folder / TRAIN), str(folder / TEST), str(folder / TEST))
    return joined(images[0], images[1], at, _told(names, folder / TRAIN))


def _classes(part: Path) -> tuple[str, ...]:
    try:
        names = sorted(entry.name for entry in os.scandir(part) if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise DataError(
            f"{part}: cannot be listed ({error}); it must contain one folder of images per class"
        ) from error
    if len(names) > MAX_CLASSES or not names:
        raise DataError(f"{part}: contains {len(names)} folders; one folder per class is needed, at most {MAX_CLASSES}")
    if len(names) < MIN_CLASSES and part.name == TRAIN:
        raise DataError(f"{part}: contains the folder of one class; at least {MIN_CLASSES} are needed")
    as_numbers = all(name.isascii() and name.isdigit() for name in names)
    return tuple(sorted(names, key=int) if as_numbers else names)


def _told(names: Sequence[str], part: Path) -> tuple[str, ...]:
    """Return the names of classes as messages and exports show them.

    Raises:
        DataError: two look alike, or one has no visible character.
    """
    told = [on_one_line(printable(name)).strip() for name in names]
    for name, text in zip(names, told, strict=True):
        if not text or told.count(text) > 1:
            raise DataError(f"{part}: the class {show(printable(name))} looks like another one in messages; rename it")
    return tuple(told)


def printable(name: str) -> str:
    """Return a file's name with escapes instead of the bytes that are not UTF-8."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _below(folder: Path, found: dict[tuple[int, int], Path] | None = None) -> Iterator[Path]:
    """Yield the files in a folder and below it in the order of their names; hidden ones are left out.

    Raises:
        DataError: links lead to one folder twice, and perhaps without end; `found` are those before this one.
    """
    if not folder.is_dir():
        return
    found, this = found or {}, os.stat(folder)
    if (other := found.setdefault((this.st_dev, this.st_ino), folder)) != folder:
        raise DataError(f"{folder}: is the same folder as {other}, by a link; remove the link")
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith(".") or entry.name == "Thumbs.db":
            continue
        if entry.is_dir():
            yield from _below(Path(entry.path), found)
        else:
            yield Path(entry.path)


def _part(files: Sequence[tuple[Path, int]]) -> tuple[Bytes, bool]:
    """Return pictures, (N, H, W, 3), and whether any is in colour."""
    if not files:
        return np.empty((0, MIN_SIDE, MIN_SIDE, 3), np.uint8), False
    first = files[0][0]
    shape, in_colour = _picture(first)[0].shape, False
    check_size(len(files) * math.prod(shape), str(first.parents[1]))
    pixels = np.empty((len(files), *shape), np.uint8)
    for place, (path, _) in enumerate(files):
        picture, coloured = _picture(path)
        if picture.shape != shape:
            sizes = [f"{height}x{width}" for height, width, _ in (picture.shape, shape)]
            raise DataError(
                f"{path}: has {sizes[0]} pixels, and {first} has {sizes[1]}; all images must have the same size"
            )
        pixels[place], in_colour = picture, in_colour or coloured
    return pixels, in_colour


def _picture(path: Path) -> tuple[Bytes, bool]:
    """Return a picture, (H, W, 3), and whether it is in colour."""
    try:
        from PIL import Image as pillow
    except ImportError as error:
        raise DataError(lacks("a folder of images", "Pillow", "images")) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a large picture, which is refused below before it is decoded
            with opened(path) as file, pillow.open(file, formats=FORMATS) as image:
                _check(image, path)
                coloured = image.mode in COLOUR
                return np.asarray(image.convert("RGB")), coloured
    except DataError:
        raise
    except Exception as error:  # of a damaged file, Pillow's decoders raise exceptions of any kind
        raise DataError(f"{path}: is not a readable image ({error}); give {listing(list(FORMATS))}") from error


def _check(image: Image, path: Path) -> None:
    """Check the header of an opened picture, before it is decoded.

    Raises:
        DataError: it is not a picture of one size, without transparency, in grey or in colour.
    """
    if not all(MIN_SIDE <= side <= MAX_SIDE for side in image.size):
        sides = f"{image.size[1]}x{image.size[0]}"
        raise DataError(f"{path}: has {sides} pixels; each side must have {MIN_SIDE} to {MAX_SIDE}")
    if image.mode not in (*GREY, *COLOUR) or "transparency" in image.info:
        kind = f"mode {image.mode}" if "transparency" not in image.info else "transparent pixels"
        raise DataError(f"{path}: has {kind}; save it as 8-bit gray or RGB, without transparency")
    if getattr(image, "n_frames", 1) > 1:
        raise DataError(f"{path}: contains several frames; save one of them as an image")


def _labels(files: Sequence[tuple[Path, int]]) -> NDArray[np.int16]:
    return np.array([label for _, label in files], np.int16)
