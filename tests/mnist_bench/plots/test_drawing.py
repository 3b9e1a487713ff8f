from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from mnist_bench.plots import drawing
from mnist_bench.plots.subject import Subject
from search.errors import StudyNotFoundError, UsageError
from support import handmade


@pytest.fixture(autouse=True)
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    def draw(kind: str, subject: Subject, *, narrow: bool) -> Figure:
        if kind == "mistakes":
            raise StudyNotFoundError("It has no weights.")
        if kind == "curves":
            raise ZeroDivisionError("division by zero")
        figure = Figure(figsize=(1, 1))
        figure.suptitle(f"What {kind}\nfound")
        return figure

    monkeypatch.setattr(drawing, "picture", draw)


def test_a_picture_that_fails_stops_no_other_and_leaves_its_reason() -> None:
    begun: list[str] = []
    kinds = ("history", "mistakes", "curves", "parallel")
    pictures = list(drawing.draw_kinds(kinds, Subject(study=handmade.mixed()), ("svg",), begins=begun.append))
    assert tuple(begun) == tuple(picture.kind for picture in pictures) == kinds
    history, mistakes, curves, parallel = pictures
    assert (history.finding, parallel.finding) == ("What history found", "What parallel found")
    assert (history.reason, history.foreseen, history.files, [*history.content]) == (None, True, (), ["svg"])
    assert (mistakes.reason, mistakes.foreseen, dict(mistakes.content)) == ("It has no weights.", True, {})
    assert (curves.reason or "").startswith("ZeroDivisionError: division by zero (unexpected;")
    assert not curves.foreseen


def test_files_are_what_is_drawn_in_a_folder_that_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    (history,) = drawing.draw_kinds(["history"], Subject(study=handmade.mixed()), ("png", "svg"), folder=folder)
    assert history.files == (folder / "history.png", folder / "history.svg")
    assert [file.read_bytes() for file in history.files] == [history.content["png"], history.content["svg"]]


def test_what_cannot_be_written_is_refused_before_anything_is_drawn_or_a_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    drawing_all = drawing.draw_kinds(["mistakes"], Subject(study=handmade.mixed()), ("png",), folder=tmp_path / "file")
    with pytest.raises(UsageError, match="cannot be created as a folder"):
        next(drawing_all)
    (tmp_path / "history.png").mkdir()
    (history,) = drawing.draw_kinds(["history"], Subject(study=handmade.mixed()), ("png",), folder=tmp_path)
    assert (history.reason or "").startswith("it cannot be written (")
    assert history.foreseen
