"""When a period is tried again, beside which others, and after how long a silent worker is given up."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field

from search.errors import WorkerError

STALL_FACTOR = 20
"""A period that takes so many times its estimate is taken for hung."""
MIN_STALL = 60.0
"""Seconds below which no period is taken for hung."""
MAX_LOSSES = 20
"""Workers that may die in a row over one period before the work stops (to be resumed)."""
MAX_BACK_OFF = 30.0
"""Seconds between two tries of a period whose workers die."""

Key = tuple[int, int]
"""A trial's number and a period."""


@dataclass(slots=True)
class RetryPolicy:
    """What went wrong so far, by trial and period."""

    _errors: set[Key] = field(default_factory=set)
    _losses: dict[Key, int] = field(default_factory=dict)
    _not_before: dict[Key, float] = field(default_factory=dict)
    _starved: set[Key] = field(default_factory=set)

    def may_start(self, key: Key, running: Collection[Key] = ()) -> bool:
        """Return whether a period may start beside those under way.

        After a loss it waits for a while; a trial over which memory ran out is trained alone from then on.
        """
        alone = {trial for trial, _ in self._starved}
        if running and not alone.isdisjoint(trial for trial, _ in (key, *running)):
            return False
        return time.monotonic() >= self._not_before.get(key, 0.0)

    def stall_seconds(self, key: Key, cost: int) -> float:
        """Return after how many seconds a period of so many estimated microseconds is taken for hung.

        Each loss doubles it: a slow machine must not stall for ever.
        """
        return 2.0 ** self._losses.get(key, 0) * max(MIN_STALL, STALL_FACTOR * cost / 1e6)

    def raised(self, key: Key) -> bool:
        """Note an exception and return whether it is a result: once is chance, twice is not."""
        again = key in self._errors
        self._errors.add(key)
        return again

    def starved(self, key: Key) -> bool:
        """Note that memory ran out over a period and return whether it is a result: others may have had it, once."""
        again = key in self._starved
        self._starved.add(key)
        return again

    def lost(self, key: Key, name: str, reason: str) -> None:
        """Note that a worker died over a period of the trial or task of this name.

        Raises:
            WorkerError: too many have.
        """
        losses = self._losses[key] = self._losses.get(key, 0) + 1
        if losses >= MAX_LOSSES:
            raise WorkerError(f"{losses} workers in a row died over {name}, period {key[1]}: {reason}.")
        self._not_before[key] = time.monotonic() + min(MAX_BACK_OFF, 0.1 * 2.0**losses)

    def done(self, key: Key) -> None:
        """Forget the losses over a period that came back."""
        self._losses.pop(key, None)
