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
    of_first = correctness(first)
    found = {} if of_first is None else {other.number: correctness(other) for other in others}
    tested = {
        number: mcnemar(of_first, bits)
        for number, bits in found.items()
        if of_first is not None and bits is not None and bits.shape == of_first.shape
    }
    p_values = dict(zip(tested, holm([*tested.values()]), strict=True))
    tied = tuple(trial for trial in others if p_values.get(trial.number, 0.0) > SIGNIFICANCE)
    return Ties(first=first, p_values=p_values, tied=tied)
