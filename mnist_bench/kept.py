"""What a command found of a study, kept beside it as one JSON file with the SHA-256 of its content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter

from mnist_bench.seal import seal, unseal
from search import files
from search.errors import StorageError
from search.files import atomic_write

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

LARGEST = 16_000_000
"""Bytes; what is kept of a study of ten thousand trials has a tenth of it."""
T = TypeVar("T")


def write(values: Mapping[str, Any], path: Path) -> None:
    """Write values as a sealed JSON object, whole or not at all.

    Raises:
        StorageError: the file cannot be written; one that was there before stays as it was.
    """
    try:
        atomic_write(path, json.dumps(seal(values), indent=1).encode())
    except OSError as error:
        raise StorageError(f"{path}: cannot be written ({error.strerror}).") from error


def save(found: DataclassInstance, path: Path) -> None:
    """Keep what was found; errors as in `write`."""
    write(asdict(found), path)


def load(path: Path, kind: type[T], what: str) -> T | None:
    """Return what `save` kept of a dataclass `kind`, None where there is no file; `what` names it in the error.

    Raises:
        StorageError: the file cannot be read, or is not what `save` wrote.
    """
    try:
        return TypeAdapter(kind).validate_json(unseal(files.read(path, LARGEST)), strict=True, extra="forbid")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StorageError(f"{path}: is not a whole {what}; remove it, and it is made anew.") from error
