"""A page that another process than the search's keeps up to date."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from mnist_bench.live_page.following_page import follow_page
from mnist_bench.live_page.live_page import LivePage
from search.errors import StorageError, StudyNotFoundError
from search.study.location import StudyLocation
from support import search_fake as fake

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def location(tmp_path: Path) -> StudyLocation:
    return StudyLocation.of("fake-0", tmp_path)


def searching(results: Path) -> tuple[threading.Thread, threading.Event]:
    """Return a search in another thread, and what lets it go on after its first question whether to stop."""
    begun, may_go_on = threading.Event(), threading.Event()

    def stopping() -> bool:
        begun.set()
        may_go_on.wait()
        return False

    thread = threading.Thread(target=lambda: fake.run(results, goal=6, stopping=stopping))
    thread.start()
    begun.wait()
    return thread, may_go_on


def test_it_follows_until_the_search_has_ended(location: StudyLocation) -> None:
    thread, may_go_on = searching(location.folder.parent)
    states: list[str] = []

    def stopping() -> bool:
        text = location.files.report.read_text()
        states.append(text.partition('data-state="')[2].partition('"')[0])
        assert "0 of 6 trials" in text or may_go_on.is_set()
        may_go_on.set()
        return False

    assert follow_page(location, stopping=stopping)
    thread.join()
    assert states[0] == "running"
    assert 'data-state="drawing"' in location.files.report.read_text()
    assert "6 of 6 trials" in location.files.report.read_text()


def test_it_leaves_when_it_is_asked(location: StudyLocation) -> None:
    thread, may_go_on = searching(location.folder.parent)
    assert not follow_page(location, stopping=lambda: True)
    assert 'data-state="running"' in location.files.report.read_text()
    may_go_on.set()
    thread.join()


def test_a_search_that_was_stopped_is_not_waited_for(location: StudyLocation, tmp_path: Path) -> None:
    with pytest.raises(StudyNotFoundError):
        follow_page(location)
    fake.run(tmp_path, goal=6, stopping=fake.StopAfter(20))
    file = tmp_path / "page.html"
    assert not follow_page(location, to=file)
    assert 'data-state="paused"' in file.read_text()
    assert not location.files.report.exists()


def test_a_database_that_cannot_be_read_is_tried_again(
    location: StudyLocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, failures = LivePage.look, iter([StorageError("The server is gone.")])

    def failing(self: LivePage) -> bool:
        for failure in failures:
            raise failure
        return look(self)

    monkeypatch.setattr(LivePage, "look", failing)
    thread, may_go_on = searching(location.folder.parent)
    may_go_on.set()
    notices: list[str] = []
    assert follow_page(location, notice=notices.append)
    assert notices == ["The server is gone. It is tried again."]
    thread.join()
