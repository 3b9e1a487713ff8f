"""The page of one study in its file, which is replaced whole each time it is written."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from pathlib import Path

from mnist_bench.live_page import html
from mnist_bench.live_page.page_content import Freshness, PageState, content_of
from mnist_bench.studies import is_foreign, validated
from search.driver import Progress
from search.errors import UsageError
from search.files import atomic_write, write_named
from search.following import FollowedStudy
from search.study import StoredStudy

LEAST = 2.0
"""Seconds between two pages, at least."""
REST = 100
"""The time between two pages is this many times the processor's time for the last one: pages take 1% of one core."""
HEARTBEAT = 10.0
"""Seconds after which a page is written although nothing has happened, so that a dead search can be told from a slow
one."""
MISSED = 3
"""Pages that may stay away before a reader is told that the search may be dead."""
PLOTS = 600.0
"""Seconds for which a page may stay away while plots are drawn, which took 28 to 50 s on 2 cores."""
RETRY = 5.0
"""Seconds after which a browser loads the page of a search again that was stopped."""


@dataclass(kw_only=True, slots=True)
class LivePage:
    """The page of a study that is followed."""

    followed: FollowedStudy
    to: Path | None = None
    """Its file; None for report.html in the study's folder."""
    interval: float = field(default=LEAST, init=False)
    """Seconds until the next page; `write` sets them."""
    _written: float = field(default=-math.inf, init=False)

    @property
    def file(self) -> Path:
        """Where the page is written; errors as in `write`."""
        return self._file_of(self.followed.study)

    def look(self) -> bool:
        """Read what is new in the study, and return whether anything is.

        Raises:
            StudyNotFoundError, StorageError: the study was removed, or cannot be read.
        """
        was_live, events = self.followed.is_live, sum(1 for _ in self.followed.look())
        return events > 0 or self.followed.is_live != was_live

    @property
    def state(self) -> PageState:
        """The state of the search, as far as the study shows it."""
        return "running" if self.followed.is_live else self.state_after

    @property
    def state_after(self) -> PageState:
        """The state of the search once no process drives it."""
        return "drawing" if self.followed.has_ended else "paused"

    @property
    def is_due(self) -> bool:
        """Whether the page is to be written although nothing is new."""
        return time.monotonic() >= self._written + HEARTBEAT

    def write(self, progress: Progress | None = None, state: PageState | None = None) -> None:
        """Replace the page.

        Args:
            progress: the figures of the search's own process; None for those of the event log.
            state: the state of the search; None for that which the study shows.

        Raises:
            UsageError: the file cannot be written, or the files in the study's folder are another study's.
            StorageError: the study contains what no search writes, or the file there is a link, a pipe or a device.
        """
        begun, is_first = time.thread_time(), self._written == -math.inf
        study, state = self.followed.study, state or self.state
        file = self._file_of(study)
        if not is_foreign(study.spec):
            validated.believed(study)
        content = content_of(study, progress or self.followed.progress, state, self._freshness(state))
        data = html.render(content).encode()
        try:
            (atomic_write if self.to is None else write_named)(file, data)
        except OSError as error:
            raise UsageError(f"{file}: cannot be written ({error.strerror}).") from error
        self._written = time.monotonic()
        if not is_first:  # which takes ten times as long, for it loads what the others use
            self.interval = max(LEAST, REST * (time.thread_time() - begun))

    def _file_of(self, study: StoredStudy) -> Path:
        return self.to or study.files.report

    def _freshness(self, state: PageState) -> Freshness:
        return Freshness(
            written=time.time(),
            every=RETRY if state == "paused" else self.interval + 0.5,
            quiet=PLOTS if state == "drawing" else MISSED * max(HEARTBEAT, self.interval),
        )
