"""One driver per study: an advisory lock on a file (flock), which the kernel releases when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from search.errors import StorageError, StudyLockedError
from search.files import open_to_append, opened, read
from search.messages import on_one_line
from search.system import needs_posix

MAX_BYTES = 10_000  # of a signature; the sender of a lock may have written anything into it


@contextlib.contextmanager
def driver_lock(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file at `path` during the block; `what` names the work in the error message, e.g. "Study conv-0";
    StudyLockedError if another process holds the lock; the message names the process; StorageError if the lock file
    cannot be written."""
    while True:
        with _opened(path) as file:
            if not _take(file, path):
                raise StudyLockedError(f"{what} is in use by {holder(path)}; wait for it or stop it.")
            try:
                is_there = os.path.samestat(os.fstat(file.fileno()), path.stat())
            except FileNotFoundError:
                is_there = False
            if not is_there:
                continue  # its holder removed it, and a lock on it keeps no process out
            _sign(file, path)
            yield
            return


def _opened(path: Path) -> IO[bytes]:
    try:
        # Not emptied: that would erase the holder's signature before we know whether we get the lock.
        return open_to_append(path)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written ({error.strerror}).") from error


def _sign(file: IO[bytes], path: Path) -> None:
    # Not through `atomic_write`: the lock is on this very file, and a new one of its name would be free.
    since = datetime.now(UTC).isoformat(timespec="seconds")
    signature = {"host": socket.gethostname(), "pid": os.getpid(), "since": since}
    try:
        file.truncate(0)
        file.write(json.dumps(signature).encode())
    except OSError as error:
        raise StorageError(f"{path}: cannot be written ({error.strerror}).") from error


def _take(file: IO[bytes], path: Path) -> bool:
    """Try for one second to take the lock: `is_held` in another process takes it, too, but only for a moment."""
    for _ in range(20):
        if _locked(file, path):
            return True
        time.sleep(0.05)
    return False


def _locked(file: IO[bytes], path: Path, *, shared: bool = False) -> bool:
    """Return whether the lock was free; it is then taken; StorageError if the file system has no locks."""
    needs_posix()
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise StorageError(
            f"{path}: cannot be locked ({error.strerror}); mount this file system with locks (Lustre: -o flock), or "
            "name a results folder on another one with --results."
        ) from error
    return True


def is_held(path: Path) -> bool:
    """Return whether a living process holds the lock; StorageError if the lock file cannot be read, or its file system
    has no locks."""
    try:
        # A shared lock, so that several readers can ask at the same time. Closing the file releases it.
        with opened(path) as file:
            return not _locked(file, path, shared=True)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror}).") from error


def holder_of(paths: Iterable[Path]) -> str | None:
    """Return who holds the first of several locks that is held, as `holder` does; None if none is held."""
    return next((holder(path) for path in paths if is_held(path)), None)


def holder(path: Path) -> str:
    """Return who holds the lock or held it last: "process 17 on node7 since 2026-11-24T10:20:30+00:00"."""
    # Signatures are never erased: a process that is killed cannot, and an old one does no harm.
    try:
        signed = json.loads(read(path, MAX_BYTES))
        return on_one_line(f"process {int(signed['pid'])} on {signed['host']} since {signed['since']}")
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return "another process"  # anybody may have written the file
