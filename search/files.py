"""Files that are whole or not there (temporary file, fsync, rename, fsync of the folder), and folders for them."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from search.errors import UsageError

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}")


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

    A link, and what is there and is no file, such as /dev/stdout, is written to instead of being replaced.

    Raises:
        OSError: the disk is full or the folder cannot be written; an existing file is then untouched.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        path.write_bytes(data)
        return
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


def read(path: Path, most: int) -> bytes:
    """Return a file's content, cut off after `most` bytes and one: enough to see that it is too large.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return file.read(most + 1)


def leftovers(folder: Path) -> list[Path]:
    """Return the temporary files below a folder: those being written, and those that a killed process left."""
    return sorted(path for path in folder.rglob(".*") if _TEMPORARY.fullmatch(path.name) and path.is_file())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
