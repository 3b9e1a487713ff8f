"""The frame: style, headings, and files that are the same whenever they are drawn."""

from __future__ import annotations

import re
import string
from dataclasses import replace

import matplotlib as mpl
import pytest
from hypothesis import example, given, strategies as st
from matplotlib.figure import Figure

from mnist_bench.plots import frame
from mnist_bench.plots.frame import Drawn, three_digits, write_heading


def rise(figure: Figure) -> None:
    figure.subplots().plot([0, 1], [0, 1], color=frame.BEST)


DRAWN = Drawn(finding="It rose by 1", remarks=["of 2 points"], draw=rise, height=3, narrow=5)


def test_the_same_picture_twice_is_the_same_bytes_which_tell_neither_time_nor_version() -> None:
    first, again = (frame.render(DRAWN, ["png", "svg"]) for _ in range(2))
    assert first == again
    svg = first["svg"].decode()
    assert b"Software" not in first["png"]
    assert mpl.__version__ not in svg
    assert re.search(r"<dc:(date|creator)>", svg) is None
    assert [*frame.render(DRAWN, ["svg"])] == ["svg"]


def test_pictures_are_drawn_in_the_style_and_leave_no_trace_of_it() -> None:
    before, seen = dict(mpl.rcParams), list[bool]()
    frame.render(replace(DRAWN, draw=lambda figure: seen.append(mpl.rcParams["axes.spines.top"])), ["png"])
    assert seen == [False]
    assert dict(mpl.rcParams) == before


def test_only_what_can_be_narrow_is() -> None:
    sizes = [
        frame.figure_of(drawn, narrow=narrow).get_size_inches().tolist()
        for drawn, narrow in ((DRAWN, False), (DRAWN, True), (replace(DRAWN, narrow=None), True))
    ]
    assert sizes == [[frame.WIDE, 3], [frame.NARROW, 5], [frame.WIDE, 3]]


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
