"""Logical time: which event of a search comes next, whatever the workers' real speed.

A search has a fixed number of slots, each with at most one trial. A trial's periods have integer logical costs, known
before training, so the logical time of a slot's next event is known too. Events are handled in the order of
(logical time, slot); so a decision depends only on what is logically earlier, never on what happened to finish first.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from search.trainer import Plan


@dataclass(slots=True)
class Active:
    """A trial in a slot."""

    number: int
    seed: int
    plan: Plan
    start: int
    """Logical time at which the trial was asked."""
    periods_done: int = 0
    verdict: bool = False
    """Whether its last report has been handled and decided: it is to be told, not trained on."""

    @property
    def next_time(self) -> int:
        """Logical time of its next event: the end of the period under way, or now where a verdict waits."""
        periods = self.periods_done + (0 if self.verdict else 1)
        return self.start + sum(self.plan.costs[:periods])


@dataclass(slots=True)
class Slot:
    """A place for one trial at a time."""

    index: int
    free_since: int = 0
    """Logical time at which the slot became free; meaningless while it holds a trial."""
    trial: Active | None = None

    @property
    def next_time(self) -> int:
        """Logical time of the slot's next event."""
        return self.trial.next_time if self.trial else self.free_since

    def free(self, time: int) -> None:
        """Take the trial out, at a logical time."""
        self.free_since, self.trial = time, None


@dataclass(slots=True)
class Timeline:
    """All slots of a search."""

    slots: list[Slot] = field(default_factory=list)

    @classmethod
    def of(cls, slots: int) -> Timeline:
        """Return a timeline of so many free slots at logical time zero."""
        return cls([Slot(index) for index in range(slots)])

    def next_slot(self, *, filling: bool) -> Slot | None:
        """Return the slot whose event is next; free slots count only while they are being filled."""
        waiting = [slot for slot in self.slots if slot.trial or filling]
        return min(waiting, key=_order, default=None)

    def training(self) -> list[tuple[Slot, Active]]:
        """Return the slots whose trial has a period to train, logically earliest end first."""
        busy = [(slot, slot.trial) for slot in self.slots if slot.trial and not slot.trial.verdict]
        return sorted(busy, key=lambda pair: _order(pair[0]))

    def actives(self) -> list[Active]:
        """Return the trials in the slots."""
        return [slot.trial for slot in self.slots if slot.trial]

    def now(self) -> int:
        """Return the latest logical time that any slot has reached."""
        return max((slot.next_time for slot in self.slots), default=0)

    def restart(self, time: int) -> None:
        """Let all slots, free now, begin together at a logical time."""
        for slot in self.slots:
            slot.free_since = time


def _order(slot: Slot) -> tuple[int, int]:
    return slot.next_time, slot.index
