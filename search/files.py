"""Atomic writes (temporary file, fsync, rename, fsync of the folder), bounded reads, and folders.

A folder may come from another person. Only a file that the user named on the command line is written through a link;
only such a file may be a pipe.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import BinaryIO

from search.errors import SearchError, StorageError, UsageError
from search.system import needs_posix

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}")
_CUT = 50  # characters of a name that its temporary file's has: a name may be as long as names can be


def make_folder(folder: Path) -> None:
    """Create a folder and its missing parents; UsageError if a file has that name, or the user may not create the
    folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be created as a folder ({error.strerror}).") from error


@contextmanager
def passing_folder() -> Iterator[Path]:
    """Yield a new folder among the system's temporary files, and remove it in the end.

    If an error ends the block and names the folder, it stays: the error refers to a file in it, such as a log.
    """
    folder = Path(tempfile.mkdtemp(prefix="mnist-bench-"))
    is_named = False
    try:
        yield folder
    except SearchError as error:
        is_named = str(folder) in str(error)
        raise
    finally:
        if not is_named:
            shutil.rmtree(folder)


def check_target(target: Path, *, folder: bool) -> None:
    """Check whether a file, or a `folder`, can be written, before any work is spent on its content; UsageError if the
    file is a folder, or its parent is not a folder or is closed."""
    existing = next(path for path in (target, *target.parents) if os.path.exists(path))
    if folder and existing == target and not target.is_dir():
        raise UsageError(f"{target}: cannot be created as a folder (File exists).")
    if not folder and target.is_dir():
        raise UsageError(f"{target}: cannot be written (it is a folder; name a file in it).")
    if existing != target and not existing.is_dir():
        raise UsageError(f"{target}: cannot be written ({existing} is a file, not a folder).")
    # A file is replaced, which its folder must allow. Anything but a regular file, such as /dev/stdout, is written to.
    written = existing.parent if existing.is_file() and not existing.is_symlink() else existing
    if not os.access(written, os.W_OK):
        raise UsageError(f"{target}: cannot be written ({written} does not allow you to write).")


def atomic_write(path: Path, data: bytes) -> None:
    """Write `data` to `path`; a crash leaves the old file or the new one, never a torn one.

    A symbolic link is replaced, not followed, and so is a pipe.

    OSError if the disk is full or the folder is not writable; an existing file keeps its content.
    """
    with (
        replaced(path) as temporary,
        temporary.open("xb") as file,  # not tempfile: its mode 0600 would hide results from the user's group
    ):
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Yield a path next to `path` for a new file, which takes its place after the block, but not after an error.

    The block has to sync the file.
    """
    temporary = path.parent / f".{path.name[:_CUT]}.{secrets.token_hex(8)}"
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def write_named(target: Path, data: bytes) -> None:
    """Write `data` to a file that the user named; only here links are followed, and pipes and devices written to.

    Whatever is not a regular file, such as /dev/stdout, is written in place: a rename would replace it.

    Raises:
        OSError: see `atomic_write`.
    """
    if target.is_symlink() or (target.exists() and not target.is_file()):
        target.write_bytes(data)
    else:
        atomic_write(target, data)


def own(path: Path) -> Path:
    """Return a path in a study's folder, after a check that it does not lead outside; it need not exist; StorageError
    if it is a symbolic link, a pipe or a device."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return path
    if stat.S_ISLNK(mode):
        raise StorageError(f"{path}: is a symbolic link, which may lead to any file; put the file itself in its place.")
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise StorageError(f"{path}: is neither a file nor a folder; remove it.")
    return path


def check_one_name(path: Path) -> None:
    """Check that a file has no second name (a hard link), before it is changed in place; StorageError if it has one;
    the file of that name would change, too."""
    try:
        links = path.stat().st_nlink
    except OSError:
        return
    if links > 1 and path.is_file():
        raise StorageError(
            f"{path}: has a second name (a hard link) and would change under both; put a copy in its place."
        )


def open_to_append(path: Path) -> FileIO:
    """Open a file that grows, or a lock, without a buffer; it is created if it is missing. Links are not followed;
    StorageError if it is a link, a pipe or a device, or has a second name; OSError if it cannot be written."""
    check_one_name(own(path))
    return open(path, "a+b", buffering=0, opener=_not_through_a_link)


def append_line(path: Path, line: str) -> None:
    """Add a line to a file that only grows, and sync it to disk; StorageError if it is a link, a pipe or a device, or
    has a second name; OSError if the disk is full or the file cannot be written; of the line there may then be a part.
    """
    needs_posix()
    with open_to_append(path) as raw, BufferedWriter(raw) as file:
        # If a killed process left half a line, a line break keeps it from spoiling this one.
        is_torn = raw.seek(0, os.SEEK_END) > 0 and os.pread(raw.fileno(), 1, raw.tell() - 1) != b"\n"
        file.write(("\n" * is_torn + line + "\n").encode())
        file.flush()
        os.fsync(file.fileno())


def read(path: Path, max_bytes: int) -> bytes:
    """Return at most `max_bytes` + 1 bytes of a file; the extra byte shows the caller that the file is too large;
    OSError if the file cannot be read, or is a pipe or a device; see `opened`."""
    with opened(path) as file:
        return file.read(max_bytes + 1)


def read_named(path: Path, max_bytes: int) -> bytes:
    """Return the content of a file that the user named, as `read` does; it may be a pipe, such as bash's `<(command)`;
    OSError if the file cannot be read."""
    with path.open("rb") as file:
        return file.read(max_bytes + 1)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read it, but not a pipe or a device: these may keep the reader waiting, or never end; OSError if
    the file cannot be read, or is one of these."""
    with open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is a pipe or a device", str(path))
        yield file


def left_of(path: Path) -> list[Path]:
    """Return the temporary files of one file: of a write that is under way, and of those that were killed."""
    beginning = f".{path.name[:_CUT]}."
    return [found for found in path.parent.glob(".*") if found.name.startswith(beginning) and _is_temporary(found)]


def leftovers(folder: Path) -> list[Path]:
    """Return the temporary files below a folder: those being written now and those left by killed processes."""
    return sorted(filter(_is_temporary, folder.rglob(".*")))


def _is_temporary(path: Path) -> bool:
    return bool(_TEMPORARY.fullmatch(path.name)) and path.is_file()


def _sync_folder(folder: Path) -> None:
    """Make a rename durable: without this, a power cut may undo it although the file itself was synced."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _not_through_a_link(path: str, flags: int) -> int:
    needs_posix()
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)


def _without_waiting(path: str, flags: int) -> int:
    needs_posix()
    return os.open(path, flags | os.O_NONBLOCK)
