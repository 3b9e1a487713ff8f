"""The order of trials: ranks, the front, those that stopped while ahead of the first, and ties by a paired test."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from mnist_bench.cells import percent
from mnist_bench.statistics.inference import holm, mcnemar
from search.errors import StorageError
from search.event_log.records import StudyRecord, TrialRecord
from search.space.space import score

SIGNIFICANCE = 0.05
"""Trials with an adjusted p-value above it are tied with the first."""
UNTESTED = "Which images each trial got right was not kept, so no test can compare it with the others."
"""Printed about the best complete trial if no other trial was tested."""


def ordered(study: StudyRecord) -> list[TrialRecord]:
    """Return the trained trials: complete ones, those that may still continue, pruned ones, the rest.

    In each group the most accurate comes first, and before it pruned trials that went further.

    That is the leaderboard's order but for a front, which a leaderboard puts first though its cheapest may be bad.
    """
    return listed_trials(study, frozenset(), infeasible=False)


def listed_trials(study: StudyRecord, front: Set[int], *, infeasible: bool) -> list[TrialRecord]:
    """Return the trials in a leaderboard's order, those of the front first.

    `infeasible` adds the infeasible ones at the end, in the order of their numbers.
    """
    trained = [trial for trial in study.trials if trial.is_trained]
    trained.sort(key=lambda trial: (trial.number not in front, place_key(trial)))
    return [*trained, *(trial for trial in study.trials if infeasible and not trial.is_trained)]


def place_key(trial: TrialRecord) -> tuple[int, int, tuple[float, float, float, int]]:
    """Return the sort key of a trained trial in a leaderboard without a front; its number decides last."""
    return _group(trial), -len(trial.reports) if trial.state == "PRUNED" else 0, trial.rank_key()


def _group(trial: TrialRecord) -> int:
    """Return the place of a trial's group; one that has not reported yet promises nothing."""
    match trial.state:
        case "COMPLETE":
            return 0
        case "RUNNING":
            return 1 if trial.reports else 3
        case "PRUNED":
            return 2
        case "FAIL":
            return 4
        case _:
            assert_never(trial.state)


def pareto_front(study: StudyRecord) -> list[TrialRecord]:
    """Return the complete trials that no other dominates, the most accurate first; none with one objective."""
    return [] if study.cost is None else undominated(study.complete(), study.cost)


def undominated(complete: Sequence[TrialRecord], cost: str) -> list[TrialRecord]:
    """Return those of the complete trials that no other dominates, the most accurate first.

    A trial dominates another if it is at least as accurate and at most as costly, and better in one of the two. `cost`
    is the name of a fact.
    """
    front: list[TrialRecord] = []
    # From the cheapest trial up, a trial is on the front if it is more accurate than all before it, or equals the last
    # one in both: n log n steps, where comparing all pairs of 10,000 trials would take 10^8.
    for trial in sorted(complete, key=lambda trial: (trial.facts[cost], -(trial.score or 0.0))):
        best = front[-1] if front else None
        equal = best is not None and (trial.score, trial.facts[cost]) == (best.score, best.facts[cost])
        if best is None or equal or (trial.score or 0.0) > (best.score or 0.0):
            front.append(trial)
    return sorted(front, key=TrialRecord.rank_key)


def first_then(trial: TrialRecord, first: TrialRecord | None) -> float | None:
    """Return the value that the first complete trial had after as many periods as another trial trained in all.

    None if the other trial is complete, still trains, or ended without a value.
    """
    periods = len(trial.reports)
    is_cut = trial.state != "COMPLETE" and trial.reason != "running" and trial.value is not None
    return first.reports[periods - 1].value if is_cut and first and periods <= len(first.reports) else None


def is_ahead(trial: TrialRecord, first: TrialRecord | None) -> bool:
    """Return whether a trial stopped early, and had a better value than the first one after as many periods."""
    then = first_then(trial, first)
    return then is not None and trial.score is not None and trial.score > score(then, trial.direction)


def correct_bits(text: str) -> NDArray[np.bool_]:
    """Return the bits of base64-encoded `numpy.packbits`: shape (images,), padded with False to a multiple of 8.

    Raises:
        StorageError: the text is not base64.
    """
    try:
        packed = np.frombuffer(base64.b64decode(text, validate=True), dtype=np.uint8)
    except (binascii.Error, ValueError) as error:
        raise StorageError(f"The stored correctness of the validation images is damaged ({error}).") from error
    return np.unpackbits(packed).astype(np.bool_)


def correctness(trial: TrialRecord) -> NDArray[np.bool_] | None:
    """Return the `correct_bits` of the trial's last period; None if they were not stored.

    Raises:
        StorageError: the stored bits are damaged.
    """
    text = trial.reports[-1].details.get("correct") if trial.reports else None
    return correct_bits(text) if isinstance(text, str) else None


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
