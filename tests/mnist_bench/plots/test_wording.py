from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from mnist_bench.plots.wording import epochs, ordinal, percent, short, write_heading


@pytest.mark.parametrize(
    ("number", "text"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (21, "21st"),
                         (111, "111th")]
)  # fmt: skip
def test_ordinals(number: int, text: str) -> None:
    assert ordinal(number) == text


@pytest.mark.parametrize(("number", "text"), [(1, "1 epoch"), (1.0, "1 epoch"), (0.5, "0.5 epochs"), (2, "2 epochs")])
def test_epochs(number: float, text: str) -> None:
    assert epochs(number) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0.00934, "0.0093"), (8.31, "8.3"), (211, "211"), (211.4, "211"), (0.0, "0"), (2048, "2,048"),
                         (3e-5, "3e-05")]
)  # fmt: skip
def test_short_numbers(number: float, text: str) -> None:
    assert short(number) == text


def test_an_accuracy_has_two_decimals() -> None:
    assert percent(0.9939) == "99.39 %"


def test_remarks_break_between_each_other_and_empty_ones_are_left_out() -> None:
    figure = Figure(figsize=(2, 2))
    write_heading(figure, "found it", ["study conv-0", "", "a remark", "another long remark of many words"])
    assert figure.get_suptitle() == "found it"
    assert figure.get_supxlabel() == "study conv-0 · a remark\nanother long remark of many words"


def test_a_long_heading_is_folded_into_lines_of_much_the_same_length() -> None:
    figure = Figure(figsize=(3, 2))
    write_heading(figure, "a heading that is longer than three inches", [])
    assert figure.get_suptitle() == "a heading that is longer\nthan three inches"
    assert figure.get_supxlabel() == ""
