"""The complete trials that a paired test cannot distinguish from the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mnist_bench.cells import percent
from mnist_bench.leaderboard.correctness import correctness
from mnist_bench.statistics.inference import holm, mcnemar
from search.event_log.records import TrialRecord

SIGNIFICANCE = 0.05
"""Trials with an adjusted p-value above it are tied with the first."""
UNTESTED = "Which images each trial got right was not kept, so no test can compare it with the others."
"""Printed about the best complete trial if no other trial was tested."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ties:
    """The first complete trial, tested against each other one."""

    first: TrialRecord
    p_values: Mapping[int, float]
    """Holm-adjusted p-values of McNemar's exact test against the first, by number; without the trials whose correct
    images are not stored."""
    tied: tuple[TrialRecord, ...]
    """The trials that the test cannot distinguish from the first, which is not among them; best first."""

    @property
    def all(self) -> tuple[TrialRecord, ...]:
        """The first trial and those tied with it, best first."""
        return (self.first, *self.tied)

    @property
    def accuracies(self) -> str:
        """The accuracies of all of them in words: `99.40 to 99.50%`, or `99.50% each`."""
        values = [trial.value or 0.0 for trial in self.all]
        if len({percent(value) for value in values}) == 1:
            return f"{percent(max(values))} each"
        return f"{100 * min(values):.2f} to {percent(max(values))}"


def ties_of(complete: Sequence[TrialRecord]) -> Ties:
    """Return the ties among complete trials, of which there is at least one; they are ordered, best first.

    Raises:
        StorageError: the stored correct images are damaged.
    """
    first, *others = complete
    found = p_values_of(first, others)
    p_values = {trial.number: p for trial, p in zip(others, found, strict=True) if p is not None}
    tied = tuple(trial for trial in others if p_values.get(trial.number, 0.0) > SIGNIFICANCE)
    return Ties(first=first, p_values=p_values, tied=tied)


def p_values_of(first: TrialRecord, others: Sequence[TrialRecord]) -> list[float | None]:
    """Return the Holm-adjusted p-value of McNemar's exact test of a trial against each other one, on the same images.

    None for a trial that cannot be tested, because it is not stored which images one of the two classified correctly.

    Raises:
        StorageError: the stored correct images are damaged.
    """
    of_first = correctness(first)
    found = [None if of_first is None else correctness(other) for other in others]
    tested = {
        place: bits
        for place, bits in enumerate(found)
        if of_first is not None and bits is not None and bits.shape == of_first.shape
    }
    adjusted = [] if of_first is None else holm([mcnemar(of_first, bits) for bits in tested.values()])
    p_values = dict(zip(tested, adjusted, strict=True))
    return [p_values.get(place) for place in range(len(others))]
