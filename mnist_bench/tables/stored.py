"""A table as one file of arrays: compressed, without pickles, with its provenance inside.

The arrays are named after the fields of `Arrays`. Texts are UTF-8 bytes. Numbers that are missing are -1 among whole
numbers and NaN among others.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
import tokenize
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from search import canonical_json
from search.errors import SpaceError, StorageError, UsageError
from search.messages import did_you_mean, first_fault, listing, show
from search.space.ranges import Distribution
from search.space.space import Space

Params = Mapping[str, Any]
SHIPPED = Path(__file__).parent / "shipped"
HASH_BYTES = 32
MAX_BYTES = 2**30  # bytes of all arrays, uncompressed


@dataclass(frozen=True, kw_only=True, slots=True)
class AboutTable:
    """A table's description of itself."""

    name: str
    task: str  # the data that its configurations were trained on
    space: Mapping[str, Any]  # the space's specification
    epochs: Sequence[float]  # epochs at whose end a training reports
    images: Mapping[str, int]  # images that train, those whose errors a search sees, and those that it never sees
    data_hash: str
    split_hash: str
    trainer_revision: int
    coefficients: Mapping[str, float]  # coefficients of the cost model behind the logical costs
    canaries: Sequence[str]  # canaries of the machines that trained the rows
    numerics: Sequence[Mapping[str, Any]]  # description of each of these machines
    versions: Mapping[str, str]  # versions of the packages that trained the rows
    made: str  # day on which the file was made, and the command
    pace: Mapping[str, float] = field(default_factory=lambda: {"scale": 1.0, "deviation": 0.0})
    """Seconds of a training on an idle machine as a multiple of its logical cost, from the few that were timed: the
    median, and the standard deviation of the logarithm from one configuration to another."""
    near: Sequence[tuple[int, int, float]] = ()  # near copies: number of the point, of its origin, and their distance


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrays:
    """The numbers of a table of R rows over P points, with E reports a training."""

    params: NDArray[np.float64]
    """Shape (P, ranges): values, or the places of options in their lists; NaN if a range does not apply."""
    costs: NDArray[np.int64]  # shape (P, E): logical cost of each period, in microseconds as estimated
    parameters: NDArray[np.int64]  # shape (P,)
    macs: NDArray[np.int64]  # shape (P,): multiply-accumulates per image
    point: NDArray[np.int32]  # shape (R,)
    seed: NDArray[np.int16]  # shape (R,)
    canary: NDArray[np.int8]  # shape (R,): place in the list of canaries
    errors: NDArray[np.int32]
    """Shape (R, E): images misclassified of those that a search sees; -1 from the period on that diverged."""
    train_loss: NDArray[np.float64]  # shape (R, E)
    val_loss: NDArray[np.float64]  # shape (R, E)
    weights: NDArray[np.uint8]
    """Shape (R, E, 32): SHA-256 of the evaluated weights; zeros after the period that diverged."""
    unseen: NDArray[np.int32]
    """Shape (R,): images misclassified after the last period of those that no search sees; -1 if it diverged."""


def shipped(name: str, sha256: Mapping[str, str]) -> Path:
    """Return the file of a table that the package ships, by its name; `sha256` are those of the files."""
    if name not in sha256:
        hint = did_you_mean(name, sha256) or f"; there are {listing(tuple(sha256))}."
        raise UsageError(f"There is no table {show(name)}{hint} A table's file is named by its path, FILE.npz.")
    path = SHIPPED / f"{name.rpartition('/')[2]}.npz"
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256[name]:
        raise StorageError(f"{path}: its content is not that of table {name}; reinstall the package.")
    return path


def pack(about: AboutTable, arrays: Arrays) -> bytes:
    """Return the content of a table's file; the same table always gives the same bytes with one version of zlib."""
    named = {item.name: getattr(arrays, item.name) for item in fields(Arrays)}
    text = canonical_json.dumps({item.name: getattr(about, item.name) for item in fields(AboutTable)})
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, about=np.frombuffer(text.encode(), np.uint8), **named)
    return buffer.getvalue()


def unpack(path: Path) -> tuple[AboutTable, Arrays]:
    """Return the content of a table's file."""
    try:
        content = io.BytesIO(path.read_bytes())  # NumPy leaves a file open if a zip's directory is damaged
        with zipfile.ZipFile(content) as members:
            if sum(member.file_size for member in members.infolist()) > MAX_BYTES:
                raise ValueError("larger than any table")
        with np.load(content, allow_pickle=False) as stored:
            values = json.loads(stored["about"].tobytes())
            arrays = Arrays(**{item.name: stored[item.name] for item in fields(Arrays)})
        about = AboutTable(**values)
        _check(about, arrays)
    except ValidationError as error:
        raise StorageError(f"{path}: not a table, or damaged ({first_fault(error)}).") from error
    except _NO_TABLE as error:
        raise StorageError(f"{path}: not a table, or damaged ({error}).") from error
    return about, arrays


_NO_TABLE = (
    OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, NotImplementedError, MemoryError,
    RecursionError, SpaceError, SyntaxError, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""Errors of reading a file that is not a table; NumPy refuses pickles with a ValueError."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # a table's name is a folder's among the results


def _check(about: AboutTable, arrays: Arrays) -> None:
    """Refuse arrays that do not fit together, by a ValueError."""
    # To check: what it returns has floats for the epochs that are whole.
    TypeAdapter(AboutTable).validate_python(asdict(about))
    if not _NAME.fullmatch(about.name):
        raise ValueError("its name is not one of letters, digits, dots and dashes")
    points, rows, epochs = len(arrays.params), len(arrays.point), len(about.epochs)
    ranges = len(Space.from_spec(about.space).ranges)
    shapes = {
        "params": (points, ranges), "costs": (points, epochs), "parameters": (points,), "macs": (points,),
        "point": (rows,), "seed": (rows,), "canary": (rows,), "errors": (rows, epochs), "train_loss": (rows, epochs),
        "val_loss": (rows, epochs), "weights": (rows, epochs, HASH_BYTES), "unseen": (rows,),
    }  # fmt: skip
    for name, shape in shapes.items():
        array = getattr(arrays, name)
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}, not {shape}")
        is_float = name in ("params", "train_loss", "val_loss")
        if array.dtype.kind not in ("f" if is_float else "iu"):
            raise ValueError(f"{name} holds {array.dtype}")
    for name, limit in (("point", points), ("canary", len(about.canaries))):
        numbers = getattr(arrays, name)
        if rows and not (numbers.min() >= 0 and numbers.max() < limit):
            raise ValueError(f"{name} is not between 0 and {limit - 1}")
    if about.images.keys() != {"train", "validation", "unseen"} or len(about.numerics) != len(about.canaries):
        raise ValueError("it does not describe its images or machines")


def decoded(spans: Mapping[str, Distribution], numbers: Sequence[float]) -> Params:
    """Return the parameters of a point by its numbers, a column per range; see `Arrays.params`."""
    columns = zip(spans.items(), numbers, strict=True)
    return {
        path: span.values[int(number)] if span.is_listed else number if span.is_real else int(number)
        for (path, span), number in columns
        if not math.isnan(number)
    }
