"""What a command found of a study, kept beside it as one JSON file with the SHA-256 of its content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from mnist_bench.studies.seal import seal, unseal
from search import files
from search.errors import NewerVersionError, StorageError
from search.files import atomic_write
from search.stored_fields import First, stored, unknown, unknown_in

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

MAX_BYTES = 16_000_000
"""Bytes; what is kept of a study of ten thousand trials has a tenth of it."""
T = TypeVar("T")
NONE: First = MappingProxyType({})
"""For classes of which no field had a default in the first format."""


def write(values: Mapping[str, Any], path: Path) -> None:
    """Write values as a sealed JSON object, whole or not at all.

    Raises:
        StorageError: the file cannot be written; one that was there before stays as it was.
    """
    try:
        atomic_write(path, json.dumps(seal(values), indent=1).encode())
    except OSError as error:
        raise StorageError(f"{path}: cannot be written ({error.strerror}).") from error


def save(found: DataclassInstance, path: Path, first: First = NONE) -> None:
    """Keep what was found; errors as in `write`. `first` as in `search.stored_fields`."""
    write(stored(found, first), path)


def load(path: Path, kind: type[T], what: str) -> T | None:
    """Return what `save` kept of a dataclass `kind`, None where there is no file; `what` names it in the error.

    Raises:
        NewerVersionError: a newer version kept it.
        StorageError: the file cannot be read, or is not what `save` wrote.
    """
    try:
        return TypeAdapter(kind).validate_json(unseal(files.read(path, MAX_BYTES)), strict=True, extra="forbid")
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise not_read(path, error, f"is not a whole {what}; remove it, and it is made anew") from error
    except (OSError, ValueError) as error:
        raise StorageError(f"{path}: is not a whole {what}; remove it, and it is made anew.") from error


def not_read(path: Path, error: ValidationError, otherwise: str) -> StorageError:
    """Return the error of a file in which pydantic found a fault: of a newer version, or else what `otherwise` says."""
    if name := unknown_in(error):
        return NewerVersionError(f"{path}: {unknown(name)}.")
    return StorageError(f"{path}: {otherwise}.")
