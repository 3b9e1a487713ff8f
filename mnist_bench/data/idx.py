"""Read and hash IDX files, the format of MNIST (see the page of LeCun et al.), and close the test set.

An IDX file consists of two zero bytes, one byte for the type, one byte for the number of dimensions, the dimensions as
big-endian 32-bit integers, and the values in C order. Values are unsigned bytes (0x08); labels of more classes than a
byte tells apart are 16-bit integers, big-endian (0x0B).

Hashes are of the uncompressed content, because gzip writes a time and other versions compress to other bytes.

The test set is closed by an audit hook (PEP 578), which Python calls for every file that is opened by name, whichever
library opens it: it refuses every test file outside of `passage`.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import re
import struct
import sys
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from mnist_bench.errors import ClosedDoorError, DataError

TYPES: Mapping[int, np.dtype[np.uint8 | np.int16]] = {0x08: np.dtype(np.uint8), 0x0B: np.dtype(">i2")}
"""Types of values, by the byte that names them."""
MAX_BYTES = 1 << 30
"""Largest number of values that is read. A header that announces more is refused before memory is allocated; MNIST's
training images are 47 million."""

_DIMENSIONS = {0x08: (1, 3, 4), 0x0B: (1,)}

Bytes = NDArray[np.uint8]
Labels = NDArray[np.uint8 | np.int16]


def find(folder: Path, name: str) -> Path:
    """Return the path of the IDX file `name` in `folder`, either plain or with the suffix .gz."""
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise DataError(f"{folder}: there is no {name}, nor {name}.gz")


def read(path: Path) -> NDArray[Any]:
    """Return an IDX file's values: images (N, rows, columns) or (N, channels, rows, columns), labels (N,)."""
    with _opened(path) as file:
        dtype, shape = _read_header(file, path)
        size = math.prod(shape) * dtype.itemsize
        # One byte more than announced shows a file that is too long, and a gzip bomb is not unpacked any further.
        content = file.read(size + 1)
    if len(content) != size:
        kind = "is cut off" if len(content) < size else "has bytes after its last value"
        raise DataError(f"{path}: {kind}; its header declares {math.prod(shape):,} values")
    return np.frombuffer(content, dtype).astype(dtype.newbyteorder("="), copy=False).reshape(shape)


def shape(path: Path) -> tuple[int, ...]:
    """Return the shape that the header of an IDX file promises."""
    with _opened(path) as file:
        return _read_header(file, path)[1]


def digest(values: Bytes | Labels) -> str:
    """Return the SHA-256 of the uncompressed IDX file with these values."""
    hashed = hashlib.sha256(_header(values))
    hashed.update(np.ascontiguousarray(values, _type(values)[1]).data)
    return hashed.hexdigest()


def pack(values: Bytes | Labels) -> bytes:
    """Return the content of the uncompressed IDX file with these values."""
    return _header(values) + values.astype(_type(values)[1], copy=False).tobytes()


def _header(values: NDArray[Any]) -> bytes:
    return struct.pack(f">HBB{values.ndim}I", 0, _type(values)[0], values.ndim, *values.shape)


def _type(values: NDArray[Any]) -> tuple[int, np.dtype[Any]]:
    return next((code, dtype) for code, dtype in TYPES.items() if dtype.newbyteorder("=") == values.dtype)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read; one that cannot be read is a DataError."""
    try:
        with cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb") as file:
            yield file
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error


def _read_header(file: BinaryIO, path: Path) -> tuple[np.dtype[Any], tuple[int, ...]]:
    start = file.read(4)
    # MNIST has two kinds of files: labels, of one dimension, and images, of three; images in colour have four.
    if len(start) < 4 or start[:2] != bytes(2) or start[2] not in TYPES or start[3] not in _DIMENSIONS[start[2]]:
        head = start.hex() or "nothing"
        raise DataError(f"{path}: not an IDX file of images or labels; it starts with {head}, not 00000803 or 00000801")
    dimensions = file.read(4 * start[3])
    if len(dimensions) < 4 * start[3]:
        raise DataError(f"{path}: is cut off in its header")
    shape = struct.unpack(f">{start[3]}I", dimensions)
    if math.prod(shape) > MAX_BYTES:
        raise DataError(f"{path}: its header declares {math.prod(shape):,} values; at most {MAX_BYTES:,} are read")
    return TYPES[start[2]], shape


TEST_FILE = re.compile(r"(t10k|qmnist-test)-(images|labels)[-.]idx\d-(ubyte|int)(\.gz)?")
"""Whole names of test files, of MNIST and its relatives and of QMNIST; some archives write a dot for the hyphen.

A file whose name only begins like that, such as a picture or a space file, is your own.
"""


class _Door:
    guarded = False
    passing = 0


def close_test_set() -> None:
    """From now on, refuse to open any test file in this process, except through `open_test_set`.

    Python cannot remove an audit hook, so this holds for the life of the process. Calling it again has no effect.
    """
    if not _Door.guarded:
        _Door.guarded = True
        sys.addaudithook(_guard)


@contextmanager
def passage() -> Iterator[None]:
    """Allow test files to be opened inside the block; for `open_test_set` and for downloads only."""
    _Door.passing += 1
    try:
        yield
    finally:
        _Door.passing -= 1


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or _Door.passing:
        return
    path = arguments[0]
    if isinstance(path, str | bytes | os.PathLike) and TEST_FILE.fullmatch(os.path.basename(os.fsdecode(path))):
        raise ClosedDoorError(f"{os.fsdecode(path)}: the test set cannot be read here")
