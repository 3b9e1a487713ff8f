"""An outage of the database is waited out; meanwhile the workers train the periods that surely come."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from search.database.postgres import Away
from search.errors import SearchError, StorageError
from search.event_log.events import Event, trial_of
from search.event_log.log import EventLog
from search.study.optuna_tables import OptunaTables

BEHIND = 1.0  # seconds by which Optuna's tables may be behind the event log
MAX_OUTAGE = 600.0  # seconds that an outage is waited out for
_MAX_PAUSE = 5.0  # how late, at most, a server that is back is noticed


@dataclass(kw_only=True, slots=True)
class Outages:
    """Waits out outages of a PostgreSQL server."""

    longest: float  # seconds after which the search gives up
    meanwhile: Callable[[float], None]  # called with the seconds until the next try
    stopping: Callable[[], bool]
    notice: Callable[[str], None]

    def through(self, write: Callable[[], None], settle: Callable[[], None]) -> None:
        """Write; if the connection breaks, `settle` whether it was written, as soon as the server is back."""
        if _fault(write) is None:
            return
        # It is unknown whether the write came through: the connection may have broken before or after the commit. So it
        # is never just repeated; `settle` looks first, and at once: a single connection breaks now and then.
        since, pause = time.monotonic(), 0.25
        for tries in itertools.count():
            fault, seconds = _fault(settle), time.monotonic() - since
            if fault is None:
                if tries:
                    self.notice(f"The database is back after {seconds:.0f} s; the search continues.")
                return
            if not tries:
                self.notice(
                    f"The database is unreachable ({fault}); the workers continue, and the connection is retried "
                    f"for up to {self.longest:.0f} s."
                )
            if (stopped := self.stopping()) or seconds >= self.longest:
                too_long = f"the database has been unreachable for more than {self.longest:.0f} s"
                reason = "the search was stopped while the database is unreachable" if stopped else too_long
                raise StorageError(
                    f"The study cannot be written: {reason} ({fault}). Nothing written is lost; run the same "
                    "command again when it is back."
                ) from fault
            self.meanwhile(pause)
            pause = min(_MAX_PAUSE, 2 * pause)


@dataclass(kw_only=True, slots=True)
class Recorder:
    """Writes the driver's decisions to the event log and, at most once a second, to Optuna's tables."""

    log: EventLog
    tables: OptunaTables
    outages: Outages | None  # None if the database is a file
    _behind: set[int] = field(default_factory=set)  # trials that the tables do not show as they are
    _shown: float = 0.0  # when the tables were written last

    def append(self, event: Event) -> None:
        """Write an event to the log; when this returns, it has happened."""
        self._write(lambda: self.log.append(event), self.log.settle)

    def show(self, event: Event) -> None:
        """Take note that the tables do not show an event that the history has."""
        if (number := trial_of(event)) is not None:
            self._behind.add(number)
        self.keep_up()

    def keep_up(self) -> None:
        """Write the tables if it is time: each event would take 24 of the 33 ms that a trial takes the driver."""
        if self._behind and time.monotonic() - self._shown >= BEHIND:
            self.catch_up()

    def catch_up(self) -> None:
        """Bring Optuna's tables up to the history."""
        self._write(self._sync, self._sync)
        self._shown = time.monotonic()

    def _sync(self) -> None:
        self.tables.sync(self._behind)
        self._behind.clear()

    def _write(self, write: Callable[[], None], settle: Callable[[], None]) -> None:
        write() if self.outages is None else self.outages.through(write, settle)


def _fault(attempt: Callable[[], None]) -> Away | None:
    """Return the outage by which an attempt failed, or None if it succeeded; other errors come through."""
    try:
        attempt()
    except SearchError:
        raise  # for the user and final (another driver holds the lock, say), also if an outage led to it
    except Exception as error:
        seen: BaseException | None = error
        while seen is not None and not isinstance(seen, Away):  # Optuna's handling of one may fail in turn, and hide it
            seen = seen.__cause__ or seen.__context__
        if seen is None:
            raise
        return seen
    return None
