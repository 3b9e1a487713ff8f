from __future__ import annotations

import string

import pytest
from hypothesis import given, strategies as st
from matplotlib.figure import Figure

from mnist_bench.plots.headings import epochs, three_digits, write_heading


@pytest.mark.parametrize(("number", "text"), [(1, "1 epoch"), (1.0, "1 epoch"), (0.5, "0.5 epochs"), (2, "2 epochs")])
def test_epochs(number: float, text: str) -> None:
    assert epochs(number) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0.009341, "0.00934"), (8.314, "8.31"), (1.25, "1.25"), (211, "211"), (211.4, "211"),
                         (0.0, "0"), (2048, "2,048"), (3e-5, "3e-05")]
)  # fmt: skip
def test_short_numbers(number: float, text: str) -> None:
    assert three_digits(number) == text


def test_remarks_break_between_each_other_and_empty_ones_are_left_out() -> None:
    figure = Figure(figsize=(2, 2))
    write_heading(figure, "found it", ["study conv-0", "", "a remark", "another long remark of many words"])
    assert figure.get_suptitle() == "found it"
    assert figure.get_supxlabel() == "study conv-0 · a remark\nanother long remark of many words"


@pytest.mark.parametrize("unit", ["s", "px", "rad", "epochs"])
def test_no_line_ends_between_a_number_and_its_unit(unit: str) -> None:
    """21 characters a line: the unit would be the first word of the second line, but its number stays with it."""
    figure = Figure(figsize=(2, 2))
    write_heading(
        figure, f"it was turned by ±14 {unit}, and no further than that", [f"study that {'x' * 20} ±14 {unit}"]
    )
    assert f"±14 {unit}" in figure.get_suptitle()
    assert f"±14 {unit}" in figure.get_supxlabel()


def test_lines_of_a_heading_are_of_much_the_same_length_and_end_at_no_hyphen() -> None:
    figure = Figure(figsize=(3, 2))
    write_heading(figure, "a heading that is longer than three inches", [])
    assert figure.get_suptitle() == "a heading that is longer\nthan three inches"
    assert figure.get_supxlabel() == ""
    write_heading(figure, "one two three four five multiply-accumulates", [])
    assert figure.get_suptitle() == "one two three four five\nmultiply-accumulates"
    narrow = Figure(figsize=(1, 2))
    write_heading(narrow, "found it", ["a remark of many words", "another"])
    assert narrow.get_supxlabel() == "a remark of many\nwords · another"


WORDS = st.lists(st.text(string.ascii_letters + "-", min_size=1, max_size=70), min_size=1, max_size=12)


@given(WORDS)
def test_any_heading_keeps_its_words_and_its_width(words: list[str]) -> None:
    figure = Figure(figsize=(4, 2))
    write_heading(figure, " ".join(words), [])
    lines = figure.get_suptitle().splitlines()
    assert "".join(lines).replace(" ", "") == "".join(words)
    assert max(map(len, lines)) <= 42
    if max(map(len, words)) <= 42:
        assert " ".join(lines).split() == words
