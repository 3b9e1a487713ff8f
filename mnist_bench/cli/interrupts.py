"""Signals that stop a search: the first one gracefully, a Ctrl-C after it at once.

Before anything trains there is nothing to finish, so the first signal stops at once, too.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

NOTICE = "Stopping: each trial trains to its next report, which is kept. Ctrl-C again stops at once; no report is lost."
GRACEFUL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Catches SIGINT, SIGTERM and SIGHUP while it is entered, unless they are ignored (nohup); prints a notice once."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._before: dict[signal.Signals, Any] = {}
        self._came = False
        self._said = False
        self._is_heard = False
        """Whether the work has begun to ask from time to time whether to stop."""

    def __enter__(self) -> Self:
        for number in GRACEFUL:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            # None for one that was not set from Python, which cannot set it again: what the system does is closest.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def stopping(self) -> bool:
        """Return whether one of the signals came."""
        self._is_heard = True
        if self._came and not self._said:
            self._said = True
            self._say(NOTICE)  # here and not in the handler, which may have interrupted another print
        return self._came

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._came or not self._is_heard:
            raise KeyboardInterrupt
        self._came = True
