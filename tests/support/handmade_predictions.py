"""A net's answers made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mnist_bench.plots.predictions import Predictions


def predictions(answers: Sequence[tuple[int, int, float]], **more: Any) -> Predictions:
    """Return answers (true class, predicted class, confidence); image number n is all n, at place 100 + n.

    What is left of the confidence goes to the true class, or to the class after it where that was predicted.
    """
    count = len(answers)
    probabilities = np.zeros((count, 10))
    for row, (true, predicted, confidence) in enumerate(answers):
        probabilities[row, true if true != predicted else (true + 1) % 10] = 1 - confidence
        probabilities[row, predicted] = confidence
    given: dict[str, Any] = {
        "study": "conv-0",
        "trial": 7,
        "of_digits": True,
        "labels": np.array([true for true, _, _ in answers], dtype=np.int64),
        "probabilities": probabilities,
        "indices": np.arange(100, 100 + count),
        "images": np.ones((count, 28, 28), dtype=np.uint8) * np.arange(count, dtype=np.uint8)[:, None, None],
        "recorded_errors": None,
    }
    return Predictions(**{**given, **more})
