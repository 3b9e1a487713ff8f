"""The images that the best net gets wrong."""

from __future__ import annotations

import numpy as np
import pytest

from mnist_bench.plots import frame, mistakes
from support import drawn
from support.winners import predictions

ANSWERS = [(4, 9, 0.6), (1, 1, 0.99), (7, 2, 0.98), (5, 3, 0.9)]


def test_the_most_confident_mistake_comes_first() -> None:
    found = mistakes.rows(predictions(ANSWERS)).mistakes
    assert [(one.true, one.predicted, one.index) for one in found] == [
        ("7", "2", 102),
        ("5", "3", 103),
        ("4", "9", 100),
    ]
    assert (found[0].confidence, found[0].true_confidence) == pytest.approx((0.98, 0.02))
    assert (found[0].image == 2).all()


@pytest.mark.parametrize(
    ("answers", "finding"),
    [
        (ANSWERS, "The network is 90% sure or more in 2 of 3 mistakes"),
        # 89.6% is printed as 90%, and so counted.
        ([(4, 9, 0.896), (7, 2, 0.98), (5, 3, 0.894)], "The network is 90% sure or more in 2 of 3 mistakes"),
        (ANSWERS[:1] * 2, "The network is 90% sure or more in none of 2 mistakes"),
        (ANSWERS[1:2], "Every validation image is recognized"),
        (ANSWERS[:2], "The only mistake is made with 60% confidence"),
    ],
)
def test_the_heading_says_how_sure_the_net_is(answers: list[tuple[int, int, float]], finding: str) -> None:
    assert mistakes.draw(mistakes.rows(predictions(answers))).get_suptitle() == finding


def test_each_picture_bears_true_and_predicted_class_and_both_confidences() -> None:
    figure = mistakes.draw(mistakes.rows(predictions(ANSWERS)))
    assert [axes.get_title() for axes in figure.axes][:4] == ["7 → 2  98%", "5 → 3  90%", "4 → 9  60%", ""]
    assert [np.asarray(axes.images[0].get_array())[0, 0] for axes in figure.axes[:3]] == [2, 3, 0]
    assert drawn.texts(figure)[0] == "2% · № 102"


@pytest.mark.parametrize(("width", "count"), [(frame.WIDE, 40), (frame.NARROW, 25)])
def test_the_most_confident_are_shown_as_far_as_the_width_allows(width: float, count: int) -> None:
    figure = mistakes.draw(mistakes.rows(predictions([(4, 9, 0.51 + row / 100) for row in range(41)])), width)
    assert len(figure.axes) == count
    assert figure.axes[0].get_title() == "4 → 9  91%"
    assert f"the {count} most confident mistakes" in " ".join(figure.get_supxlabel().split())


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0%"), (0.001, "<1%"), (0.005, "<1%"), (0.98, "98%"), (0.995, ">99%"), (0.9999, ">99%"), (1.0, "100%")],
)
def test_nothing_is_rounded_to_certainty(share: float, text: str) -> None:
    assert mistakes.confidence(share) == text


def test_classes_with_names_are_called_so() -> None:
    names = ("$a$", "boot", *map(str, range(2, 9)), "ankle boot")
    figure = mistakes.draw(mistakes.rows(predictions([(0, 9, 0.98)], names=names)))
    assert figure.axes[0].get_title() == "$a$\n→ ankle boot\n98%"
    figure.draw_without_rendering()
