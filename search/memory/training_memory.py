"""A memory of trainings in a folder that several searches share: of bounded size, and never a reason to stop."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from search.errors import StorageError
from search.memory.entries import STATE, DamagedError, Entries, OtherUsersError
from search.trainer_api import Report

DEFAULT_LIMIT = 4_000_000_000
"""Bytes that a memory takes unless it is made with another limit: some thousand trainings of conv's networks."""
COUNTED_SHARE = 0.05
"""Share of the limit that this process may write before it counts the files again, and others' with them."""
KEPT_SHARE = 0.9
"""Share of the limit that is left when files have been dropped, so that not every write has to drop one."""
UNFINISHED = 3600.0
"""Seconds after which a file that was never finished counts as left by a killed process."""
T = TypeVar("T")


class TrainingMemory:
    """The trainings in a folder. What cannot be read counts as unknown, and what cannot be written is not kept.

    `notice` is called with a sentence about each kind of such faults, once.
    """

    def __init__(
        self, folder: Path, *, limit: int = DEFAULT_LIMIT, notice: Callable[[str], object] = lambda text: None
    ) -> None:
        """Read and write nothing before `open`; the files take at most about `limit` bytes."""
        self.folder = folder
        self._limit = limit
        self._notice = notice
        self._noticed: set[str] = set()
        self._entries = Entries(folder)
        self._uncounted = 0
        """Bytes written since the files were counted."""
        self._is_open = self._is_writable = False

    def open(self) -> None:
        """Prepare the folder, which need not exist."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            next(self._entries.files(), None)
            self._is_open = self._is_writable = True
        except OSError as error:
            self._say("The memory of trainings in {} cannot be used ({}); the search continues without it.", error)
        self._write(self._drop_least_used)

    def reports(self, key: str) -> Mapping[int, Report]:
        """Return the known reports of a training, by period from 1."""
        return self._read(lambda: self._entries.reports(key)) or {}

    def state(self, key: str, period: int) -> bytes | None:
        """Return the state of a training after a period; None if it is not kept."""
        return self._read(lambda: self._entries.state(key, period))

    def size(self, key: str) -> int:
        """Return a number that changes whenever a report of the training is added."""
        return self._entries.size(key)

    def used(self, key: str) -> None:
        """Note that a training was used: those that were not used for the longest time are dropped first."""
        if self._is_writable:
            self._entries.note_use(key)

    def add(self, key: str, period: int, report: Report) -> None:
        """Keep the report of a period."""
        with suppress(TypeError, ValueError):  # of a report that no study can keep either, which the driver says
            self._write(lambda: self._entries.add(key, period, report))

    def keep(self, key: str, period: int, state: bytes) -> None:
        """Keep the state of a training after its last period so far, instead of earlier ones."""
        if not self._entries.has_state(key, period):
            self._write(lambda: self._entries.keep(key, period, state))

    def _read(self, read: Callable[[], T]) -> T | None:
        if not self._is_open:
            return None
        try:
            try:
                return read()
            except DamagedError:
                self._say("A damaged entry of the memory of trainings in {} was dropped; it is trained again.")
                return read()
        except OtherUsersError:
            self._say("The memory of trainings in {} has files of another user, which are ignored.")
        except (OSError, DamagedError) as error:
            self._say("A file of the memory of trainings in {} cannot be read ({}); it is ignored.", error)
        return None

    def _write(self, write: Callable[[], int]) -> None:
        """Call what writes, and returns how many bytes; files are dropped if the folder may have too many."""
        if not self._is_writable:
            return
        try:
            self._uncounted += write()
            if self._uncounted > COUNTED_SHARE * self._limit:
                self._uncounted = self._drop_least_used()
        except (OSError, StorageError) as error:
            self._is_writable = False
            self._say("The memory of trainings in {} cannot be written ({}); the search adds nothing to it.", error)

    def _say(self, sentence: str, error: Exception | None = None) -> None:
        if sentence not in self._noticed:
            self._noticed.add(sentence)
            why = "" if error is None else getattr(error, "strerror", None) or str(error).rstrip(".")
            self._notice(sentence.format(self.folder, why))

    def _drop_least_used(self) -> int:
        """Remove files until they take less than the limit, and return 0: states first, because reports save more time
        for their size; of each kind those first that were not used for the longest time."""
        found: list[tuple[bool, float, int, str]] = []
        for file in self._entries.files():
            with suppress(FileNotFoundError):
                about = file.stat(follow_symlinks=False)
                if file.name.startswith(".") and time.time() - about.st_mtime > UNFINISHED:
                    os.unlink(file.path)
                    continue
                found.append((not file.name.endswith(STATE), about.st_mtime, about.st_size, file.path))
        total = sum(size for _, _, size, _ in found)
        goal = self._limit if total <= self._limit else KEPT_SHARE * self._limit
        for _, _, size, path in sorted(found):
            if total <= goal:
                break
            with suppress(FileNotFoundError):
                os.unlink(path)
            total -= size
        return 0
