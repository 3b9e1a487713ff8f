"""The event log: the driver's decisions, in order, written before anything else.

The in-memory study is rebuilt from the log alone; Optuna's own tables follow it (`search.study.optuna_tables`), for
Optuna's command line and dashboard. An event that is in the log has happened; one that is not has not, whatever else
was written before the process died.

Each event has a checksum that covers all its columns and the checksum of the event before it. A changed, lost or moved
event breaks this chain, and a study whose chain breaks is not read. It is a checksum and not a signature: a person who
can write the log can also compute it.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from search import canonical_json
from search.errors import OtherVersionError, StorageError, StudyLockedError, UsageError
from search.event_log.events import Columns, Created, Event, OfTrial, format_of, from_row, to_row
from search.messages import in_a_sentence
from search.stored_fields import check_format

T = TypeVar("T")
Row = tuple[Any, ...]  # the columns of an event: study, seq, kind, time, trial, external, at, payload, chain
_TABLE = """CREATE TABLE search_events (
    study VARCHAR(128) NOT NULL, seq INTEGER NOT NULL, kind VARCHAR(16) NOT NULL, time BIGINT NOT NULL, trial INTEGER,
    external BOOLEAN NOT NULL, at VARCHAR(32) NOT NULL, payload TEXT NOT NULL, chain VARCHAR(64) NOT NULL,
    PRIMARY KEY (study, seq)
)"""  # two drivers cannot both write event 7; `at` is UTC, for people
_INSERT = "INSERT INTO search_events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"


def link(before: str, columns: Iterable[object]) -> str:
    """Return the checksum of an event: SHA-256 over that of the event before it, "" for the first one, and its own
    columns as text, a line each."""
    # No text here holds a line break: canonical JSON escapes it.
    return hashlib.sha256("\n".join(map(_as_text, [before, *columns])).encode()).hexdigest()


def _as_text(value: object) -> str:
    return "" if value is None else str(int(value)) if isinstance(value, bool) else str(value)


@dataclass(frozen=True, kw_only=True, slots=True)
class LogEnd:
    """Where a log ended at some time; later it may be longer."""

    events: int
    chain: str  # checksum of the last of them


@dataclass(frozen=True, kw_only=True, slots=True)
class Salvage:
    """What can be read of a damaged log."""

    rows: Sequence[Row]  # those of the events before the damage
    events: Sequence[Event]  # the same events
    lost: Sequence[Event]  # the events after them that can be read, damaged ones among them
    unread: int  # how many more events there were, at least


class EventLog:
    """The events of one study, in a database."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        study: str,  # its name there
        *,
        end: LogEnd | None = None,  # where the log ended when its last driver did; None if that is not known
        advice: str = "restore its database",  # what to do about damage, as the end of a sentence
    ) -> None:
        self._connection, self._study = connection, study
        self._end, self._advice = end, advice
        self._length = 0
        self._last = ""  # checksum of the last event

    @property
    def end(self) -> LogEnd | None:
        """Where the log ends that was read or written here; None if it has no event."""
        return LogEnd(events=self._length, chain=self._last) if self._length else None

    def make_table(self) -> None:
        """Make the table if it is missing."""
        if not _columns(self._connection):
            self._connection.execute(_TABLE)

    def append(self, event: Event) -> None:
        """Write one event; when this returns, it has happened; UsageError if it could not be read back, because custom
        code gave a value that no event may hold."""
        *columns, payload = readable(event)
        row = [self._study, self._length, *columns, datetime.now(UTC).isoformat(timespec="milliseconds"), payload]
        chain = link(self._last, row)
        last = "SELECT seq FROM search_events WHERE study = ? AND seq = ?"
        with self._connection:
            if self._length and not self._connection.execute(last, (self._study, self._length - 1)).fetchall():
                raise StudyLockedError(f"Study {self._study} was removed while it was searched; this search stops.")
            self._connection.execute(_INSERT, [*row, chain])
        self._length += 1
        self._last = chain

    def restore(self, rows: Sequence[Row]) -> None:
        """Write the first events of a damaged log, as `salvage` returned them, into a table without any."""
        with self._connection:
            self._connection.executemany(_INSERT, rows)

    def newest(self) -> tuple[int, str] | None:
        """Return the number of the newest event, from 0, and when it was written (UTC, ISO 8601), if there is one."""
        if not _columns(self._connection):
            return None
        newest = "SELECT seq, at FROM search_events WHERE study = ? ORDER BY seq DESC LIMIT 1"
        found: tuple[int, str] | None = self._connection.execute(newest, (self._study,)).fetchone()
        return found

    def read(self) -> list[Event]:
        """Return all events in order; further events are appended after them; OtherVersionError if another version
        wrote them; StorageError if one is missing or damaged, so that those after it mean nothing."""
        rows = self._rows()
        events = [*self._believed(rows)]
        if self._end is not None and len(events) < self._end.events:
            raise self._lacks(len(events), " and all after it")
        self._length, self._last = len(events), rows[-1][-1] if rows else ""
        return events

    def first(self) -> Event | None:
        """Return the event with which the study begins, if there is one; errors as in `read`."""
        rows = self._rows(1)
        if self._end is not None and not rows:
            raise self._lacks(0, " and all after it")
        return next(self._believed(rows), None)

    def salvage(self) -> Salvage:
        """Return what can be read of a log in SQLite, although a part of it, or of the file, is damaged."""
        # In the order in which they were written: the plus sign keeps SQLite from its index, which may be damaged, too.
        ours = "SELECT * FROM search_events WHERE +study = ?"
        rows = [*_until(sqlite3.DatabaseError, lambda: self._connection.execute(ours, (self._study,)))]
        events = [*_until(StorageError, lambda: self._believed(rows))]
        whole = len(events)
        lost = [event for row in rows[whole:] if (event := _event_in(row)) is not None]
        length = max(len(rows), 0 if self._end is None else self._end.events)
        return Salvage(rows=rows[:whole], events=events, lost=lost, unread=length - whole - len(lost))

    def _rows(self, most: int = -1) -> Sequence[Row]:
        """Return the rows of the events, at most so many; OtherVersionError if the table is of a version whose events
        had no checksums."""
        if not (columns := _columns(self._connection)):
            return []
        if "chain" not in columns:
            check_format(1, f"Study {self._study}")
        ours = "SELECT * FROM search_events WHERE study = ? AND seq >= 0 ORDER BY seq LIMIT ?"
        return self._connection.execute(ours, (self._study, most)).fetchall()

    def _believed(self, rows: Iterable[Row]) -> Iterator[Event]:
        before = ""
        for seq, row in enumerate(rows):
            _, found, kind, time, trial, external, _, payload, chain = row
            if found != seq:
                raise self._lacks(seq)
            if seq == 0 and isinstance(payload, str) and (written := format_of(payload)) is not None:
                # Before all else: in another format this version would find damage that is not there.
                check_format(written, f"Study {self._study}")
            ends_otherwise = self._end is not None and seq == self._end.events - 1 and chain != self._end.chain
            if chain != link(before, row[:-1]) or ends_otherwise:
                raise StorageError(f"Event {seq} of study {self._study} is damaged; {self._advice}.")
            before = chain
            yield self._understood(seq, kind, time, trial, _truth(external), payload)

    def _understood(self, seq: int, *columns: object) -> Event:
        """Return the event of one row; SQLite keeps values of any type, whatever the type of a column."""
        try:
            event = from_row(*columns)
        except OtherVersionError as error:
            raise OtherVersionError(f"Study {self._study}: {error}.") from error
        except ValueError as error:
            raise not_understood(self._study, seq, error) from error
        if isinstance(event, Created) and event.name != self._study:
            raise not_understood(self._study, seq, "it belongs to another study")
        return event

    def _lacks(self, seq: int, more: str = "") -> StorageError:
        return StorageError(f"The event log of study {self._study} lacks event {seq}{more}; {self._advice}.")


