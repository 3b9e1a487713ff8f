"""A study that is read while it is searched: its figures are those of the search's own process."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.driver.progress import Observer, Progress
from search.errors import StudyNotFoundError
from search.event_log.events import Event
from search.following.followed_study import FollowedStudy
from search.study.location import StudyLocation
from search.study.studies import driven_since, read_events
from support import search_fake as fake

pytestmark = pytest.mark.usefixtures("log_alone")

ELSEWHERE: dict[str, Any] = {
    "seconds": 0.0,
    "order_cost": 0.0,
    "training": frozenset(),
    "ahead": {},
    "seconds_left": None,
    "workers": 0,
    "lanes": 0,
}
"""What a log does not hold, or that depends on the moment."""


class Both(Observer):
    """Looks at the study from its log whenever the driver tells its progress."""

    def __init__(self, location: StudyLocation) -> None:
        self._location = location
        self._followed: FollowedStudy | None = None
        self.pairs: list[tuple[Progress, Progress]] = []
        self.events: list[Event] = []
        self.lives: set[bool] = set()

    def on_progress(self, progress: Progress) -> None:
        """Keep the driver's figures and the log's."""
        if self._followed is None:
            self._followed = FollowedStudy(self._location)
            self.events += read_events(self._location)
        self.events += self._followed.look()
        self.lives.add(self._followed.is_live)
        self.pairs.append((progress, self._followed.progress))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """Return what was seen of a search of 12 trials."""
    results = tmp_path_factory.mktemp("results")
    both = Both(StudyLocation.of("fake-0", results))
    fake.run(results, goal=12, observer=both, behaviour="claim_time")
    return both


def test_the_log_has_the_figures_of_the_driver(watched: Both) -> None:
    assert len(watched.pairs) > 50
    for driver, log in watched.pairs:
        assert replace(log, **ELSEWHERE) == replace(driver, **ELSEWHERE)
    assert watched.lives == {True}
    assert watched.pairs[-1][1].complete > 0
    assert watched.pairs[-1][1].pruned > 0


def test_each_event_is_read_once(watched: Both) -> None:
    (location,) = {watched._location}
    assert watched.events == read_events(location)


def test_the_time_left_is_foreseen_from_the_same_reports(watched: Both) -> None:
    pairs = [(driver.seconds_left, log.seconds_left) for driver, log in watched.pairs]
    assert [driver is None for driver, _ in pairs] == [log is None for _, log in pairs]
    assert pairs[-1] == (0.0, 0.0)
    assert any(log for _, log in pairs)


def test_as_many_trials_train_as_there_are_workers(watched: Both) -> None:
    for _, log in watched.pairs:
        assert log.training <= {trial.number for trial in log.running}
    assert {len(log.training) for _, log in watched.pairs} == {0, 1}


def test_the_time_left_is_foreseen_once_something_was_reported(watched: Both) -> None:
    pairs = [(driver.seconds_left, log.seconds_left) for driver, log in watched.pairs]
    assert [driver is None for driver, _ in pairs] == [log is None for _, log in pairs]
    assert pairs[-1] == (0.0, 0.0)
    assert any(log for _, log in pairs)


def test_a_search_that_was_stopped_and_is_resumed_is_followed_further(tmp_path: Path) -> None:
    location = StudyLocation.of("fake-0", tmp_path)
    fake.run(tmp_path, goal=8, stopping=fake.StopAfter(20))
    followed = FollowedStudy(location)
    assert (followed.is_live, followed.has_ended) == (False, False)
    assert followed.progress.training == frozenset()
    assert {trial.reason for trial in followed.study.trials if trial.state == "RUNNING"} == {"paused"}
    assert driven_since(location) is None
    fake.run(tmp_path, goal=8)
    assert [*followed.look()] != []
    assert (followed.is_live, followed.has_ended, followed.progress.finished) == (False, True, 8)
    assert followed.study.digest == fake.run(tmp_path / "whole", goal=8).study.digest


def test_the_seconds_of_a_search_stay_when_it_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.run(tmp_path, goal=2)
    drivers = iter(["a process", "a process", None, None])
    monkeypatch.setattr("search.following.followed_study.driver_of", lambda _: next(drivers))
    monkeypatch.setattr("search.following.followed_study.driven_since", lambda _: 1000.0)
    monkeypatch.setattr("time.time", lambda: 1040.0)
    followed = FollowedStudy(StudyLocation.of("fake-0", tmp_path))
    seconds = []
    for now in (1041.0, 1042.0, 1060.0):
        monkeypatch.setattr("time.time", lambda now=now: now)
        list(followed.look())
        seconds.append(followed.progress.seconds)
    assert seconds == [41.0, 42.0, 42.0]


def test_a_study_that_is_removed_is_no_longer_followed(tmp_path: Path) -> None:
    location = StudyLocation.of("fake-0", tmp_path)
    with pytest.raises(StudyNotFoundError, match="No study fake-0"):
        FollowedStudy(location)
    fake.run(tmp_path, goal=2)
    followed = FollowedStudy(location)
    shutil.rmtree(location.folder)
    with pytest.raises(StudyNotFoundError, match="removed while it was followed"):
        [*followed.look()]
