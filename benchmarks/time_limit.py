"""The end of a command that the same command resumes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from search.driver.attended.interrupts import Interrupts


@contextmanager
def stopping_after(minutes: float) -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether so many minutes have passed, or a signal has asked to stop."""
    ends = time.monotonic() + 60 * minutes
    with Interrupts(print) as interrupts:
        yield lambda: interrupts.stopping() or time.monotonic() > ends
