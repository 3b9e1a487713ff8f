"""The page in its file: replaced whole, at intervals that follow from what it costs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mnist_bench.live_page import live_page
from mnist_bench.live_page.live_page import LEAST, LivePage
from search.errors import StorageError, UsageError
from search.following.followed_study import FollowedStudy
from search.study.location import StudyLocation
from support import search_fake as fake


@pytest.fixture
def page(tmp_path: Path) -> LivePage:
    """Return the page of a search that was stopped."""
    fake.run(tmp_path, goal=6, stopping=fake.StopAfter(20))
    return LivePage(followed=FollowedStudy(StudyLocation.of("fake-0", tmp_path)))


def test_it_is_the_file_of_the_report_and_is_replaced_whole(page: LivePage) -> None:
    page.write()
    assert page.file == page.followed.location.files.report
    opened = page.file.open()
    assert 'data-state="paused"' in page.file.read_text()
    fake.run(page.followed.location.folder.parent, goal=6)
    assert page.look()
    page.write()
    assert 'data-state="drawing"' in page.file.read_text()
    assert 'data-state="paused"' in opened.read()  # whoever reads the old page reads it to its end
    opened.close()
    assert not page.look()
    assert sorted(path.name for path in page.file.parent.glob(".*")) == []


def test_another_file_may_be_named(page: LivePage, tmp_path: Path) -> None:
    named = LivePage(followed=page.followed, to=tmp_path / "other.html")
    named.write(state="running")
    assert 'data-state="running"' in (tmp_path / "other.html").read_text()
    assert not page.file.exists()


def test_the_interval_is_a_hundred_times_the_cost_of_the_last_page(
    page: LivePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter([0.0, 1.0, 1.07, 2.0, 2.001])
    monkeypatch.setattr("time.thread_time", lambda: next(seconds))
    intervals = []
    for _ in range(3):
        page.write()
        intervals.append(page.interval)
    assert intervals == [LEAST, pytest.approx(7.0), LEAST]  # the first page loads what the others use


def test_plots_are_waited_for_longer_than_the_next_page(page: LivePage) -> None:
    quiet = {}
    for state in ("running", "drawing"):
        page.write(state=state)
        quiet[state] = float(page.file.read_text().partition('data-quiet="')[2].partition('"')[0])
    assert quiet == {"running": 30.0, "drawing": 600.0}


def test_without_news_it_is_due_after_a_while(page: LivePage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert page.is_due
    page.write()
    due = [page.is_due]
    monkeypatch.setattr(live_page, "HEARTBEAT", 0.0)
    assert [*due, page.is_due] == [False, True]


def test_a_file_that_cannot_be_written_is_told_in_a_sentence(page: LivePage, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        LivePage(followed=page.followed, to=tmp_path / "none" / "page.html").write()
    os.symlink(tmp_path / "elsewhere", page.followed.location.folder / "report.html")
    with pytest.raises(StorageError, match="symbolic link"):
        page.write()
    assert not (tmp_path / "elsewhere").exists()
