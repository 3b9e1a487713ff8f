"""Atomic writes (temporary file, fsync, rename, fsync of the folder), bounded reads, and folders."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from search.errors import UsageError

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}")


def make_folder(folder: Path) -> None:
    """Create a folder and its missing parents.

    Raises:
        UsageError: a file has that name, or the user may not create the folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be made a folder ({error.strerror}).") from error


def check_target(target: Path, *, folder: bool) -> None:
    """Look whether a file, or a `folder`, can be written, before any work is spent on what goes there.

    Raises:
        UsageError: the file is a folder, or what it would lie in is none or is closed.
    """
    existing = next(path for path in (target, *target.parents) if os.path.exists(path))
    if folder and existing == target and not target.is_dir():
        raise UsageError(f"{target}: cannot be made a folder (File exists).")
    if not folder and target.is_dir():
        raise UsageError(f"{target}: cannot be written (it is a folder; name a file in it).")
    if existing != target and not existing.is_dir():
        raise UsageError(f"{target}: cannot be written ({existing} is a file, no folder).")
    # A file is replaced, which its folder has to allow; what is no regular file, such as /dev/stdout, is written to.
    written = existing.parent if existing.is_file() else existing
    if not os.access(written, os.W_OK):
        raise UsageError(f"{target}: cannot be written ({written} is closed to you).")


def atomic_write(path: Path, data: bytes) -> None:
    """Write `data` to `path`; a crash leaves the old file or the new one, never a torn one.

    Symbolic links and anything that is not a regular file, such as /dev/stdout, are written in place, because renaming
    over them would replace them.

    Raises:
        OSError: the disk is full or the folder is not writable; an existing file keeps its content.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        path.write_bytes(data)
        return
    # Cut, for a name may be as long as names can be.
    temporary = path.parent / f".{path.name[:50]}.{secrets.token_hex(8)}"
    try:
        with temporary.open("xb") as file:  # not tempfile: its mode 0600 would hide results from the user's group
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def append_line(path: Path, line: str) -> None:
    """Add a line to a file that only grows, and sync it to disk.

    Raises:
        OSError: the disk is full or the file cannot be written; of the line there may then be a part.
    """
    is_torn = path.exists() and not path.read_bytes().endswith(b"\n")
    with path.open("a") as file:
        # If a killed process left half a line, a line break keeps it from spoiling this one.
        file.write("\n" * is_torn + line + "\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path, max_bytes: int) -> bytes:
    """Return at most `max_bytes` + 1 bytes of a file; the extra byte tells the caller that the file is too large.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return file.read(max_bytes + 1)


def leftovers(folder: Path) -> list[Path]:
    """Return the temporary files below a folder: those being written now and those left by killed processes."""
    return sorted(path for path in folder.rglob(".*") if _TEMPORARY.fullmatch(path.name) and path.is_file())


def _sync_folder(folder: Path) -> None:
    """Make a rename durable: without this, a power cut may undo it although the file itself was synced."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
