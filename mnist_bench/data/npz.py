"""Read a data set from an .npz file with the names that Keras gives: x_train, y_train, x_test, y_test."""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from mnist_bench.data.idx import Bytes
from mnist_bench.data.mnist import Images, Parts, check_size, joined
from mnist_bench.errors import DataError
from mnist_bench.picture_form import MAX_CLASSES
from search.files import opened
from search.messages import show

KEYS = ("x_train", "y_train", "x_test", "y_test")
_LISTED = ", ".join(KEYS)
_DAMAGED = (
    OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error, SyntaxError, tokenize.TokenError
)  # fmt: skip
"""Exceptions that reading raises if a file is not an archive, or holds entries that are not arrays."""


def read(path: Path) -> Parts:
    """Return the data set in a file.

    Pictures are (N, H, W), (N, H, W, 1) or, in colour, (N, H, W, 3); labels (N,) or (N, 1). Whole numbers from 0 to 255
    are pixels as they are; real numbers from 0 to 1 are multiplied by 255 and rounded.

    Raises:
        DataError: the file cannot be read, or does not hold that.
    """
    try:
        with opened(path) as file, zipfile.ZipFile(file) as archive:
            arrays = {key: _array(archive, key, path) for key in KEYS}
    except _DAMAGED as error:
        raise DataError(f"{path}: cannot be read as an .npz file ({error})") from error
    where = {key: f"{path}: {key}" for key in KEYS}
    shares = _are_shares(arrays["x_train"], where["x_train"])
    parts = [
        Images(
            images=_pixels(arrays[pictures], where[pictures], shares=shares),
            labels=_labels(arrays[labels], where[labels]),
        )
        for pictures, labels in (KEYS[:2], KEYS[2:])
    ]
    return joined(parts[0], parts[1], (where["x_train"], where["y_train"], where["x_test"], where["y_test"]))


def _array(archive: zipfile.ZipFile, key: str, path: Path) -> NDArray[Any]:
    """Return an array, whose header is checked before memory is spent on it. Arrays that only pickle could read are
    refused."""
    if f"{key}.npy" not in archive.namelist():
        held = ", ".join(show(name.removesuffix(".npy")) for name in archive.namelist()[:10]) or "nothing"
        raise DataError(f"{path}: has no array {key}; {_LISTED} are needed, and it contains {held}")
    with archive.open(f"{key}.npy") as file:
        header = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = header(file)
    if dtype.kind not in "uif":
        raise DataError(f"{path}: {key} contains {show(str(dtype))}, not numbers")
    check_size(math.prod(shape), f"{path}: {key}")
    with archive.open(f"{key}.npy") as file:
        values: NDArray[Any] = npy.read_array(file, allow_pickle=False)
        return values


def _are_shares(values: NDArray[Any], where: str) -> bool:
    """Return whether pixels are real numbers from 0 to 1; of both parts that is decided by the training part."""
    if not values.size:
        raise DataError(f"{where}: contains no image")
    return values.dtype.kind == "f" and bool(values.max() <= 1)


def _pixels(values: NDArray[Any], where: str, *, shares: bool) -> Bytes:
    """Return pictures as they are in an IDX file: (N, H, W), in colour (N, 3, H, W)."""
    if values.ndim == 4 and values.shape[3] in (1, 3):
        values = values[..., 0] if values.shape[3] == 1 else values.transpose(0, 3, 1, 2)
    elif values.ndim != 3:
        raise DataError(f"{where}: has shape {values.shape}, not (N, H, W), (N, H, W, 1) or (N, H, W, 3)")
    if values.dtype == np.uint8 or not values.size:
        return np.ascontiguousarray(values, np.uint8)
    low, high, most = values.min(), values.max(), 1 if shares else 255
    if not (low >= 0 and high <= most):  # so that NaN is refused, too
        as_there = "" if where.endswith(KEYS[0]) else f", as in {KEYS[0]}"
        wanted = f"from 0 to 1{as_there}" if shares else "from 0 to 255, or real numbers from 0 to 1"
        raise DataError(f"{where}: its pixels range from {low:g} to {high:g}; they must be {wanted}")
    scaled = np.rint(values * 255) if shares else np.rint(values)
    if not shares and not np.array_equal(scaled, values):
        raise DataError(
            f"{where}: some pixels, up to {high:g}, are not whole numbers; divide them by 255, or round them"
        )
    return np.ascontiguousarray(scaled, np.uint8)


def _labels(values: NDArray[Any], where: str) -> NDArray[np.int16]:
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise DataError(f"{where}: has shape {values.shape}, not (N,); convert one-hot rows with argmax(1)")
    if values.dtype.kind not in "ui":
        raise DataError(f"{where}: contains {values.dtype}; labels must be whole numbers from 0")
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    if not 0 <= low <= high < MAX_CLASSES:
        raise DataError(
            f"{where}: its labels range from {low} to {high}; they must be whole numbers from 0 to {MAX_CLASSES - 1}"
        )
    return values.astype(np.int16)
