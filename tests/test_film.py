"""The maker of the film of the live view: what a terminal shows of rich's orders, and a picture that plays."""

from __future__ import annotations

from types import ModuleType
from xml.etree import ElementTree

import pytest

from support import docs_scripts
from support.paths import ROOT


@pytest.fixture(scope="module")
def film() -> ModuleType:
    return docs_scripts.loaded("film")


def test_a_picture_that_is_drawn_anew_replaces_the_one_before(film: ModuleType) -> None:
    screen = film.Screen()
    screen.write("$ search\r\n\x1b[?25l\x1b[1m1 of 2\x1b[0m  a curve\r\ntrains")
    assert screen.picture == ("$ search", "1 of 2  a curve", "trains")
    screen.write("\r\x1b[2K\x1b[1A\x1b[2K2 of 2\r\n\x1b[?25h")
    assert screen.picture == ("$ search", "2 of 2")


def test_a_window_folds_long_lines_and_shows_the_last_ones(film: ModuleType) -> None:
    screen = film.Screen(columns=4, rows=3)
    screen.write("one\r\ntwo\r\nthree and")
    assert screen.picture == ("thre", "e an", "d")


def test_pauses_are_cut(film: ModuleType) -> None:
    moments = [film.Moment(at, ()) for at in (0.0, 1.0, 11.0, 12.0)]
    cut = [0.0, 1.0, 1.0 + film.PAUSE, 2.0 + film.PAUSE]
    assert [moment.seconds for moment in film.without_pauses(moments)] == cut
    clock = [film.Moment(at, ("starting workers ... 3 s",)) for at in (2.0, 4.0, 6.0, 8.0, 10.0)]
    assert [moment.seconds for moment in film.without_pauses([*moments[:2], *clock, *moments[2:]])] == cut


def test_an_order_that_comes_in_two_pieces_is_waited_for(film: ModuleType) -> None:
    assert film._whole("a\x1b[2") == ("a", "\x1b[2")
    assert film._whole("a\x1b[2Kb") == ("a\x1b[2Kb", "")


def test_the_film_ends_with_the_leaderboard(film: ModuleType) -> None:
    moments = [
        film.Moment(1.0, ("first",)),
        film.Moment(2.0, ("first", film.END)),
        film.Moment(2.0, (film.END, "next")),
    ]
    assert film.until(moments, film.END) == moments[:2]
    assert film.until(moments[:1], film.END) == moments[:1]


def test_a_long_recording_runs_faster_and_says_so(film: ModuleType) -> None:
    moments = [film.Moment(0.0, ("first",)), film.Moment(30.0, ("then <b>",)), film.Moment(60.0, ("last",))]
    shown, faster = film.pictures(moments, 10.0)
    assert faster == 6.0
    assert (shown[0], shown[len(shown) // 2], shown[-1]) == (("first",), ("then <b>",), ("last",))
    assert len(shown) <= 10 * film.PER_SECOND + 2
    drawn = ElementTree.fromstring(film.svg(shown, faster))  # noqa: S314 - made here
    assert "6 times as fast" in drawn.attrib["aria-label"]
    assert film.pictures(moments[:1], 10.0)[1] == 1.0


def test_the_published_film_is_small_and_is_of_a_search_that_ended() -> None:
    text = (ROOT / "docs" / "live.svg").read_text()
    assert len(text) < 300_000
    words = "".join(ElementTree.fromstring(text).itertext())  # noqa: S314 - made here
    assert "$ mnist-bench search " in words
    assert "digest " in words
    assert "script" not in text
