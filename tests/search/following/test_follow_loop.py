"""An observer in another thread than the search's hears what the search's own observer hears."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from search.driver.progress import Header, Observer, Progress
from search.errors import StorageError, StudyNotFoundError
from search.event_log.records import TrialRecord
from search.following.follow_loop import follow
from search.following.followed_study import FollowedStudy
from search.study.location import StudyLocation
from support import search_fake as fake

pytestmark = pytest.mark.usefixtures("log_alone")


class Heard(Observer):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.headers: list[Header] = []
        self.ended: list[TrialRecord] = []
        self.reported: list[tuple[int, int]] = []
        self.begun: list[int] = []
        self.notices: list[str] = []
        self.progress: list[Progress] = []

    def on_start(self, header: Header) -> None:
        self.headers.append(header)

    def on_trial(self, trial: TrialRecord) -> None:
        self.begun.append(trial.number)

    def on_report(self, trial: TrialRecord) -> None:
        self.reported.append((trial.number, len(trial.reports)))

    def on_end(self, trial: TrialRecord) -> None:
        self.ended.append(trial)

    def on_notice(self, text: str) -> None:
        self.notices.append(text)

    def on_progress(self, progress: Progress) -> None:
        self.progress.append(progress)


@contextmanager
def searching(results: Path, **options: object) -> Iterator[tuple[Heard, Callable[[], object]]]:
    """Search in another thread, which waits before its first event until the test lets it continue."""
    own, may_begin = Heard(), threading.Event()
    begun = threading.Event()

    def stopping() -> bool:
        begun.set()
        may_begin.wait()
        return False

    thread = threading.Thread(target=lambda: fake.run(results, observer=own, **{"stopping": stopping, **options}))
    thread.start()
    begun.wait()
    try:
        yield own, may_begin.set
    finally:
        may_begin.set()
        thread.join()


def test_a_follower_hears_what_the_search_tells(tmp_path: Path) -> None:
    told = Heard()
    with searching(tmp_path, goal=8) as (own, begin):

        def stopping() -> bool:
            begin()
            return False

        assert follow(StudyLocation.of("fake-0", tmp_path), told, stopping, pause=0.01) == "ended"
    assert told.ended == own.ended
    assert told.reported == own.reported
    assert told.begun == own.begun
    assert [header.name for header in told.headers] == ["fake-0"]
    assert told.headers[0].workers == 0
    assert told.progress[0].finished == 0
    assert told.progress[-1].finished == 8


def test_a_study_that_nobody_searches_is_not_waited_for(tmp_path: Path) -> None:
    location = StudyLocation.of("fake-0", tmp_path)
    fake.run(tmp_path, goal=4, stopping=fake.StopAfter(9))
    told = Heard()
    assert follow(location, told) == "paused"
    assert len(told.progress) == 1
    fake.run(tmp_path, goal=4)
    assert follow(location, told) == "ended"
    assert told.ended == []
    with pytest.raises(StudyNotFoundError):
        follow(StudyLocation.of("fake-1", tmp_path), told)


def test_a_follower_leaves_when_it_is_asked(tmp_path: Path) -> None:
    with searching(tmp_path, goal=2):
        assert follow(StudyLocation.of("fake-0", tmp_path), Heard(), lambda: True) == "left"


@pytest.mark.parametrize("max_outage", [60.0, -1.0])
def test_a_database_that_cannot_be_read_is_tried_again_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, max_outage: float
) -> None:
    told, failures = Heard(), iter([StorageError("The server is gone.")])
    look = FollowedStudy.look

    def failing(self: FollowedStudy) -> object:
        for failure in failures:
            raise failure
        return look(self)

    monkeypatch.setattr(FollowedStudy, "look", failing)
    with searching(tmp_path, goal=2) as (_, begin):
        begin()
        location = StudyLocation.of("fake-0", tmp_path)
        if max_outage < 0:
            with pytest.raises(StorageError, match="gone"):
                follow(location, told, pause=0.01, max_outage=max_outage)
            return
        assert follow(location, told, pause=0.01, max_outage=max_outage) == "ended"
    assert told.notices == ["The server is gone. It is tried again."]
    assert told.progress[-1].finished == 2
