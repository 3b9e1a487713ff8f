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
from typing import IO

from search.errors import StudyLockedError


@contextlib.contextmanager
def driver_lock(path: Path, what: str) -> Iterator[None]:
    """Hold the lock on `what`, a study or other work on disk.

    Raises:
        StudyLockedError: another process holds it; the text names the process.
    """
    with path.open("a+") as file:
        if not _take(file):
            raise StudyLockedError(f"{what} is being worked on by {_holder(path)}; wait for it or stop it.")
        file.truncate(0)
        since = datetime.now(UTC).isoformat(timespec="seconds")
        file.write(json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "since": since}))
        file.flush()
        yield


def _take(file: IO[str]) -> bool:
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


def _holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text())
        return f"process {int(holder['pid'])} on {holder['host']} since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
