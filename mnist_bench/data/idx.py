"""Read and hash IDX files, the format of MNIST (its layout is given on the data set's page by LeCun et al.).

An IDX file is two zero bytes, one byte for the type (0x08: unsigned bytes), one byte for the number of dimensions, the
dimensions as big-endian integers of 32 bits, then the values in C order.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from mnist_bench.errors import DataError

UNSIGNED_BYTES = 0x08
MAX_BYTES = 1 << 30
"""Values a file may hold: a header or a gzip stream that promises more is refused before memory is spent on it."""

Bytes = NDArray[np.uint8]


def find(folder: Path, name: str) -> Path:
    """Return the path of the IDX file `name` in `folder`, plain or with the ending .gz.

    Raises:
        DataError: neither is there.
    """
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise DataError(f"{folder}: there is no {name}, nor {name}.gz")


def read(path: Path) -> Bytes:
    """Return the values of an IDX file of unsigned bytes; a name that ends in .gz is uncompressed.

    Raises:
        DataError: the file cannot be read, its header is wrong, or its length is not what the header says.
    """
    try:
        with _open(path) as file:
            shape = _read_shape(file, path)
            size = math.prod(shape)
            content = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    if len(content) != size:
        kind = "is cut off" if len(content) < size else "goes on after its last value"
        raise DataError(f"{path}: {kind}; its header promises {size:,} values")
    return np.frombuffer(content, np.uint8).reshape(shape)


def digest(values: Bytes) -> str:
    """Return the SHA-256 of the IDX file that holds `values`, uncompressed."""
    hashed = hashlib.sha256(_header(values))
    hashed.update(np.ascontiguousarray(values).data)
    return hashed.hexdigest()


def pack(values: Bytes) -> bytes:
    """Return the content of the IDX file that holds `values`, uncompressed."""
    return _header(values) + values.tobytes()


def _header(values: Bytes) -> bytes:
    return struct.pack(f">HBB{values.ndim}I", 0, UNSIGNED_BYTES, values.ndim, *values.shape)


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _read_shape(file: BinaryIO, path: Path) -> tuple[int, ...]:
    start = file.read(4)
    if len(start) < 4 or start[:3] != bytes((0, 0, UNSIGNED_BYTES)) or start[3] not in (1, 3):
        found = start.hex() or "nothing"
        raise DataError(f"{path}: no IDX file of images or labels; it starts with {found}, not 00000803 or 00000801")
    dimensions = file.read(4 * start[3])
    if len(dimensions) < 4 * start[3]:
        raise DataError(f"{path}: is cut off in its header")
    shape = struct.unpack(f">{start[3]}I", dimensions)
    if math.prod(shape) > MAX_BYTES:
        raise DataError(f"{path}: its header promises {math.prod(shape):,} values; at most {MAX_BYTES:,} are read")
    return shape
