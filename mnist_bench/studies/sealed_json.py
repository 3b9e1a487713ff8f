"""JSON files that contain the SHA-256 of their own content, so that damage is noticed.

The results of commands such as `confirm` are stored in this form in the study's folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from search import canonical_json, files
from search.errors import OtherVersionError, StorageError
from search.files import atomic_write
from search.stored_fields import stored, unknown, unknown_in

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

KEY = "sha256"
"""Key of the SHA-256 of everything else in a JSON object."""
MAX_BYTES = 16_000_000
"""Largest file that is read; results about a study of ten thousand trials have a tenth of it."""
T = TypeVar("T")


def write(values: Mapping[str, Any], path: Path) -> None:
    """Write values atomically, as a JSON object with its SHA-256.

    Raises:
        StorageError: the file cannot be written; an existing one is unchanged.
    """
    try:
        atomic_write(path, json.dumps(seal(values), indent=1).encode())
    except OSError as error:
        raise StorageError(f"{path}: cannot be written ({error.strerror}).") from error


def save(result: DataclassInstance, path: Path) -> None:
    """Write a command's result.

    Raises:
        StorageError: the file cannot be written; an existing one is unchanged.
    """
    write(stored(result), path)


def load(path: Path, kind: type[T], what: str) -> T | None:
    """Return the result, a dataclass of type `kind`, that `save` wrote; None if there is no file.

    `what` names the result in the error message.

    Raises:
        OtherVersionError: a newer version wrote the file.
        StorageError: the file cannot be read, or is not as `save` wrote it.
    """
    incomplete = f"is not a complete {what}; move it away, and it is made again."
    try:
        return TypeAdapter(kind).validate_json(unseal(files.read(path, MAX_BYTES)), strict=True, extra="forbid")
    except FileNotFoundError:
        return None
    except ValidationError as error:
        if name := unknown_in(error):
            raise OtherVersionError(f"{path}: {unknown(name)}.") from error
        raise StorageError(f"{path}: {incomplete}") from error
    except (OSError, ValueError) as error:
        raise StorageError(f"{path}: {incomplete}") from error


def seal(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return JSON values, or those of a dataclass, with their SHA-256; an old SHA-256 among them is replaced."""
    content = {key: value for key, value in values.items() if key != KEY}
    # The hash is that of the values that a reader gets: tuples become lists, keys become texts.
    as_read = json.loads(json.dumps(content))
    return {**content, KEY: canonical_json.sha256(as_read)}


def unseal(text: bytes | str) -> str:
    """Check the SHA-256 of a JSON object, and return the object without it. One written by hand may have none.

    Raises:
        ValueError: the text is not a JSON object, or the SHA-256 does not match.
    """
    try:
        values = json.loads(text, parse_constant=canonical_json.parse_finite, parse_float=canonical_json.parse_finite)
        if not isinstance(values, dict):
            raise ValueError("it is not a JSON object")
        recorded = values.pop(KEY, None)
        if recorded is not None and recorded != canonical_json.sha256(values):
            raise ValueError(
                f"its content does not match its {KEY}: it is damaged, or was changed by hand without removing {KEY}"
            )
        return json.dumps(values)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
