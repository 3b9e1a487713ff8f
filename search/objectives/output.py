"""What the processes of one trial print, on its way to a log: the first and the last megabyte of it."""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress

LIMIT = 1_000_000
"""Bytes of output that are kept from the beginning, and as many from the end."""
_CHUNK = 1 << 16


class Output:
    """A pipe that processes print into, and what was read from it.

    The beginning is written to the log at once; the end is held back until the processes have ended, as it is known
    only then.
    """

    def __init__(self, log: int, whose: str) -> None:
        """Make the pipe; `log` is the descriptor of a file that is only appended to, `whose` goes into its line."""
        self._log = log
        self._whose = whose
        reading, self.writing = os.pipe()
        os.set_blocking(reading, False)
        self._reading = os.fdopen(reading, "rb", buffering=0)
        self._first = LIMIT
        """Bytes that are still written at once."""
        self._last: deque[bytes] = deque()
        self._held = 0
        """Bytes in `_last`."""
        self._cut = 0

    def fileno(self) -> int:
        """Return the descriptor to read from, so that a selector takes this object."""
        return self._reading.fileno()

    def copy(self) -> bool:
        """Take what is there, without waiting; return whether more may come."""
        data = self._reading.read(_CHUNK)
        if data is None:
            return True
        first, rest = data[: self._first], data[self._first :]
        self._first -= len(first)
        self._write(first)
        if rest:
            self._hold(rest)
        return bool(data)

    def finish(self) -> None:
        """Write the end, after the processes have ended or were killed, and close the pipe."""
        # At most what a pipe holds: a process that escaped may write on.
        for _ in range((1 << 20) // _CHUNK):
            if not self.copy():
                break
        if self._cut:
            self._write(f"\n[{self._cut:,} bytes of the output of {self._whose} are cut here]\n".encode())
        for data in self._last:
            self._write(data)
        self.close()

    def close(self) -> None:
        """Close the pipe, as a forked process does with those of the others."""
        self._reading.close()

    def _hold(self, data: bytes) -> None:
        self._last.append(data)
        self._held += len(data)
        while self._held > LIMIT:
            oldest = self._last.popleft()
            kept = oldest[self._held - LIMIT :]
            dropped = len(oldest) - len(kept)
            self._cut, self._held = self._cut + dropped, self._held - dropped
            if kept:
                self._last.appendleft(kept)

    def _write(self, data: bytes) -> None:
        with suppress(OSError):  # a full disk: the search fails by itself if it cannot write its events
            os.write(self._log, data)
