"""Signals that ask for an end: the first one ends gracefully, a second Ctrl-C at once."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

NOTICE = "Stopping: periods under way are finished and kept. Ctrl-C again stops at once; nothing finished is lost."
GRACEFUL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Catches SIGINT, SIGTERM and SIGHUP while it is entered; `stopping` says whether one came."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._before: dict[signal.Signals, Any] = {}
        self._came = False

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._handle) for number in GRACEFUL}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def stopping(self) -> bool:
        """Return whether one of the signals came."""
        return self._came

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._came:
            raise KeyboardInterrupt
        self._came = True
        self._say(NOTICE)
