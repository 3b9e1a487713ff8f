"""Keep the page of a search up to date from another process than the search's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mnist_bench.live_page.live_page import LivePage
from search.driver import MAX_OUTAGE
from search.following import FollowedStudy, look_until_end
from search.study import StudyLocation


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

    def look() -> None:
        if page.look() or page.is_due:
            page.write()

    left = not look_until_end(page.followed, look, lambda: page.interval, stopping, notice, max_outage)
    return page.followed.has_ended and not left
