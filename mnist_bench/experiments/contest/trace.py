"""What a contest of ways of searching came to: what each search had spent when its trials ended, and how well they did.

What a search has spent is the sum of the logical costs of its periods: an epoch of a large net counts for more than one
of a small net, which a number of trials or epochs would hide, and unlike a measured time it is the same in every run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from operator import itemgetter

from mnist_bench.numerics import Machine
from mnist_bench.units import percent
from search.event_log import StudyRecord, TrialRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class Entrant:
    """A way of searching, and what it may spend."""

    sampler: str
    pruner: str
    budgets: int = 1
    """Times the budget of the contest."""

    @property
    def way(self) -> str:
        """The way of searching: `tpe + asha`, `random` without a pruner."""
        return self.sampler if self.pruner == "none" else f"{self.sampler} + {self.pruner}"

    @property
    def name(self) -> str:
        """The way and what it may spend: `random ×2` at double budget."""
        return self.way if self.budgets == 1 else f"{self.way} ×{self.budgets}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """How one search went; what it spent is in trainings of an average configuration."""

    ends: tuple[tuple[float, float | None], ...]
    """(spent by then, validation accuracy in 0..1) of each trained trial, in the order of their ends; None for a trial
    that is not complete."""
    spent: float
    """In all, on trials under way too."""

    @property
    def bests(self) -> tuple[tuple[float, float], ...]:
        """(spent by then, best complete accuracy so far), wherever it rises."""
        found: list[tuple[float, float]] = []
        for spent, value in self.ends:
            if value is not None and (not found or value > found[-1][1]):
                found.append((spent, value))
        return tuple(found)

    @property
    def words(self) -> str:
        """What the search came to: `98.10 %, 3 trials, 2 of them complete`."""
        best = percent(self.bests[-1][1]) if self.bests else "none complete"
        trials, complete = self.counts(self.spent)
        return f"{best}, {trials} trials, {complete} of them complete"

    def counts(self, spent: float) -> tuple[int, int]:
        """Return the trials that had ended, and the complete ones among them, when so much was spent."""
        ended = [value for by_then, value in self.ends if by_then <= spent]
        return len(ended), sum(value is not None for value in ended)


@dataclass(frozen=True, kw_only=True, slots=True)
class Contest:
    """Ways of searching on one space, each with the same seeds."""

    space: str
    machine: Machine
    folder: str
    """Where the studies lie."""
    images: int
    """Validation images."""
    budget: int
    """Trainings of an average configuration."""
    training_seconds: float
    """Estimated time of one of them, on one worker."""
    seeds: tuple[int, ...]
    entrants: tuple[Entrant, ...]
    traces: tuple[tuple[Trace, ...], ...]
    """Of each entrant, one a seed."""


def trace(study: StudyRecord, unit: float) -> Trace:
    """Return how a search went; `unit` is the logical cost of a training of an average configuration."""
    spent = 0
    ends: list[tuple[float, float | None]] = []
    for _, _, cost, ended in sorted(_periods(study), key=itemgetter(0, 1)):
        spent += cost
        if ended is not None:
            ends.append((spent / unit, ended.value if ended.state == "COMPLETE" else None))
    return Trace(ends=tuple(ends), spent=spent / unit)


def _periods(study: StudyRecord) -> Iterator[tuple[int, int, int, TrialRecord | None]]:
    """Yield (logical end, slot, cost, the trial if it ended then) of each trained period; the first two order them."""
    for trial in study.trials:
        costs = trial.costs[: len(trial.reports)]
        ends = list(accumulate(costs, initial=trial.logical_start))[1:]
        for period, (end, cost) in enumerate(zip(ends, costs, strict=True), start=1):
            yield end, trial.slot, cost, trial if period == len(costs) and trial.state != "RUNNING" else None
