"""Logical time: which event of a search comes next, whatever the workers' real speed.

A search has a fixed number of slots, each with at most one trial. A trial's periods have integer logical costs, known
before training, so the logical time of a slot's next event is known too. Events are handled in the order of (logical
time, slot); so a decision depends only on logically earlier events, never on the order of completion.

In a search as completed, a period's event comes when its worker has delivered. Logical time is kept there,
too, and orders the events that need no worker: ending a decided trial and filling a free slot. Those come first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Literal, assert_never

Order = Literal["deterministic", "as-completed"]
_Turn = tuple[int, int, int]
"""Orders slots: whether the slot waits for a worker in a search as completed, logical time, index."""


def repeats(order: Order) -> bool:
    """Return whether a search that takes up periods in this order decides the same in every run."""
    match order:
        case "deterministic":
            return True
        case "as-completed":
            return False
        case _:
            assert_never(order)


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for one trial at a time."""

    index: int
    next_time: int = 0
    """Logical time of its next event: the end of the period under way, or the moment at which no period was left."""
    trial: int | None = None
    """The number of its trial; None if the slot is free."""
    verdict: bool = False
    """Whether the trial's end is decided: it is not trained any more, and its end is the next event."""

    @property
    def trains(self) -> bool:
        """Whether the slot's next event needs a worker."""
        return self.trial is not None and not self.verdict


@dataclass(slots=True)
class Timeline:
    """All slots of a search, and whose event is next."""

    slots: list[Slot] = field(default_factory=list)
    order: Order = "deterministic"
    # Heaps, for an event must not cost a look at each slot: 1,000 workers are kept busy by 4,000 slots, and one driver
    # has 0.04 to 0.2 ms for timeline, dispatcher and history together (docs/concepts/ordering.md).
    _busy: list[_Turn] = field(default_factory=list, repr=False, compare=False)
    """A heap of turns of slots with a trial, past ones among them."""
    _free: list[_Turn] = field(default_factory=list, repr=False, compare=False)
    """A heap of turns of slots without one, likewise."""

    @classmethod
    def of(cls, slots: int, order: Order = "deterministic") -> Timeline:
        """Return a timeline of this number of free slots at logical time zero."""
        timeline = cls([Slot(index) for index in range(slots)], order)
        timeline.restart(0)
        return timeline

    def next_slot(self, *, filling: bool) -> Slot | None:
        """Return the slot whose event is next; free slots count only while they are being filled.

        As completed, if all slots wait for workers, it is the logically earliest one.
        """
        # A slot that is being filled and one that trains are compared by the same turn, so that asking for a new trial
        # takes its place in logical time like any period does.
        turns = [self._first(self._busy, lambda slot: slot.trial is not None)]
        if filling:
            turns.append(self._first(self._free, lambda slot: slot.trial is None))
        first = min((turn for turn in turns if turn is not None), default=None)
        return None if first is None else self.slots[first[2]]

    def hold(self, index: int, trial: int, next_time: int, *, verdict: bool) -> None:
        """Let a slot hold a trial whose next event, a period's or a decided end, has this logical time."""
        slot = self.slots[index] = Slot(index, next_time, trial, verdict)
        heappush(self._busy, self._turn(slot))

    def free(self, index: int, time: int) -> None:
        """Take the trial out of a slot, at a logical time."""
        slot = self.slots[index] = Slot(index, time)
        heappush(self._free, self._turn(slot))

    def restart(self, time: int) -> None:
        """Let all slots, free now, begin together at a logical time."""
        for slot in self.slots:
            self.free(slot.index, time)

    def now(self) -> int:
        """Return the latest logical time that any slot has reached."""
        return max((slot.next_time for slot in self.slots), default=0)

    def _turn(self, slot: Slot) -> _Turn:
        # Ties are frequent (many nets cost the same, all slots begin at 0), so the index decides them: which of two
        # equal slots comes first must not depend on a heap's inner order.
        return int(slot.trains and not repeats(self.order)), slot.next_time, slot.index

    def _first(self, turns: list[_Turn], is_here: Callable[[Slot], bool]) -> _Turn | None:
        """Return the first turn of a heap that is not past."""
        while turns:
            # An entry is past if the slot's turn has changed since it was pushed. Each is popped once, when it comes
            # to the top; to look for it when the turn changes would cost a look at all.
            slot = self.slots[turns[0][2]]
            if is_here(slot) and turns[0] == self._turn(slot):
                return turns[0]
            heappop(turns)
        return None
