"""The probability below which a net is unsure."""

from __future__ import annotations

import numpy as np

from mnist_bench.prediction.threshold import Threshold, threshold


def of(answers: list[tuple[float, bool]]) -> Threshold:
    """Return the threshold of answers: (probability of the label, whether it was right)."""
    probabilities = np.zeros((len(answers), 10))
    labels = np.array([0 if right else 1 for _, right in answers])
    probabilities[:, 0] = [probability for probability, _ in answers]
    return threshold(probabilities, labels)


def test_it_parts_right_from_wrong() -> None:
    found = of([(0.99, True), (0.98, True), (0.9, True), (0.6, False), (0.5, False), (0.55, True)])
    assert found == Threshold(probability=0.9, right=4, right_below=1, wrong=2, wrong_below=2)


def test_a_wrong_answer_among_the_sure_does_not_make_all_unsure() -> None:
    found = of([(0.999, False), *((0.9 + n / 1000, True) for n in range(50)), (0.5, False)])
    assert (found.probability, found.right_below, found.wrong_below) == (0.9, 0, 1)


def test_where_nothing_is_wrong_nothing_is_unsure() -> None:
    found = of([(0.7, True), (0.99, True)])
    assert (found.probability, found.right_below, found.wrong) == (0.7, 0, 0)


def test_where_nothing_is_right_there_is_a_threshold_too() -> None:
    found = of([(0.7, False), (0.99, False)])
    assert (found.probability, found.wrong_below, found.right) == (0.99, 1, 0)
