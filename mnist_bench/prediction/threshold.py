"""The probability below which a prediction is unsure, measured on images outside of training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class Threshold:
    """The probability that best separates right answers from wrong ones, and how well it does."""

    probability: float
    """A prediction whose best probability is below it is unsure."""
    right: int
    """Answers that were right."""
    right_below: int
    """Right answers that are unsure."""
    wrong: int
    """Answers that were wrong."""
    wrong_below: int
    """Wrong answers that are unsure."""


def threshold(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> Threshold:
    """Return the threshold of a network's answers: it maximises the share of wrong answers below it minus the share of
    right ones (Youden 1950). Of several such thresholds, the lowest.

    Args:
        probabilities: shape (N, classes), for each image and class.
        labels: shape (N,), the true classes.
    """
    best, right = probabilities.max(1), probabilities.argmax(1) == labels
    candidates = np.unique(best)
    rights, wrongs = np.sort(best[right]), np.sort(best[~right])
    rights_below, wrongs_below = np.searchsorted(rights, candidates), np.searchsorted(wrongs, candidates)
    gain = wrongs_below / max(1, len(wrongs)) - rights_below / max(1, len(rights))
    chosen = int(gain.argmax())
    return Threshold(
        probability=float(candidates[chosen]), right=len(rights), right_below=int(rights_below[chosen]),
        wrong=len(wrongs), wrong_below=int(wrongs_below[chosen]),
    )  # fmt: skip
