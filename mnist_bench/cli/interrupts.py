"""Ctrl-C: the first one asks for a graceful end, the second ends at once."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

NOTICE = "Stopping: periods under way are finished and kept. Ctrl-C again stops at once; nothing finished is lost."


class Interrupts:
    """Catches SIGINT while it is entered; `stopping` says whether one came."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._before: Any = None
        self._came = False

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def stopping(self) -> bool:
        """Return whether Ctrl-C was pressed."""
        return self._came

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._came:
            raise KeyboardInterrupt
        self._came = True
        self._say(NOTICE)
