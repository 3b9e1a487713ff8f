from __future__ import annotations

import string

import pytest
from hypothesis import example, given, strategies as st
from matplotlib.figure import Figure

from mnist_bench.plots.headings import three_digits, write_heading


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (three_digits(0.009341), "0.00934"), (three_digits(8.314), "8.31"), (three_digits(211.4), "211"),
        (three_digits(0.0), "0"), (three_digits(2048), "2,048"), (three_digits(3e-5), "3e-05"),
    ],
)  # fmt: skip
def test_numbers_are_short(text: str, words: str) -> None:
    assert text == words


def test_remarks_break_between_each_other_and_empty_ones_are_left_out() -> None:
    figure = Figure(figsize=(2, 2))
    write_heading(figure, "found it", ["study conv-0", "", "a remark", "another long remark of many words"])
    assert figure.get_suptitle() == "found it"
    assert figure.get_supxlabel() == "study conv-0 · a remark\nanother long remark of many words"


@pytest.mark.parametrize("unit", ["s", "px", "rad", "epochs"])
def test_no_line_ends_between_a_number_and_its_unit(unit: str) -> None:
    figure = Figure(figsize=(2, 2))  # 21 characters a line: the unit would be the first word of the second line
    write_heading(figure, f"it was turned by ±14 {unit}, and no further", [f"study that {'x' * 20} ±14 {unit}"])
    assert f"±14 {unit}" in figure.get_suptitle()
    assert f"±14 {unit}" in figure.get_supxlabel()


WORDS = st.lists(st.text(string.ascii_letters + "-", min_size=1, max_size=70), min_size=1, max_size=12)


@given(WORDS)
@example(["a", "heading", "that", "is", "longer", "than", "forty", "characters"])
@example(["one", "two", "three", "four", "five", "six", "seven", "multiply-accumulates"])
def test_any_heading_keeps_its_words_and_its_width(words: list[str]) -> None:
    figure = Figure(figsize=(4, 2))
    write_heading(figure, " ".join(words), [])
    lines = figure.get_suptitle().splitlines()
    assert "".join(lines).replace(" ", "") == "".join(words)
    assert max(map(len, lines)) <= 42
    if max(map(len, words)) <= 42:
        assert " ".join(lines).split() == words
