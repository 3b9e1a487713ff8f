"""Kinds of pictures: drawn one after the other, and of any study, however odd, without a traceback."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib import style

from mnist_bench.plots import frame, kinds
from mnist_bench.plots.frame import Drawn
from mnist_bench.plots.kinds import STUDY_KINDS, draw_kinds
from mnist_bench.plots.subject import Subject
from search.errors import SearchError, StudyNotFoundError, UsageError
from search.study.studies import StoredStudy
from support import drawn, handmade


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> None:
    def draw(kind: str, subject: Subject) -> Drawn:
        if kind == "errors":
            raise StudyNotFoundError("It has no weights.")
        if kind == "curves":
            raise ZeroDivisionError("division by zero")
        return drawn.heading(f"What {kind} found")

    monkeypatch.setattr(kinds, "drawn", draw)


@pytest.mark.usefixtures("faked")
def test_a_picture_that_fails_stops_no_other_and_leaves_its_reason() -> None:
    begun: list[str] = []
    named = ("history", "errors", "curves", "parallel")
    pictures = list(draw_kinds(named, Subject(study=handmade.mixed()), ("svg",), begins=begun.append))
    assert tuple(begun) == tuple(picture.kind for picture in pictures) == named
    history, errors, curves, parallel = pictures
    assert (history.finding, parallel.finding) == ("What history found", "What parallel found")
    assert (history.reason, history.foreseen, history.files, [*history.content]) == (None, True, (), ["svg"])
    assert (errors.reason, errors.foreseen, dict(errors.content)) == ("It has no weights.", True, {})
    assert (curves.reason or "").startswith("ZeroDivisionError: division by zero (unexpected;")
    assert not curves.foreseen


@pytest.mark.parametrize("narrow", [False, True])
def test_a_picture_has_its_lines_and_is_half_as_wide_if_it_may_be(
    narrow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = replace(drawn.heading("found"), narrow=1, lines=("a line",))
    monkeypatch.setattr(kinds, "drawn", lambda kind, subject: shown)
    (one,) = draw_kinds(["history"], Subject(study=handmade.mixed()), ("svg",), narrow=narrow)
    assert (one.half, one.lines) == (narrow, ("a line",))


@pytest.mark.usefixtures("faked")
def test_files_are_what_is_drawn_in_a_folder_that_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    (history,) = draw_kinds(["history"], Subject(study=handmade.mixed()), ("png", "svg"), folder=folder)
    assert history.files == (folder / "history.png", folder / "history.svg")
    assert [file.read_bytes() for file in history.files] == [history.content["png"], history.content["svg"]]


@pytest.mark.usefixtures("faked")
def test_what_cannot_be_written_is_refused_before_anything_is_drawn_or_a_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    drawing_all = draw_kinds(["errors"], Subject(study=handmade.mixed()), ("png",), folder=tmp_path / "file")
    with pytest.raises(UsageError, match="cannot be created as a folder"):
        next(drawing_all)
    (tmp_path / "history.png").mkdir()
    (history,) = draw_kinds(["history"], Subject(study=handmade.mixed()), ("png",), folder=tmp_path)
    assert (history.reason or "").startswith("it cannot be written (")
    assert history.foreseen


STUDIES: dict[str, Callable[[], StoredStudy]] = {
    "empty": lambda: handmade.study([], budget=5),
    "waiting": lambda: handmade.study([handmade.trial(0, periods=0, state="RUNNING")]),
    "one complete": lambda: handmade.study([handmade.trial(0, range(6), params={"optim.lr": 0.01})]),
    "none complete": lambda: handmade.study(
        [handmade.trial(n, range(90), periods=1, params={"optim.lr": 0.01 * (n + 1)}) for n in range(3)]
    ),
    "all infeasible": lambda: handmade.study(
        [handmade.trial(n, periods=0, reason="infeasible") for n in range(2)], budget=2
    ),
    "all crashed": lambda: handmade.study([handmade.trial(n, periods=0, state="FAIL", error="x") for n in range(2)]),
    "texts like formulas": lambda: handmade.study(
        [replace(handmade.trial(n, range(n)), params={"model.$_y": "$\\frac{$"}) for n in range(3)]
    ),
    "no error": lambda: handmade.study([handmade.trial(0)]),
    "errors unknown": lambda: handmade.study(
        [handmade.with_reports(handmade.trial(n, range(n + 1)), metrics={"errors": None}) for n in range(2)]
    ),
    "nothing searched": lambda: handmade.study([handmade.trial(n, range(n)) for n in range(12)]),
    "ended by the machine": handmade.ended_by_machine,
    "mixed": handmade.mixed,
}


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("kind", STUDY_KINDS)
def test_any_study_is_drawn_or_refused_in_one_sentence(kind: str, study: str) -> None:
    subject = Subject(study=STUDIES[study]())
    try:
        with style.context([frame.STYLE, {"savefig.dpi": 40}]):
            figure = frame.figure_of(kinds.drawn(kind, subject))
            figure.savefig(io.BytesIO())
    except SearchError as error:
        reason = str(error)
    else:
        reason = f"{kind} is drawn."
        assert figure.axes
    assert len(reason.splitlines()) == 1
