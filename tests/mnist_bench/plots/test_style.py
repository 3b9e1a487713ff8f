from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from mnist_bench.plots import style


def figure() -> Figure:
    made = Figure()
    made.add_subplot().plot([0, 1], [0, 1], color=style.BEST)
    style.heading(made, "It rose by 1", "of 2 points")
    return made


def test_the_same_picture_twice_is_the_same_bytes_which_tell_neither_time_nor_version(tmp_path: Path) -> None:
    png, svg = style.save(figure, tmp_path / "a", ["png", "svg"])
    assert (png.name, svg.name) == ("a.png", "a.svg")
    for first, again in zip((png, svg), style.save(figure, tmp_path / "b", ["png", "svg"]), strict=True):
        assert first.read_bytes() == again.read_bytes()
    assert b"Software" not in png.read_bytes()
    assert mpl.__version__ not in svg.read_text()
    assert re.search(r"<dc:(date|creator)>", svg.read_text()) is None
    style.save(figure, tmp_path / "c", ["svg"])
    assert not (tmp_path / "c.png").exists()


def test_pictures_are_drawn_in_the_style_and_leave_no_trace_of_it(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    seen: list[bool] = []

    def make() -> Figure:
        seen.append(mpl.rcParams["axes.spines.top"])
        return figure()

    style.save(make, tmp_path / "a", ["png"])
    assert seen == [False]
    assert dict(mpl.rcParams) == before


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
