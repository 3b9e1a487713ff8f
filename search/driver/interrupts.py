"""Signals that stop a search.

The first one stops work gracefully, a Ctrl-C after it at once. Before anything trains there is nothing to finish, so
the first signal stops at once, too.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

from search.errors import Interrupted

NOTICE = "Stopping: each trial trains to its next report, which is kept. Ctrl-C again stops at once; no report is lost."
GRACEFUL = tuple(number for number in signal.Signals if number.name in ("SIGINT", "SIGTERM", "SIGHUP"))


class Interrupts:
    """Catches signals while it is entered, unless they are ignored (nohup); prints a notice once."""

    def __init__(self, say: Callable[[str], None], signals: Sequence[signal.Signals] = GRACEFUL) -> None:
        self._say, self._signals = say, signals
        self._before: dict[signal.Signals, Any] = {}
        self._came = self._said = False
        self._is_heard = False  # whether the work has begun to ask from time to time whether to stop

    def __enter__(self) -> Self:
        for number in self._signals:
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


@contextmanager
def interruptible(say: Callable[[str], None]) -> Iterator[Callable[[], bool]]:
    """Let work in Python end as a command does at Ctrl-C or at a notebook's stop button, which send the same signal.

    Yields a function that returns whether to stop, to be asked regularly. A program that handles the signal itself, or
    that works in another thread than its main one, keeps its own way to stop.

    Interrupted if the signal came before the work asked, or twice.
    """
    if threading.current_thread() is not threading.main_thread() or (
        signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield lambda: False
        return
    with Interrupts(say, (signal.SIGINT,)) as interrupts:
        try:
            yield interrupts.stopping
        except Interrupted:
            raise
        except KeyboardInterrupt:
            raise Interrupted("Stopped at once; no report is lost. The same call continues the work.") from None
