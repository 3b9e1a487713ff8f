"""JSON files that hold the SHA-256 of their own content: what was damaged since it was written is not believed.

What a command found of a study is kept so, beside the study.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from search import canonical_json, files
from search.errors import NewerVersionError, StorageError
from search.files import atomic_write
from search.stored_fields import First, stored, unknown, unknown_in

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

KEY = "sha256"
"""Where a JSON object holds the hash of everything else in it."""
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


def seal(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with their SHA-256, in place of one that they have; they are those of JSON, or of dataclasses."""
    content = {key: value for key, value in values.items() if key != KEY}
    as_read = json.loads(json.dumps(content))  # tuples are lists then, and every key is a text
    return {**content, KEY: canonical_json.sha256(as_read)}


def unseal(text: bytes | str) -> str:
    """Return a JSON object without its SHA-256; one that has none, as those written by hand, is returned as it is.

    Raises:
        ValueError: it is no JSON object, or the SHA-256 is not that of its content.
    """
    try:
        values = json.loads(text, parse_constant=canonical_json.finite, parse_float=canonical_json.finite)
        if not isinstance(values, dict):
            raise ValueError("it is no JSON object")
        found = values.pop(KEY, None)
        if found is not None and found != canonical_json.sha256(values):
            raise ValueError(
                f"its content is not that of its {KEY}: damaged, or changed by hand and {KEY} not left out"
            )
        return json.dumps(values)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
