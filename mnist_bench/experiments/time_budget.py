"""A time budget that survives restarts: seconds spent so far, and the decisions that followed from them."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from annotated_types import Ge

from mnist_bench.studies import sealed_json
from search.arguments import check_seconds
from search.errors import StorageError, UsageError


def check_budget(budget: float | None) -> float | None:
    """Return a budget in one form, whatever kind of number it is: seconds, or None for no limit.

    Raises:
        UsageError: it is not a time.
    """
    if budget is None:
        return None
    check_seconds("budget", budget)
    if not budget:
        raise UsageError("budget=0: no time to spend; leave it out for no limit.")
    return None if math.isinf(budget) else float(budget)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Spent:
    """The content of the file."""

    identity: str
    seconds: Annotated[float, Ge(0)]
    decided: dict[str, bool]
    of: str = ""
    """The subject of the work."""
    earlier: Annotated[float, Ge(0)] = 0.0
    """Seconds that other work about the same took before."""


class TimeBudget:
    """Seconds spent on one piece of work, kept in a file, so that a resumed run counts those of earlier runs.

    Decisions that followed from the time are kept too: a resumed run reads another clock, and must decide the same.
    """

    def __init__(self, path: Path, identity: str, started: float, *, of: str = "") -> None:
        """Take up the work that `identity` names; `started` is when this run began, by `time.monotonic`. Other work
        before with the same `of` counts in the total."""
        known = _read(path)
        if known is None or known.identity != identity:
            earlier = known.earlier + known.seconds if known is not None and known.of == of else 0.0
            known = _Spent(identity=identity, seconds=0.0, decided={}, of=of, earlier=earlier)
        self._path, self._before, self._started = path, known, started

    @property
    def seconds(self) -> float:
        """The time spent so far, this run included."""
        return self._before.seconds + time.monotonic() - self._started

    @property
    def total(self) -> float:
        """The time spent on this and on all such work before."""
        return self._before.earlier + self.seconds

    @property
    def begun(self) -> bool:
        """Whether an earlier run spent some of it."""
        return self._before.seconds > 0

    def keep(self) -> None:
        """Save the time spent so far; errors as in `sealed_json.write`."""
        sealed_json.save(replace(self._before, seconds=self.seconds), self._path)

    def decide(self, question: str, answer: Callable[[], bool]) -> bool:
        """Return the earlier decision on `question`, else the present result of `answer`."""
        if question not in self._before.decided:
            self._before.decided[question] = answer()
            self.keep()
        return self._before.decided[question]


def typed(seconds: float) -> str:
    """Return a duration, rounded up, as one types a budget: `95s`, `12m`."""
    return f"{5 * math.ceil(seconds / 5)}s" if seconds <= 295 else f"{math.ceil(seconds / 60)}m"


def as_given(seconds: float) -> str:
    """Return an exact duration as one types a budget: `1234.5s`."""
    return f"{Decimal(repr(seconds)).normalize():f}s"


def makespan(seconds: Sequence[float], workers: int) -> float:
    """Return how long jobs of these lengths take on a number of workers, the longest first (Graham 1969)."""
    free = [0.0] * workers
    for length in sorted(seconds, reverse=True):
        heapq.heappush(free, heapq.heappop(free) + length)
    return max(free)


def _read(path: Path) -> _Spent | None:
    """Return the file's content; None if there is no file, or it is damaged or another program's."""
    try:
        return sealed_json.load(path, _Spent, "account of the time spent")
    except StorageError:
        return None
