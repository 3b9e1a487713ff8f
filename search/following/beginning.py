"""A search whose first event is not written yet."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from search.errors import StorageError
from search.following.follow_loop import waited
from search.study import ResultsFolder, StudyLocation, can_name_a_study, driver_of, newest_event

GRACE = 10.0
"""Seconds for which a study is waited for that has a folder, but neither events nor a process that searches it."""
PAUSE = 0.5
"""Seconds between two looks."""


def await_beginning(
    location: StudyLocation,
    stopping: Callable[[], bool],
    notice: Callable[[str], object],
    *,
    grace: float = GRACE,
    pause: float = PAUSE,
) -> bool:
    """Wait for the first event of a study whose search has only begun; return False if `stopping` ended that.

    Workers start before that event, which takes some seconds. A study that is not there is not waited for.

    Args:
        location: where the study is to be.
        stopping: asked between two looks.
        notice: called once, if there is something to wait for.
        grace: seconds for which a folder without a process that searches is waited for.
        pause: seconds between two looks.

    Raises:
        StorageError: the database cannot be read.
    """
    end, was_driven, has_told = time.monotonic() + grace, False, False
    while True:
        is_driven = driver_of(location) is not None  # asked first: what its process wrote before it ended is then read
        may_begin = is_driven or (location.folder.is_dir() and not was_driven and time.monotonic() < end)
        if not may_begin or _has_events(location, is_driven=is_driven):
            return True
        if not has_told:
            notice(f"The search of {location.name} has only begun; its first event is waited for.")
        was_driven, has_told = was_driven or is_driven, True
        if waited(pause, stopping):
            return False


def begun_last(results: Path) -> str | None:
    """Return the name of a study in a folder that is searched and has no event yet; None if there is none.

    Raises:
        StorageError: a lock cannot be read.
    """
    names = [folder.path.name for folder in ResultsFolder(results).with_database()]
    locations = [StudyLocation.of(name, results) for name in names if can_name_a_study(name)]
    driven = [location for location in locations if driver_of(location) is not None]
    begun = [location.name for location in driven if not _has_events(location, is_driven=True)]
    return begun[-1] if begun else None


def _has_events(location: StudyLocation, *, is_driven: bool) -> bool:
    try:
        return newest_event(location) is not None
    except StorageError:
        if is_driven:  # the process may be making the tables, with the database locked
            return False
        raise
