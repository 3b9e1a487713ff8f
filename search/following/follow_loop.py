"""Tell an observer of a search that another process drives."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from search.driver import MAX_OUTAGE, Observer, tell
from search.errors import NewerVersionError, StorageError
from search.following.followed_study import FollowedStudy
from search.study import StudyLocation

PAUSE = 1.0
"""Seconds between two looks."""

FollowEnd = Literal["ended", "paused", "left"]
"""How following ends: the search has ended; or no process searches although it has not; or the follower was asked to
stop."""


def follow(
    location: StudyLocation,
    observer: Observer,
    stopping: Callable[[], bool] = lambda: False,
    *,
    pause: float = PAUSE,
    max_outage: float = MAX_OUTAGE,
) -> FollowEnd:
    """Tell an observer about a search as its own process would, from now on until the search ends or is stopped.

    What happened before is in the progress, and is not told. Nothing is written.

    Args:
        location: where the study is.
        observer: what is told.
        stopping: asked between two looks.
        pause: seconds between two looks.
        max_outage: seconds for which a database that cannot be read is tried again.

    Raises:
        StudyNotFoundError: there is no such study, or it was removed.
        NewerVersionError: a newer version searches it.
        StorageError: its database cannot be read.
    """
    followed = FollowedStudy(location)
    observer.on_start(followed.header)
    observer.on_progress(followed.progress)

    def look() -> None:
        for event in followed.look():
            tell(observer, event, followed.history)
        observer.on_progress(followed.progress)

    if not look_until_end(followed, look, lambda: pause, stopping, observer.on_notice, max_outage):
        return "left"
    return "ended" if followed.has_ended else "paused"


def look_until_end(
    followed: FollowedStudy,
    look: Callable[[], object],
    pause: Callable[[], float],
    stopping: Callable[[], bool],
    notice: Callable[[str], object],
    max_outage: float = MAX_OUTAGE,
) -> bool:
    """Look at a study again and again until no process searches it; return False if `stopping` ended that earlier.

    Args:
        followed: the study.
        look: takes in what is new.
        pause: returns the seconds until the next look.
        stopping: asked between two looks.
        notice: called if the database cannot be read for a while.
        max_outage: seconds for which it is tried again.

    Raises:
        StudyNotFoundError, NewerVersionError: as `look`.
        StorageError: the database cannot be read.
    """
    readable_at = time.monotonic()
    while followed.is_live:
        if waited(pause(), stopping):
            return False
        try:
            look()
            readable_at = time.monotonic()
        except NewerVersionError:
            raise
        except StorageError as error:
            if time.monotonic() - readable_at > max_outage:
                raise
            notice(f"{error} It is tried again.")
    return True


def waited(seconds: float, stopping: Callable[[], bool]) -> bool:
    """Wait, and return whether the follower is to stop."""
    end = time.monotonic() + seconds
    while not stopping():
        left = end - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(0.1, left))
    return True