def _event_in(row: Row) -> Event | None:
    """Return the event of a row that may be damaged; None if it holds none."""
    try:
        _, _, kind, time, trial, external, _, payload, _ = row
        return from_row(kind, time, trial, _truth(external), payload)
    except (ValueError, OtherVersionError):
        return None


def _until(fault: type[Exception], values: Callable[[], Iterable[T]]) -> Iterator[T]:
    """Yield values as long as they can be had without a fault of this kind."""
    with contextlib.suppress(fault):
        yield from values()


def readable(event: Event) -> Columns:
    """Return an event's columns, from which it can be read back: what cannot would end all that reads the study, this
    search's next run first; UsageError if it cannot."""
    try:
        return to_row(event)
    except (TypeError, ValueError) as error:
        raise UsageError(_not_kept(event, error)) from None


def _not_kept(event: Event, why: Exception) -> str:
    """Return in a sentence whose values cannot be kept, and which values are possible."""
    if not isinstance(event, OfTrial):
        return (
            f"The study's specification cannot be kept ({why}); the trainer's options and `numerics` "
            "must be plain JSON values."
        )
    if canonical_json.fault(event.attributes) is not None:
        return (
            f"System attributes that a sampler or pruner has set on trial {event.trial} cannot be kept ({why}); they "
            "must be plain JSON values."
        )
    return (
        f"Values from the planner or trainer for trial {event.trial} cannot be kept ({why}); see `search.Plan` and "
        "`search.Report`."
    )


def not_understood(study: str, seq: int, why: object) -> StorageError:
    """Return the error of an event that no search wrote."""
    return StorageError(
        f"Event {seq} of study {study} was not written by a search ({in_a_sentence(why)}); restore its database."
    )


def studies(connection: sqlite3.Connection) -> list[str]:
    """Return the name of every study in a database."""
    if not _columns(connection):
        return []
    return [str(name) for (name,) in connection.execute("SELECT DISTINCT study FROM search_events")]


def _columns(connection: sqlite3.Connection) -> list[str]:
    """Return the names of the table's columns; none if there is no table."""
    return [column[1] for column in connection.execute("PRAGMA table_info(search_events)")]


def _truth(value: object) -> object:
    """Return a truth value as Python has it; any other value as it is."""
    return bool(value) if value in (0, 1) else value
