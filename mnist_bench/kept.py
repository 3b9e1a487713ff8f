"""What a command found of a study, kept beside it as one JSON file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import TypeAdapter, ValidationError

from search.errors import StorageError
from search.files import atomic_write

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")


def save(found: DataclassInstance, path: Path) -> None:
    """Keep what was found, whole or not at all.

    Raises:
        StorageError: the file cannot be written.
    """
    try:
        atomic_write(path, json.dumps(asdict(found), indent=1).encode())
    except OSError as error:
        raise StorageError(f"{path}: cannot be written ({error.strerror}).") from error


def load(path: Path, kind: type[T], what: str) -> T | None:
    """Return what `save` kept of a dataclass `kind`, None where there is no file; `what` names it in the error.

    Raises:
        StorageError: the file cannot be read, or is not what `save` wrote.
    """
    try:
        return TypeAdapter(kind).validate_json(path.read_bytes(), strict=True, extra="forbid")
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise StorageError(f"{path}: is not a whole {what}; remove it, and it is made anew.") from error
