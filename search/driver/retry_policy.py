"""What follows if a period was not trained: when it is tried again, next to which others, or that it is given up.

`RULES` is the table of all causes; tests/FAULTS.md has it for readers. A search uses it
(`search.driver.dispatcher`), and so may other work that trains periods.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from search.errors import WorkerError
from search.executors.protocol import Cause, Failed, Outcome

STALL_FACTOR = 20  # a period that takes this many times its estimate counts as hung
MIN_STALL = 60.0  # seconds below which none does
MAX_LOSSES = 20  # workers that may die in a row over one period before the work stops (to be resumed)
MAX_BACK_OFF = 30.0  # seconds between two tries of a period whose workers die
POLL = 0.2  # seconds that a wait for workers may take: how late, at most, a request to stop is noticed

Key = tuple[int, int]  # A trial's number and a period
Failure = Literal["lacked_memory", "timed_out"] | Cause
"""Why a period did not come back trained, as an executor knows it, or: `lacked_memory`: the trainer reports that memory
ran out, while others trained. `timed_out`: the worker was ended when the trial's time was used up."""
End = Literal["crashed", "out_of_memory", "timed_out"]  # how a trial ends that is given up


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """The response to a failure."""

    tries: int  # failures over one period after which it is given up
    then: End | None  # how its trial ends then; None: the failure shows nothing about it, and the whole work stops
    waits: bool = False  # whether the next try comes after a pause, and with more time until it counts as hung
    alone: bool = False  # whether no other trial trains at the same time from then on


# A worker that a user killed, or a machine that was lost or slow, says nothing about the configuration: a trial that
# ended by it would make the same search end otherwise on another day.
_OF_THE_MACHINE = Rule(tries=MAX_LOSSES, then=None, waits=True)
RULES: Mapping[Failure, Rule] = {
    # Once is chance: a device that was reset, a file that was away. What fails twice would do so a third time, too.
    "raised": Rule(tries=2, then="crashed"),
    # The others may have had what it lacked. Alone it shows what it needs itself.
    "lacked_memory": Rule(tries=2, then="out_of_memory", alone=True),
    # The kernel chose this worker, not necessarily the one whose trial took the memory.
    "out_of_memory": Rule(tries=2, then="out_of_memory", waits=True, alone=True),
    "timed_out": Rule(tries=1, then="timed_out"),
    "killed": _OF_THE_MACHINE,
    "stalled": _OF_THE_MACHINE,
}


def failure_of(outcome: Outcome, *, in_company: bool) -> Failure | None:
    """Return the failure that an outcome is, None if it is not one; `in_company`: whether others train meanwhile."""
    if isinstance(outcome, Failed):
        return outcome.cause
    # If it trained alone, memory will not suffice another time either: its report is the last.
    return "lacked_memory" if outcome.report.end == "out_of_memory" and in_company else None


@dataclass(slots=True)
class RetryPolicy:
    """The failures so far, by trial and period; failures that end a trial alike are counted together."""

    stall: float | None = None  # seconds after which any period counts as hung; None to take a multiple of its estimate
    _failures: Counter[tuple[Key, End]] = field(default_factory=Counter)
    _losses: Counter[Key] = field(default_factory=Counter)  # workers lost in a row
    _not_before: dict[Key, float] = field(default_factory=dict)
    _alone: set[int] = field(default_factory=set)  # trials next to which no other trains

    def may_start(self, key: Key, running: Collection[Key] = ()) -> bool:
        """Return whether a period may start now, next to the running ones."""
        if running and not self._alone.isdisjoint(trial for trial, _ in (key, *running)):
            return False
        return time.monotonic() >= self._not_before.get(key, 0.0)

    def needs_all(self, key: Key) -> bool:
        """Return whether a period only waits until all running ones have ended, because it has to train alone."""
        return key[0] in self._alone and self.may_start(key)

    def stall_seconds(self, key: Key, cost: int) -> float:
        """Return after how many seconds a period counts as hung, whose estimated cost is given in microseconds."""
        limit = max(MIN_STALL, STALL_FACTOR * cost / 1e6) if self.stall is None else self.stall
        return 2.0 ** self._losses[key] * limit  # a slow machine must not stall for ever

    def failed(self, key: Key, failure: Failure, *, name: str, reason: str) -> End | None:
        """Note a failure over a period of the trial or task of this name; return how to end it, None to try again.

        WorkerError if too many workers are lost over it, for this reason last.
        """
        rule = RULES[failure]
        if rule.alone:
            self._alone.add(key[0])
        if rule.then is not None:
            self._failures[key, rule.then] += 1
            if self._failures[key, rule.then] >= rule.tries:
                return rule.then
        if rule.waits:
            self._losses[key] += 1
            if rule.then is None and self._losses[key] >= rule.tries:
                raise WorkerError(
                    f"{self._losses[key]} workers in a row died while they trained {name}, period {key[1]}: {reason}."
                )
            self._not_before[key] = time.monotonic() + min(MAX_BACK_OFF, 0.1 * 2.0 ** self._losses[key])
        return None

    def done(self, key: Key) -> None:
        """Forget the losses over a period that came back."""
        self._losses.pop(key, None)
