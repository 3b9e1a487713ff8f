"""Files that are whole or not there (temporary file, fsync, rename, fsync of the folder), and folders for them."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from search.errors import UsageError


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are not there yet.

    Raises:
        UsageError: there is a file in its place, or it may not be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be made a folder ({error.strerror}).") from error


def atomic_write(path: Path, data: bytes) -> None:
    """Write `data` to `path`; a crash leaves the old file or the new one, never a torn one.

    Raises:
        OSError: the disk is full or the folder cannot be written; an existing file is then untouched.
    """
    temporary = path.parent / f".{path.name}.{secrets.token_hex(8)}"
    try:
        with temporary.open("xb") as file:  # readable for whom the user's mask lets; tempfile's are for the user alone
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
