"""The event log: the driver's decisions, in order, written before anything else.

The in-memory study is rebuilt from the log alone; Optuna's own tables follow it (`search.study.optuna_tables`), for
Optuna's command line and dashboard. An event that is in the log has happened; one that is not has not, whatever else
was written before the process died.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from search import canonical_json
from search.database import StudyLock, wait_to_make_tables
from search.errors import NewerVersionError, StorageError, StudyLockedError, UsageError
from search.event_log import codec
from search.event_log.events import Created, Event
from search.messages import in_a_sentence
from search.stored_fields import check_format

_metadata = sa.MetaData()
_events = sa.Table(
    "search_events",
    _metadata,
    sa.Column("study", sa.String(128), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),  # two drivers cannot both write event 7
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("trial", sa.Integer),
    sa.Column("external", sa.Boolean, nullable=False),
    sa.Column("at", sa.String(32), nullable=False),  # UTC, for people
    sa.Column("payload", sa.Text, nullable=False),
)


class EventLog:
    """The events of one study, in a database; in PostgreSQL they are written in the session that holds the lock."""

    def __init__(self, engine: Engine, study: str, held: StudyLock | None = None) -> None:
        self._engine = engine
        self._study = study
        self._held = held
        self._length = 0
        self._newest: dict[str, Any] = {}
        self._needs = 1
        """The format that the newest event needs."""

    def make_table(self) -> bool:
        """Make the table if it is missing, and return whether it was."""
        with self._engine.begin() as connection:
            wait_to_make_tables(connection)
            is_missing = not sa.inspect(connection).has_table(_events.name)
            _metadata.create_all(connection)
            return is_missing

    def append(self, event: Event) -> None:
        """Write one event; when this returns, it has happened.

        Raises:
            UsageError: it could not be read back, because custom code gave a value that no event may hold.
        """
        row, self._needs = codec.to_row(event), codec.format_needed(event)
        payload = readable(row)
        self._newest = {
            "study": self._study,
            "seq": self._length,
            "kind": row.kind,
            "time": row.time,
            "trial": row.trial,
            "external": row.external,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "payload": payload,
        }
        with self._writing() as connection:
            if self._held is None:  # else no other process writes, and each question would be a way to the server
                self._check_last(connection)
            self._insert(connection)
        self._length += 1

    def settle(self) -> None:
        """Take the lock again after an outage, and see to it that the event appended last is there, once.

        Raises:
            StudyLockedError: another driver has continued the study meanwhile.
            StorageError: the database has lost events.
        """
        if self._held is not None:
            # The lock first: with it in hand, the session before has ended and its transaction with it. So what is read
            # now is what became of the event, and nothing of it can come through later.
            self._held.take()
        with self._writing() as connection:
            if not self._is_there(connection):
                self._insert(connection)
        self._length += 1

    def _insert(self, connection: Connection) -> None:
        """Write the newest event, and in the same transaction the format that it needs."""
        # Events are never written again, but for this one figure: which versions can read a study shows only when the
        # first event comes that an older one does not know, and an older one looks at the first event alone.
        if self._needs > 1:
            first = sa.and_(_events.c.study == self._study, _events.c.seq == 0)
            payload = connection.scalar(sa.select(_events.c.payload).where(first))
            connection.execute(_events.update().where(first).values(payload=codec.raised(str(payload), self._needs)))
        connection.execute(_events.insert(), self._newest)

    def _check_last(self, connection: Connection) -> None:
        last = sa.and_(_events.c.study == self._study, _events.c.seq == self._length - 1)
        if self._length and connection.scalar(sa.select(_events.c.seq).where(last)) is None:
            raise StudyLockedError(f"Study {self._study} was removed while it was searched; this search stops.")

    def _is_there(self, connection: Connection) -> bool:
        """Return whether the newest event is the one after all that were written before it; else those are the last."""
        ours = _events.c.study == self._study
        before = connection.scalar(sa.select(sa.func.count()).where(ours, _events.c.seq < self._length))
        if before != self._length:
            raise StorageError(
                f"The database has lost events of study {self._study}: it has {before}, and {self._length} were "
                "written; the same command continues from those, unless you restore a complete copy first."
            )
        after = connection.execute(_events.select().where(ours, _events.c.seq >= self._length)).mappings().all()
        if after and [dict(row) for row in after] != [self._newest]:
            raise StudyLockedError(
                f"Another driver has continued study {self._study} while the database was unreachable; this one stops, "
                "and nothing is lost."
            )
        return bool(after)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Connection]:
        if self._held is None:
            with self._engine.begin() as connection:
                yield connection
        else:
            # In the session that is the lock, not in one of the engine's pool: a driver that has lost its lock has lost
            # its way to write with it, and cannot write at the same time as the one that holds the lock now.
            with self._held.connection.begin():
                yield self._held.connection

    def begun(self) -> str | None:
        """Return when the first event was written (UTC, ISO 8601); None if there is none."""
        query = sa.select(_events.c.at).where(_events.c.study == self._study, _events.c.seq == 0)
        with self._engine.connect() as connection:
            return connection.scalar(query)

    def remove(self) -> None:
        """Remove all events."""
        with self._writing() as connection:
            connection.execute(_events.delete().where(_events.c.study == self._study))

    def newest(self) -> tuple[int, str] | None:
        """Return the number of the newest event, from 0, and when it was written (UTC, ISO 8601), if there is one."""
        query = sa.select(_events.c.seq, _events.c.at).where(_events.c.study == self._study)
        with self._engine.connect() as connection:
            if not sa.inspect(connection).has_table(_events.name):
                return None
            row = connection.execute(query.order_by(_events.c.seq.desc()).limit(1)).first()
        return None if row is None else (row.seq, row.at)

    def read(self) -> list[Event]:
        """Return all events in order; further events are appended after them.

        Raises:
            NewerVersionError: a newer version wrote them.
            StorageError: one is missing or damaged, so that those after it mean nothing.
        """
        events = self._read(None)
        self._length = len(events)
        return events

    def since(self, seq: int) -> list[Event]:
        """Return the events from number `seq` on, in order; errors as in `read`."""
        return self._read(None, seq)

    def first(self) -> Event | None:
        """Return the event with which the study begins, if there is one; errors as in `read`."""
        return next(iter(self._read(1)), None)

    def _read(self, most: int | None, since: int = 0) -> list[Event]:
        columns = (
            _events.c.seq,
            _events.c.kind,
            _events.c.time,
            _events.c.trial,
            _events.c.external,
            _events.c.payload,
        )
        ours = sa.and_(_events.c.study == self._study, _events.c.seq >= since)
        query = sa.select(*columns).where(ours).order_by(_events.c.seq).limit(most)
        with self._engine.connect() as connection:
            if not sa.inspect(connection).has_table(_events.name):
                return []
            rows = connection.execute(query).all()
        return [self._believed(expected, *row) for expected, row in enumerate(rows, since)]

    def _believed(self, expected: int, seq: object, *columns: object) -> Event:
        """Return the event of one row; SQLite keeps values of any type, whatever the type of a column."""
        if seq != expected:
            raise StorageError(f"The event log of study {self._study} lacks event {expected}; restore its database.")
        payload = columns[-1]
        if seq == 0 and isinstance(payload, str):
            # Before all else: in a newer format this version would find damage that is not there.
            check_format(codec.format_of(payload), f"Study {self._study}")
        try:
            event = codec.from_row(*columns)
        except NewerVersionError as error:
            raise NewerVersionError(f"Study {self._study}: {error}.") from error
        except ValueError as error:
            raise not_understood(self._study, expected, error) from error
        if isinstance(event, Created) and event.name != self._study:
            raise not_understood(self._study, expected, "it belongs to another study")
        return event


def readable(row: codec.EventRow) -> str:
    """Return a row's payload as text that can be read back: what cannot would end all that reads the study, this
    search's next run first.

    Raises:
        UsageError: it cannot.
    """
    try:
        return codec.text_of(row)
    except (TypeError, ValueError) as error:
        raise UsageError(_not_kept(row, error)) from None


def _not_kept(row: codec.EventRow, why: Exception) -> str:
    """Return in a sentence whose values cannot be kept, and which values are possible."""
    if row.trial is None:
        return (
            f"The study's specification cannot be kept ({why}); the trainer's options and `numerics` "
            "must be plain JSON values."
        )
    if canonical_json.fault(row.payload["attributes"]) is not None:
        return (
            f"System attributes that a sampler or pruner has set on trial {row.trial} cannot be kept ({why}); they "
            "must be plain JSON values."
        )
    return (
        f"Values from the planner or trainer for trial {row.trial} cannot be kept ({why}); see `search.Plan` and "
        "`search.Report`."
    )


def not_understood(study: str, seq: int, why: object) -> StorageError:
    """Return the error of an event that no search wrote."""
    return StorageError(
        f"Event {seq} of study {study} was not written by a search ({in_a_sentence(why)}); restore its database."
    )


def studies(engine: Engine) -> list[tuple[str, str]]:
    """Return the name of every study in the database and when its last event was written (UTC, ISO 8601)."""
    if not sa.inspect(engine).has_table(_events.name):
        return []
    last = sa.select(_events.c.study, sa.func.max(_events.c.seq).label("seq")).group_by(_events.c.study).subquery()
    is_last = sa.and_(_events.c.study == last.c.study, _events.c.seq == last.c.seq)
    query = sa.select(_events.c.study, _events.c.at).join(last, is_last)  # by the index: payloads are not read
    with engine.connect() as connection:
        return [(str(name), str(at)) for name, at in connection.execute(query).all()]
