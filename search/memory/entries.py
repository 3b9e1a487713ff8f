"""The files of a memory: the reports of each training, one line a period, and the state after its last one.

    3f/3f92...c1.jsonl       [period, report, SHA-256], one line a period, in any order
    3f/3f92...c1-7.state     SHA-256 and state after period 7

Each hash covers the training and the period as well, so neither a damaged file nor a renamed one is believed. A file is
only added to, or replaced as a whole; so several processes may use one folder without a lock. Files of other users are
not read, because a state may hold anything that a trainer trusts.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.errors import NewerVersionError, StorageError, UsageError
from search.files import append_line, atomic_write, opened, own
from search.trainer_api import Report

REPORTS, STATE = ".jsonl", ".state"
MAX_REPORTS = 500_000_000
"""Bytes beyond which a file of reports counts as damaged."""
_HASH_LENGTH = 32


class DamagedError(Exception):
    """A file of a memory, or a part of it, is not as it was written; it has been removed."""


class OtherUsersError(Exception):
    """A file of a memory belongs to another user."""


@dataclass(frozen=True, slots=True)
class Entries:
    """The trainings in a folder, by their keys: SHA-256 as 64 hexadecimal digits."""

    folder: Path

    def reports(self, key: str) -> dict[int, Report]:
        """Return the known reports of a training, by period from 1.

        Raises:
            DamagedError: one or all of them were damaged; without them, the call can be repeated.
            OtherUsersError, OSError: the file belongs to another user, or cannot be read.
        """
        path = self._path(key, REPORTS)
        found: dict[int, Report] = {}
        whole: list[str] = []
        lines = [line for line in _content(path, MAX_REPORTS).decode(errors="replace").split("\n") if line]
        for line in lines:
            with suppress(ValueError, TypeError, LookupError, RecursionError, UsageError):
                found |= _line(key, line)
                whole.append(line)
        if len(whole) < len(lines):
            _replace(path, whole)
            raise DamagedError
        return found

    def size(self, key: str) -> int:
        """Return the bytes of a training's reports, which change whenever one is added; 0 if there are none."""
        try:
            return self._path(key, REPORTS).stat().st_size
        except OSError:
            return 0

    def add(self, key: str, period: int, report: Report) -> int:
        """Add the report of a period, and return how many bytes it takes.

        Raises:
            TypeError, ValueError: it holds values that JSON does not have.
            OSError, StorageError: it cannot be written.
        """
        path, values = self._path(key, REPORTS), report.to_json()
        line = _text([period, values, _hash(key, period, values)])
        path.parent.mkdir(parents=True, exist_ok=True)
        append_line(path, line)
        return len(line)

    def state(self, key: str, period: int) -> bytes | None:
        """Return the state of a training after a period; None if it is not kept. Errors as in `reports`."""
        path = self._state_path(key, period)
        content = _content(path, None)
        if not content:
            return None
        if hashlib.sha256(_head(key, period) + content[_HASH_LENGTH:]).digest() != content[:_HASH_LENGTH]:
            path.unlink(missing_ok=True)
            raise DamagedError
        return content[_HASH_LENGTH:]

    def keep(self, key: str, period: int, state: bytes) -> int:
        """Keep the state after a period instead of those after earlier ones, and return how many bytes it takes.

        Raises:
            OSError: it cannot be written; other states stay.
        """
        path = self._state_path(key, period)
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, hashlib.sha256(_head(key, period) + state).digest() + state)
        for other in path.parent.glob(f"{key}-*{STATE}"):
            if _period_of(other) < period:
                other.unlink(missing_ok=True)
        return len(state)

    def has_state(self, key: str, period: int) -> bool:
        """Return whether the state after a period is kept."""
        return self._state_path(key, period).exists()

    def note_use(self, key: str) -> None:
        """Note that a training was used: those that were not used for the longest time are dropped first."""
        for path in self._path(key, "").parent.glob(f"{key}[.-]*"):
            with suppress(OSError):
                os.utime(path)

    def files(self) -> Iterator[os.DirEntry[str]]:
        """Yield all files of the memory, and those that a killed process left unfinished."""
        with os.scandir(self.folder) as folders:
            for part in folders:
                if part.is_dir(follow_symlinks=False):
                    with suppress(FileNotFoundError), os.scandir(part.path) as files:
                        yield from files

    def _path(self, key: str, suffix: str) -> Path:
        return self.folder / key[:2] / f"{key}{suffix}"

    def _state_path(self, key: str, period: int) -> Path:
        return self._path(key, f"-{period}{STATE}")


def _content(path: Path, most: int | None) -> bytes:
    """Return the content of a file of this user; nothing if there is none.

    Raises:
        DamagedError: it has more bytes than `most`; it has been removed.
    """
    try:
        with opened(own(path)) as file:
            if os.fstat(file.fileno()).st_uid != os.geteuid():
                raise OtherUsersError
            if most is not None and os.fstat(file.fileno()).st_size > most:
                path.unlink(missing_ok=True)
                raise DamagedError
            return file.read()
    except FileNotFoundError:
        return b""
    except StorageError as error:
        raise OSError(0, str(error)) from error


def _line(key: str, line: str) -> dict[int, Report]:
    """Return the report in a line, by its period; nothing if it is of a newer version, or of a lack of memory.

    Raises:
        ValueError, TypeError, LookupError, UsageError: the line is damaged.
    """
    period, values, *hashed = json.loads(line)
    # The live contests of 0.2 and before wrote lines without a hash.
    if hashed not in ([], [_hash(key, period, values)]):
        raise ValueError("another hash")
    try:
        report = Report.from_json(values)
    except NewerVersionError:
        return {}
    return {} if report.end == "out_of_memory" else {period: report}


def _hash(key: str, period: int, values: Mapping[str, Any]) -> str:
    return hashlib.sha256(_text([key, period, values]).encode()).hexdigest()


def _text(value: Any) -> str:
    """Return the one JSON text of a value; unlike canonical JSON, it has the losses of trials that diverged, NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _replace(path: Path, lines: list[str]) -> None:
    """Replace a file of reports by its whole lines. A line that another process adds meanwhile is lost, which costs a
    training."""
    if lines:
        atomic_write(path, "".join(f"{line}\n" for line in lines).encode())
    else:
        path.unlink(missing_ok=True)


def _head(key: str, period: int) -> bytes:
    return f"{key} {period}\n".encode()


def _period_of(path: Path) -> int:
    number = path.stem.rpartition("-")[2]
    return int(number) if number.isdigit() else 0
