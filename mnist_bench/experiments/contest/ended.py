"""Trainings in the order of their ends, and which of them a search would have chosen as time went on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mnist_bench.experiments.contest.record import Choice

FIRST_PERIOD_SHARE = 0.5
"""Of the budget of "first period, then the best", for the first periods; what is left goes to the best of them."""
TRANSFERRED = 10
"""The best configurations of another task that "the best of another task" tries, in their order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A trial that has ended."""

    trial: int
    params: Mapping[str, Any]
    spent: float
    """By the search when it ended, in trainings of an average configuration."""
    seen: float | None = None
    """Its error (0..1) on the images that the search sees; None where it was not trained to its end."""
    val_loss: float = 0.0
    """On the same images; decides between equal errors."""
    unseen: float = 1.0
    """Its error (0..1) on images that no search sees."""


def choices(ended: Iterable[Ended]) -> tuple[Choice, ...]:
    """Return the best complete trial so far, wherever it changes; ranked as a study ranks its trials."""
    found: list[Choice] = []
    best: tuple[float, float, int] | None = None
    for one in ended:
        if one.seen is None:
            continue
        rank = (one.seen, one.val_loss, one.trial)
        if best is None or rank < best:
            best = rank
            found.append(
                Choice(spent=one.spent, seen=one.seen, unseen=one.unseen, trial=one.trial, params=dict(one.params))
            )
    return tuple(found)
