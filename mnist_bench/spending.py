"""Time that a piece of work may take, over all the runs of it: how much is spent, and what that decided."""

from __future__ import annotations

import heapq
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mnist_bench import kept
from mnist_bench.seal import unseal


class Spending:
    """Seconds spent on one piece of work, kept in a file, so that a run which goes on counts those before it.

    What was decided by the time is kept too: the clock reads otherwise when a stopped run is taken up, and what was
    decided stays decided.
    """

    def __init__(self, path: Path, identity: str, started: float) -> None:
        """Take up the work that `identity` names; `started` is when this run began, by `time.monotonic`."""
        self._path = path
        self._identity = identity
        self._started = started
        known = _read(path)
        same = known.get("identity") == identity
        self._before = float(known["seconds"]) if same else 0.0
        self._decided: dict[str, bool] = dict(known["decided"]) if same else {}

    @property
    def seconds(self) -> float:
        """What was spent so far, this run included."""
        return self._before + time.monotonic() - self._started

    def keep(self) -> None:
        """Write down what was spent so far; errors as in `kept.write`."""
        values = {"identity": self._identity, "seconds": self.seconds, "decided": self._decided}
        kept.write(values, self._path)

    def decide(self, question: str, answer: Callable[[], bool]) -> bool:
        """Return what was decided about `question` before, else what `answer` says now."""
        if question not in self._decided:
            self._decided[question] = answer()
            self.keep()
        return self._decided[question]


def makespan(seconds: Sequence[float], workers: int) -> float:
    """Return how long jobs of these lengths take on so many workers, the longest first (Graham 1969)."""
    free = [0.0] * workers
    for length in sorted(seconds, reverse=True):
        heapq.heappush(free, heapq.heappop(free) + length)
    return max(free)


def _read(path: Path) -> dict[str, Any]:
    """Return what was kept; nothing where there is nothing, nothing of ours, or nothing whole."""
    try:
        known: dict[str, Any] = json.loads(unseal(path.read_bytes()))
    except (FileNotFoundError, ValueError):
        return {}
    return known if {"seconds", "decided"} <= known.keys() else {}
