"""Keep the page of a search up to date from another process than the search's."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from mnist_bench.live_page.live_page import LivePage
from search.driver import MAX_OUTAGE
from search.errors import NewerVersionError, StorageError
from search.following import FollowedStudy
from search.study import StudyLocation

TICK = 0.1
"""Seconds between two questions whether to stop."""


def follow_page(
    location: StudyLocation,
    *,
    to: Path | None = None,
    stopping: Callable[[], bool] = lambda: False,
    notice: Callable[[str], object] = lambda text: None,
    max_outage: float = MAX_OUTAGE,
) -> bool:
    """Write the page of a study until its search ends or stops; return whether it has ended, and was not stopped.

    Args:
        location: where the study is.
        to: the file; None for report.html in the study's folder.
        stopping: asked all the time whether to stop following.
        notice: called if the database cannot be read for a while.
        max_outage: seconds for which it is tried again.

    Raises:
        StudyNotFoundError: there is no such study, or it was removed.
        UsageError: the file cannot be written.
        StorageError: the database cannot be read.
    """
    page = LivePage(followed=FollowedStudy(location), to=to)
    page.write()
    readable_at = time.monotonic()
    while page.followed.is_live:
        if _waited(page.interval, stopping):
            return False
        try:
            if page.look() or page.is_due:
                page.write()
            readable_at = time.monotonic()
        except NewerVersionError:
            raise
        except StorageError as error:
            if time.monotonic() - readable_at > max_outage:
                raise
            notice(f"{error} It is tried again.")
    return page.followed.has_ended


def _waited(seconds: float, stopping: Callable[[], bool]) -> bool:
    """Wait, and return whether to stop."""
    end = time.monotonic() + seconds
    while not stopping():
        left = end - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(TICK, left))
    return True
