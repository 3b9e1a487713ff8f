"""An outage of the database is waited out; meanwhile the workers train the periods that surely come."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from search.database import Away
from search.errors import SearchError, StorageError
from search.event_log import Event, EventLog
from search.study import OptunaTables

MAX_OUTAGE = 600.0
"""Seconds that an outage is waited out for."""
_MAX_PAUSE = 5.0
"""Seconds between two tries: how late, at most, a server that is back is noticed."""


@dataclass(kw_only=True, slots=True)
class Outages:
    """Waits out outages of a PostgreSQL server."""

    longest: float
    """Seconds after which the search gives up."""
    meanwhile: Callable[[float], None]
    """Called with the seconds until the next try."""
    stopping: Callable[[], bool]
    notice: Callable[[str], None]
    """Informs the user."""

    def through(self, write: Callable[[], None], settle: Callable[[], None]) -> None:
        """Write; if the connection breaks, `settle` whether it was written, as soon as the server is back.

        Raises:
            StorageError: it does not come back in time, or the search is to stop before it does.
        """
        if _fault(write) is None:
            return
        # It is unknown whether the write came through: the connection may have broken before or after the commit. So it
        # is never just repeated; `settle` looks first.
        since, told = time.monotonic(), False
        for pause in _pauses():
            fault = _fault(settle)  # the first try follows at once: a single connection breaks now and then
            if fault is None:
                break
            if not told:
                self.notice(
                    f"The database is unreachable ({fault}); the workers continue, and the connection is retried "
                    f"for up to {self.longest:.0f} s."
                )
                told = True
            self._check(time.monotonic() - since, fault)
            # The workers need no decision for the periods that surely come, and train those.
            self.meanwhile(pause)
        if told:
            self.notice(f"The database is back after {time.monotonic() - since:.0f} s; the search continues.")

    def _check(self, seconds: float, fault: Away) -> None:
        if self.stopping():
            reason = "the search was stopped while the database is unreachable"
        elif seconds >= self.longest:
            reason = f"the database has been unreachable for more than {self.longest:.0f} s"
        else:
            return
        raise StorageError(
            f"The study cannot be written: {reason} ({fault}). Nothing written is lost; run the same "
            "command again when it is back."
        ) from fault


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorder:
    """Writes the driver's decisions to the event log and to Optuna's tables."""

    log: EventLog
    tables: OptunaTables
    outages: Outages | None
    """None if the database is a file."""

    def append(self, event: Event) -> None:
        """Write an event to the log; when this returns, it has happened."""
        self._write(lambda: self.log.append(event), self.log.settle)

    def show(self, event: Event) -> None:
        """Write an event to Optuna's tables."""
        self._write(lambda: self.tables.apply(event), lambda: self.tables.complete(event))

    def _write(self, write: Callable[[], None], settle: Callable[[], None]) -> None:
        if self.outages is None:
            write()
        else:
            self.outages.through(write, settle)


def _fault(attempt: Callable[[], None]) -> Away | None:
    """Return the outage by which an attempt failed, or None if it succeeded."""
    try:
        attempt()
    except Exception as error:
        fault = _away(error)
        if fault is None:
            raise
        return fault
    return None


def _away(error: BaseException) -> Away | None:
    """Return the outage that led to an error; Optuna's handling of one may fail in turn, and hide it."""
    # An error for the user is final (another driver holds the lock, say), also if an outage led to it.
    seen: BaseException | None = None if isinstance(error, SearchError) else error
    while seen is not None and not isinstance(seen, Away):
        seen = seen.__cause__ or seen.__context__
    return seen


def _pauses() -> Iterator[float]:
    # The exponent is bounded: 2.0 ** 1024 is an OverflowError, which after 85 minutes of pauses would end the search.
    return (min(_MAX_PAUSE, 0.25 * 2.0 ** min(tries, 10)) for tries in itertools.count())
