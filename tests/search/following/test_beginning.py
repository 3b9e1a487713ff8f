"""A search that is followed before its first event: it is waited for, and a study that is not there is not."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from search.database import file_lock
from search.errors import StorageError
from search.following.beginning import await_beginning, begun_last
from search.study.location import StudyLocation
from support import search_fake as fake

pytestmark = pytest.mark.usefixtures("log_alone")
TOLD = "The search of fake-0 has only begun; its first event is waited for."


@pytest.fixture
def location(tmp_path: Path) -> StudyLocation:
    return StudyLocation.of("fake-0", tmp_path)


def awaited(location: StudyLocation, stopping: Callable[[], bool], grace: float = 60.0) -> tuple[bool, list[str]]:
    """Return whether following may begin, and what was said."""
    notices: list[str] = []
    return await_beginning(location, stopping, notices.append, grace=grace, pause=0.01), notices


def never() -> bool:
    raise AssertionError("nothing is waited for")


def test_a_study_with_events_and_one_that_is_not_there_are_not_waited_for(location: StudyLocation) -> None:
    assert awaited(location, never) == (True, [])
    assert not location.folder.exists()
    fake.run(location.folder.parent, goal=2)
    assert awaited(location, never) == (True, [])


def test_a_search_that_holds_its_lock_is_waited_for(location: StudyLocation) -> None:
    location.folder.mkdir()
    with ExitStack() as held:
        held.enter_context(file_lock.driver_lock(location.files.lock, "Study fake-0"))
        asked = 0

        def stopping() -> bool:
            nonlocal asked
            asked += 1
            if asked == 5:
                held.close()
                fake.run(location.folder.parent, goal=2)
            return False

        assert awaited(location, stopping, grace=0.0) == (True, [TOLD])
    assert asked >= 5


def test_a_search_that_fails_before_its_first_event_is_not_waited_for_further(location: StudyLocation) -> None:
    location.folder.mkdir()
    with ExitStack() as held:
        held.enter_context(file_lock.driver_lock(location.files.lock, "Study fake-0"))

        def stopping() -> bool:
            held.close()
            return False

        begun = time.monotonic()
        assert awaited(location, stopping) == (True, [TOLD])
        assert time.monotonic() - begun < 30


def test_a_folder_alone_is_waited_for_a_while(location: StudyLocation) -> None:
    location.folder.mkdir()
    assert awaited(location, lambda: False, grace=0.5) == (True, [TOLD])
    assert awaited(location, lambda: True) == (False, [TOLD])


def test_a_search_that_has_only_begun_is_found_without_its_name(location: StudyLocation) -> None:
    results = location.folder.parent
    assert begun_last(results) is None
    fake.run(results, goal=2)
    made = StudyLocation.of("made-0", results)
    made.folder.mkdir()
    made.files.database.touch()
    assert begun_last(results) is None
    with file_lock.driver_lock(location.files.lock, "Study fake-0"):
        assert begun_last(results) is None
        with file_lock.driver_lock(made.files.lock, "Study made-0"):
            assert begun_last(results) == "made-0"


def test_a_database_that_its_search_is_making_may_be_unreadable(
    location: StudyLocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    location.folder.mkdir()
    answers: list[tuple[int, str] | StorageError] = [StorageError("It is locked."), (0, "2026-11-29")]

    def newest(_: StudyLocation) -> tuple[int, str]:
        answer = answers.pop(0)
        if isinstance(answer, StorageError):
            raise answer
        return answer

    monkeypatch.setattr("search.following.beginning.newest_event", newest)
    with file_lock.driver_lock(location.files.lock, "Study fake-0"):
        assert awaited(location, lambda: False) == (True, [TOLD])
    answers.append(StorageError("It is damaged."))
    with pytest.raises(StorageError, match="damaged"):
        awaited(location, never)
