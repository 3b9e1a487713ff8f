from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from mnist_bench.plots import style


def figure() -> Figure:
    made = Figure()
    made.add_subplot().plot([0, 1], [0, 1], color=style.BEST)
    style.heading(made, "It rose by 1", "of 2 points")
    return made


def brightness(colour: str) -> float:
    """Return how bright a colour is in grey, 0 to 1 (ITU-R BT.601)."""
    red, green, blue = to_rgb(colour)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_the_same_picture_twice_is_the_same_bytes(tmp_path: Path) -> None:
    once, again = (style.save(figure, tmp_path / name, ["png", "svg"]) for name in ("a", "b"))
    assert [path.name for path in once] == ["a.png", "a.svg"]
    for first, second in zip(once, again, strict=True):
        assert first.read_bytes() == second.read_bytes()


def test_only_the_formats_asked_for_are_written(tmp_path: Path) -> None:
    assert style.save(figure, tmp_path / "a", ["svg"]) == (tmp_path / "a.svg",)
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")


def test_files_tell_neither_time_nor_version(tmp_path: Path) -> None:
    png, svg = style.save(figure, tmp_path / "a", ["png", "svg"])
    assert b"Software" not in png.read_bytes()
    text = svg.read_text()
    assert mpl.__version__ not in text
    assert re.search(r"<dc:(date|creator)>", text) is None


def test_pictures_are_drawn_in_the_style_and_leave_no_trace_of_it(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    seen: list[bool] = []

    def make() -> Figure:
        seen.append(mpl.rcParams["axes.spines.top"])
        return figure()

    style.save(make, tmp_path / "a", ["png"])
    assert seen == [False]
    assert dict(mpl.rcParams) == before


def test_a_heading_is_the_finding_above_and_the_detail_below() -> None:
    made = figure()
    assert (made.get_suptitle(), made.get_supxlabel()) == ("It rose by 1", "of 2 points")
    alone = Figure()
    style.heading(alone, "It fell")
    assert alone.get_supxlabel() == ""


def test_a_file_that_cannot_be_written_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        style.save(figure, tmp_path / "missing" / "a", ["png"])


def test_an_interrupted_drawing_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (old,) = style.save(figure, tmp_path / "a", ["png"])
    before = old.read_bytes()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("search.files.os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        style.save(Figure, tmp_path / "a", ["png"])
    assert old.read_bytes() == before
    assert [*tmp_path.iterdir()] == [old]


def test_many_marks_are_smaller_and_many_lines_paler() -> None:
    assert [style.mark_scale(marks) for marks in (0, 200, 800)] == [1, 1, 0.5]
    assert [style.opacity(lines) for lines in (0, 60, 240)] == [1, 1, 0.25]


def test_the_best_the_complete_and_the_pruned_differ_in_grey() -> None:
    best, complete, pruned = map(brightness, (style.BEST, style.COMPLETE, style.PRUNED))
    assert pruned - best > 0.3
    assert best - complete > 0.1
