"""Keep the page of a search up to date from within its process: a thread writes it, so that the search never waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from mnist_bench.live_page.live_page import HEARTBEAT, LivePage
from mnist_bench.live_page.page_content import PageState
from mnist_bench.report import WrittenReport, write
from search.driver import Header, Observer, Progress
from search.errors import FOREIGN, SearchError
from search.event_log import TrialRecord
from search.following import FollowedStudy
from search.messages import first_line
from search.study import StoredStudy, StudyLocation

PATIENCE = 30.0
"""Seconds that the end of a search waits for a page that is being written, as while a database server is away."""


class PageObserver(Observer):
    """Writes the page of the search that it observes while it is entered.

    An error never ends the search: it is told once, and the next page is tried.
    """

    def __init__(
        self, results: Path, storage: str | None = None, *, notice: Callable[[str], object] = lambda text: None
    ) -> None:
        """Take the place of the study, and a function for the file's name and for the first error."""
        self._results = results
        self._storage = storage
        self._notice = notice
        self._location: StudyLocation | None = None
        self._progress: Progress | None = None
        self._page: LivePage | None = None
        self._has_failed = False
        self._news = threading.Event()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="page", daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Write the last page before the plots, or that of a search that was stopped."""
        self._is_over.set()
        self._news.set()
        if self._location is not None:
            self._thread.join(PATIENCE)
            if not self._thread.is_alive():
                self._write(is_last=True)

    def on_start(self, header: Header) -> None:
        """Begin to write the page."""
        self._location = StudyLocation.of(header.name, self._results, self._storage)
        try:
            self._notice(f"page: {self._location.files.report.absolute().as_uri()}")
        except SearchError as error:  # the file is a link, say
            self._told(error)
        self._thread.start()

    def on_trial(self, trial: TrialRecord) -> None:
        """Write the page soon."""
        self._news.set()

    def on_report(self, trial: TrialRecord) -> None:
        """Write the page soon."""
        self._news.set()

    def on_end(self, trial: TrialRecord) -> None:
        """Write the page soon."""
        self._news.set()

    def on_progress(self, progress: Progress) -> None:
        """Keep the figures for the next page."""
        self._progress = progress

    def finish(
        self, study: StoredStudy, data_dir: Path | None = None, begins: Callable[[str], None] = lambda kind: None
    ) -> WrittenReport | None:
        """Write the report of a search that has ended in the page's place, with plots; None if that fails.

        Args:
            study: the study.
            data_dir: the data set, if it is not the packaged one.
            begins: called with the kind of each plot before it is drawn.
        """
        try:
            return write(study, data_dir=data_dir, begins=begins)
        except SearchError as error:
            self._told(error)
            self._write("ended")
            return None

    def _keep(self) -> None:
        while not self._is_over.is_set():
            self._news.clear()
            self._write()
            written = time.monotonic()
            self._news.wait(HEARTBEAT)
            interval = 0.0 if self._page is None else self._page.interval
            self._is_over.wait(max(0.0, written + interval - time.monotonic()))

    def _write(self, state: PageState | None = None, *, is_last: bool = False) -> None:
        """Write the page; `is_last` if the search does not continue, whether it has ended or was stopped."""
        try:
            if self._page is None and self._location is not None:
                self._page = LivePage(followed=FollowedStudy(self._location))
            if self._page is not None:
                self._page.look()
                # The driver's last figures may be older than the last event.
                progress, state = (None, self._page.state_after) if is_last else (self._progress, state)
                self._page.write(progress, state)
        except FOREIGN as error:  # whatever it is, a page is not worth a search
            self._told(error)

    def _told(self, error: BaseException) -> None:
        if not self._has_failed:
            self._notice(f"The page is not written: {first_line(error)}. The search continues.")
        self._has_failed = True
