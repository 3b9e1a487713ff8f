"""A study that is read again and again while another process may search it; each look reads only the new events."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace

from search.driver import Header, Meter, Progress, WorkerTime, expected_survivors
from search.errors import StudyNotFoundError
from search.event_log import Event, History, Reported
from search.study import (
    StoredStudy,
    StudyLocation,
    StudySpec,
    driven_since,
    driver_of,
    has_its_folder,
    newest_event,
    no_such_study,
    read_events,
    stored_history,
)

RECENT = 4
"""Reports per concurrent trial, from the newest back, whose workers are counted as those at work."""


class FollowedStudy:
    """A study as its event log has it at each look.

    What the log does not hold is inferred: the workers from the newest reports, and the trials that train now from the
    order in which a search gives its periods to workers.
    """

    def __init__(self, location: StudyLocation) -> None:
        """Look for the first time.

        Raises:
            StudyNotFoundError: there is no such study.
            NewerVersionError: a newer version searches it.
            StorageError: its database cannot be read.
        """
        self.location = location
        self.is_live = driver_of(location) is not None
        """Whether a process searched it just before the last look."""
        events = read_events(location)
        if not events:
            raise no_such_study(location)
        self._history = stored_history(events)
        self._since = driven_since(location)
        self._until = time.time()
        """When it was found searched for the last time, if it is no longer searched."""
        self._owns_folder = has_its_folder(location)
        self._spec = StudySpec.from_json(self._history.spec)
        self._workers = _LoggedWorkers(self._history, self._spec.slots)
        self._meter = Meter(self._history, self._workers, expected_survivors(self._spec, self._history.goal))
        for event in events:
            self._count(event)

    def look(self) -> Iterator[Event]:
        """Read the events that were written since the last look, and yield each when the study includes it.

        Raises:
            StudyNotFoundError: the study was removed.
            NewerVersionError, StorageError: as for the first look.
        """
        # Asked before the events are read: those that a process wrote before it ended are then among them.
        was_live, self.is_live = self.is_live, driver_of(self.location) is not None
        if was_live:
            self._until = time.time()
        if self.is_live and not was_live:
            self._since = driven_since(self.location)
        events = read_events(self.location, since=self._history.seq)
        if not events and not self._is_whole():
            raise StudyNotFoundError(f"Study {self.location.name} was removed while it was followed.")
        for event in events:
            self._history.apply(event)
            self._count(event)
            yield event

    @property
    def study(self) -> StoredStudy:
        """The study as it is now."""
        record = replace(self._history.record(live=self.is_live), name=self.location.name)
        return StoredStudy.of(record, self.location, owns_folder=self._owns_folder)

    @property
    def header(self) -> Header:
        """The facts about the search; of its workers, those that have reported, 0 before the first report."""
        return Header(
            name=self.location.name,
            spec=self._spec,
            workers=self._workers.time.workers,
            goal=self._history.goal,
            resumed=False,
        )

    @property
    def progress(self) -> Progress:
        """The search at the moment; its seconds are those since the process that searches took the study up.

        They stay as they were when that process has left.
        """
        read = replace(self._meter.read(), seconds=self._seconds())
        return read if self.is_live else replace(read, training=frozenset(), seconds_left=None)

    @property
    def history(self) -> History:
        """All that has happened, as of the last look."""
        return self._history

    @property
    def has_ended(self) -> bool:
        """Whether the search has reached its trial budget, or a rule has ended it."""
        return self._history.next_slot() is None

    def _seconds(self) -> float:
        if self._since is None:
            return 0.0
        return max(0.0, (time.time() if self.is_live else self._until) - self._since)

    def _is_whole(self) -> bool:
        newest = newest_event(self.location)
        return newest is not None and newest[0] + 1 >= self._history.seq

    def _count(self, event: Event) -> None:
        if isinstance(event, Reported):
            self._meter.count(self._history.trials[event.trial].costs[event.period - 1], event.report)
            self._workers.take(event.report.worker)


class _LoggedWorkers:
    """The workers of a search as its log shows them, for those who have no dispatcher."""

    def __init__(self, history: History, slots: int) -> None:
        self._history = history
        self._recent: deque[int | None] = deque(maxlen=RECENT * slots)

    def take(self, worker: int | None) -> None:
        """Take in the worker of the newest report."""
        self._recent.append(worker)

    @property
    def time(self) -> WorkerTime:
        """The workers that reported lately; how long they waited is not in the log."""
        lanes = len({worker for worker in self._recent if worker is not None})
        return WorkerTime(workers=lanes, lanes=max(1, lanes))

    def at_work(self) -> frozenset[int]:
        """Return as many running trials as there are workers: those whose next periods begin first."""
        undecided = [trial for trial in self._history.running() if not self._history.is_decided(trial.number)]
        first = sorted(undecided, key=lambda trial: trial.end_of(len(trial.reports)))
        return frozenset(trial.number for trial in first[: self.time.lanes])

    def ahead(self) -> Mapping[int, int]:
        """Return nothing: the log does not hold periods whose turn has not come."""
        return {}
