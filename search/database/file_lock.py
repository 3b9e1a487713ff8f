"""One driver a study: an advisory lock on a file, which the kernel lets go of when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from search.errors import StorageError, StudyLockedError
from search.messages import on_one_line


@contextlib.contextmanager
def driver_lock(path: Path, what: str) -> Iterator[None]:
    """Hold the lock on `what`, a study or other work on disk.

    Raises:
        StudyLockedError: another process holds it; the text names the process.
        StorageError: the file cannot be written.
    """
    with _opened(path) as file:
        if not _take(file):
            raise StudyLockedError(f"{what} is being worked on by {holder(path)}; wait for it or stop it.")
        _sign(file, path)
        yield


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("ab", buffering=0)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written ({error.strerror}).") from error


def signature() -> dict[str, Any]:
    """Return who takes a lock now, for others to read."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {"host": socket.gethostname(), "pid": os.getpid(), "since": since}


def _sign(file: IO[bytes], path: Path) -> None:
    try:
        file.truncate(0)
        file.write(json.dumps(signature()).encode())
    except OSError as error:
        raise StorageError(f"{path}: cannot be written ({error.strerror}).") from error


def _take(file: IO[bytes]) -> bool:
    """Take the lock, trying for a second: whoever only asks `is_held` has it for a moment."""
    for _ in range(20):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
        else:
            return True
    return False


def is_held(path: Path) -> bool:
    """Return whether a living process holds the lock."""
    try:
        with path.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def holder(path: Path) -> str:
    """Return in words who holds the lock, or held it last: "process 17 on here since 2026-11-24T10:20:30+00:00"."""
    try:
        return in_words(json.loads(path.read_text()))
    except (OSError, ValueError, RecursionError):
        return "another process"


def in_words(signed: Any) -> str:
    """Return a signature, which anybody may have written, in words."""
    try:
        return on_one_line(f"process {int(signed['pid'])} on {signed['host']} since {signed['since']}")
    except (ValueError, KeyError, TypeError, OverflowError):
        return "another process"
