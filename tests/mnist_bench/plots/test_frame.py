"""The frame: style, headings, grids, and files that are the same whenever they are drawn."""

from __future__ import annotations

import re
import string
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import example, given, strategies as st
from matplotlib.figure import Figure

from mnist_bench.plots import frame
from mnist_bench.plots.frame import three_digits, write_heading


def figure() -> Figure:
    made = Figure()
    made.add_subplot().plot([0, 1], [0, 1], color=frame.BEST)
    frame.heading(made, "It rose by 1", "of 2 points")
    return made


def test_the_same_picture_twice_is_the_same_bytes_which_tell_neither_time_nor_version(tmp_path: Path) -> None:
    png, svg = frame.save(figure, tmp_path / "a", ["png", "svg"])
    assert (png.name, svg.name) == ("a.png", "a.svg")
    for first, again in zip((png, svg), frame.save(figure, tmp_path / "b", ["png", "svg"]), strict=True):
        assert first.read_bytes() == again.read_bytes()
    assert b"Software" not in png.read_bytes()
    assert mpl.__version__ not in svg.read_text()
    assert re.search(r"<dc:(date|creator)>", svg.read_text()) is None
    frame.save(figure, tmp_path / "c", ["svg"])
    assert not (tmp_path / "c.png").exists()


def test_pictures_are_drawn_in_the_style_and_leave_no_trace_of_it(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    seen: list[bool] = []

    def make() -> Figure:
        seen.append(mpl.rcParams["axes.spines.top"])
        return figure()

    frame.save(make, tmp_path / "a", ["png"])
    assert seen == [False]
    assert dict(mpl.rcParams) == before


def test_an_interrupted_drawing_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (old,) = frame.save(figure, tmp_path / "a", ["png"])
    before = old.read_bytes()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("search.files.os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        frame.save(Figure, tmp_path / "a", ["png"])
    assert old.read_bytes() == before
    assert [*tmp_path.iterdir()] == [old]


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


def test_pictures_stand_between_gaps() -> None:
    images = np.array([[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]], np.uint8)
    f = frame.FRAME
    assert frame.assemble(images).tolist() == [
        [f] * 10,
        [f] * 10,
        [f, f, 1, 2, f, f, 5, 6, f, f],
        [f, f, 3, 4, f, f, 7, 8, f, f],
        [f] * 10,
        [f] * 10,
    ]


def test_pictures_in_colour_stand_on_white() -> None:
    joined = frame.assemble(np.zeros((2, 1, 3, 3, 3), np.uint8))
    assert joined.shape == (12, 7, 3)
    assert (joined == 0).sum() == 2 * 3 * 3 * 3
    assert joined[0, 0].tolist() == [255, 255, 255]
