"""Pictures and the report from Python: files and rows come back, and nothing is printed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mnist_bench
from mnist_bench.plots.frame import Drawn
from mnist_bench.plots.kinds import STUDY_KINDS
from search.errors import SearchError, StudyNotFoundError, UsageError
from support import handmade
from support.drawn import heading

PDF: Any = ["pdf"]
PNG: Any = "png"


@pytest.fixture(autouse=True)
def failing(left_open: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Exception]:
    """Return errors by kind: each kind draws an empty figure or fails with its error; the test set stays open."""
    errors: dict[str, Exception] = {}

    def draw(kind: str, subject: object) -> Drawn:
        if kind in errors:
            raise errors[kind]
        return heading(kind)

    monkeypatch.setattr("mnist_bench.plots.kinds.drawn", draw)
    monkeypatch.chdir(tmp_path)
    return errors


def test_all_kinds_come_back_with_their_files(capsys: pytest.CaptureFixture[str]) -> None:
    all_kinds = mnist_bench.plot(handmade.mixed())
    assert [picture.kind for picture in all_kinds] == list(STUDY_KINDS)
    folder = Path("results/conv-0/plots")
    assert all_kinds[0].files == (folder / "history.png", folder / "history.svg")
    assert all(path.stat().st_size for picture in all_kinds for path in picture.files)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        (lambda: mnist_bench.plot(handmade.mixed(), formats=PDF), "formats='pdf': give png or svg."),
        (lambda: mnist_bench.plot(handmade.mixed(), formats=PNG), "formats='png': give a list of them, [...]."),
        (lambda: mnist_bench.plot_data(overrides=PNG), "overrides='png': give a list of them, [...]."),
        (lambda: mnist_bench.plot(handmade.mixed(), "history"), "kinds='history': give a list of them, [...]."),
        (
            lambda: mnist_bench.plot(handmade.mixed(), ["histroy"]),
            "histroy: no such kind of plot; did you mean",
        ),
        (lambda: mnist_bench.plot(handmade.mixed(), ["digits"]), "digits shows the data; see plot_data."),
    ],
)
def test_what_no_picture_can_be_asked_for_is_named_before_anything_is_drawn(
    asked: Callable[[], Any], fault: str
) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(fault)}"):
        asked()
    assert not Path("results").exists()


def test_what_was_named_and_cannot_be_drawn_is_an_error_with_its_cause(failing: dict[str, Exception]) -> None:
    failing["timeline"] = StudyNotFoundError("It has no times.")
    with pytest.raises(StudyNotFoundError, match=r"^It has no times\.$"):
        mnist_bench.plot(handmade.mixed(), ["timeline"], to="out")
    failing["timeline"] = ZeroDivisionError("division by zero")
    with pytest.raises(SearchError, match="unexpected") as caught:
        mnist_bench.plot(handmade.mixed(), formats=["svg"])
    assert caught.value.__cause__ is failing["timeline"]


def test_the_report_says_where_it_is_and_what_it_lacks(
    failing: dict[str, Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    failing["errors"] = StudyNotFoundError("It has no weights.")
    written = mnist_bench.report(handmade.mixed())
    assert written.file == Path("results/conv-0/report.html")
    assert written.missing == {"errors": "It has no weights."}
    assert written.no_drawing is not None
    assert written.no_drawing.startswith("The weights of conv-0/1 are not here;")
    assert all(picture.foreseen for picture in written.pictures)
    elsewhere = mnist_bench.report(handmade.mixed(), to="a/b.html").file
    assert elsewhere.read_bytes() == written.file.read_bytes()
    failing["errors"] = ZeroDivisionError("division by zero")
    survived = mnist_bench.report(handmade.mixed())
    assert list(survived.missing) == ["errors"]
    assert [each.error and each.error.__cause__ for each in survived.pictures if not each.foreseen] == [
        failing["errors"]
    ]
    assert capsys.readouterr() == ("", "")
    with pytest.raises(StudyNotFoundError, match=r"^Study conv-0 has no finished trial yet\.$"):
        mnist_bench.report(handmade.study([], budget=5))
