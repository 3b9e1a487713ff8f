"""Waiting for what another process does, which takes as long as it takes.

Nothing here has a limit: pytest's own (`timeout` in pyproject.toml) ends a test that hangs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(found: Callable[[], T | None], pause: float = 0.02) -> T:
    """Return what a function returns as soon as that is true, looked at every `pause` seconds."""
    while not (seen := found()):
        time.sleep(pause)
    return seen
