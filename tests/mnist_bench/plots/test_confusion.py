"""Which classes the best net takes for which."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from mnist_bench.plots import confusion
from mnist_bench.plots.confusion import Pair
from support import drawn
from support.winners import predictions

RIGHT = [(digit, digit, 0.9) for digit in range(10)]


def answers(*pairs: tuple[int, int]) -> list[tuple[int, int, float]]:
    """Return right answers for every class, and these (true, predicted) ones."""
    return [*RIGHT, *((true, predicted, 0.8) for true, predicted in pairs)]


def test_rows_are_true_and_columns_predicted_classes() -> None:
    found = confusion.rows(predictions(answers((4, 9), (4, 9), (7, 2))))
    assert found.counts.sum() == 13
    assert (found.counts[4, 9], found.counts[9, 4], found.counts[7, 2], found.counts[4, 4]) == (2, 0, 1, 1)
    assert found.wrong.sum() == 3
    assert found.commonest == (Pair(4, 9, 2),)


@pytest.mark.parametrize(
    ("pairs", "finding"),
    [
        ([], "Every validation image is recognized"),
        ([(4, 9)], "The only error: 4 is taken for 9"),
        ([(4, 9), (4, 9), (7, 2)], "4 is taken for 9 most often: 2 of 3 errors"),
        ([(4, 9), (7, 2)] * 2 + [(1, 0)], "4 is taken for 9 and 7 for 2 most often: 2 of 5 errors each"),
        ([(4, 9), (7, 2)], "No confusion occurs twice: 2 errors, each of its own kind"),
        (
            [(n, n + 1) for n in range(6)] * 2,
            "0 → 1, 1 → 2, 2 → 3, 3 → 4 and 2 more are the most common confusions: 2 of 12 errors each",
        ),
    ],
)
def test_the_heading_says_what_is_confused_most(pairs: list[tuple[int, int]], finding: str) -> None:
    found = confusion.rows(predictions(answers(*pairs)))
    assert found.finding == finding


def test_the_picture_prints_every_count_and_the_sums_and_shades_the_errors() -> None:
    (axes,) = confusion.draw(confusion.rows(predictions(answers((4, 9), (4, 9), (7, 2))))).axes
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert (cells[9, 4], cells[2, 7], cells[4, 4], cells.get((0, 1))) == ("2", "1", "1", None)
    assert (cells[10, 4], cells[9, 10], cells[10, 10], cells[10, 0]) == ("2", "2", "3", "0")
    assert np.argwhere(np.asarray(axes.images[0].get_array())).tolist() == [[4, 9], [7, 2]]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=60))
def test_any_answers_are_counted(pairs: list[tuple[int, int]]) -> None:
    found = confusion.rows(predictions([(true, predicted, 0.7) for true, predicted in pairs]))
    assert found.counts.sum() == len(pairs)
    assert found.wrong.sum() == sum(true != predicted for true, predicted in pairs)
    assert str(found.wrong.sum()) in found.finding or found.wrong.sum() <= 1


def test_classes_with_names_are_called_so() -> None:
    names = ("an average aardvark", "$b$", *map(str, range(2, 10)))
    found = confusion.rows(predictions(answers((0, 1)), names=names, of_digits=False))
    figure = confusion.draw(found)
    assert found.finding == "The only error: an average aardvark is taken for $b$"
    assert drawn.rows(figure)[:3] == ["an average aard…", "$b$", "2"]
    figure.draw_without_rendering()
