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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from search import canonical_json
from search.errors import OtherVersionError, StorageError, StudyLockedError, UsageError
from search.event_log.events import Columns, Created, Event, OfTrial, format_of, from_row, to_row
from search.messages import in_a_sentence
from search.stored_fields import check_format

if TYPE_CHECKING:
    Row = sa.Row[*tuple[Any, ...]]

T = TypeVar("T")
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
    sa.Column("chain", sa.String(64), nullable=False),
)


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

    rows: Sequence[Mapping[str, Any]]  # the columns of the events before the damage
    events: Sequence[Event]  # the same events
    lost: Sequence[Event]  # the events after them that can be read, damaged ones among them
    unread: int  # how many more events there were, at least


class EventLog:
    """The events of one study, in a database."""

    def __init__(
        self,
        engine: Engine,
        study: str,
        *,
        end: LogEnd | None = None,
        advice: str = "restore its database",
    ) -> None:
        """Open a log.

        Args:
            engine: its database.
            study: the study's name there.
            end: where the log ended when its last driver did; None if that is not known.
            advice: what to do about damage, as the end of a sentence.
        """
        self._engine = engine
        self._study = study
        self._end = end
        self._advice = advice
        self._length = 0
        self._last = ""
        """Checksum of the last event."""

    @property
    def end(self) -> LogEnd | None:
        """Where the log ends that was read or written here; None if it has no event."""
        return LogEnd(events=self._length, chain=self._last) if self._length else None

    def make_table(self) -> bool:
        """Make the table if it is missing, and return whether it was."""
        with self._engine.begin() as connection:
            is_there = sa.inspect(connection).has_table(_events.name)
            _metadata.create_all(connection)
            return not is_there

    def append(self, event: Event) -> None:
        """Write one event; when this returns, it has happened.

        Raises:
            UsageError: it could not be read back, because custom code gave a value that no event may hold.
        """
        columns = {"study": self._study, "seq": self._length, **readable(event)._asdict()}
        payload = columns.pop("payload")
        columns |= {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "payload": payload}
        chain = link(self._last, columns.values())
        with self._engine.begin() as connection:
            self._check_last(connection)
            connection.execute(_events.insert(), {**columns, "chain": chain})
        self._length += 1
        self._last = chain

    def restore(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write the first events of a damaged log, as `salvage` returned them, into a table without any."""
        with self._engine.begin() as connection:
            connection.execute(_events.insert(), [*rows])

    def _check_last(self, connection: Connection) -> None:
        last = sa.and_(_events.c.study == self._study, _events.c.seq == self._length - 1)
        if self._length and connection.scalar(sa.select(_events.c.seq).where(last)) is None:
            raise StudyLockedError(f"Study {self._study} was removed while it was searched; this search stops.")

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
            OtherVersionError: another version wrote them.
            StorageError: one is missing or damaged, so that those after it mean nothing.
        """
        rows = self._rows()
        events = [*self._believed(rows)]
        if self._end is not None and len(events) < self._end.events:
            raise self._lacks(len(events), " and all after it")
        self._length, self._last = len(events), rows[-1].chain if rows else ""
        return events

    def since(self, seq: int) -> list[Event]:
        """Return the events from number `seq` on, in order, if those before were read earlier; errors as in `read`."""
        if not seq:
            return self.read()
        before, *rows = self._rows(seq - 1) or (None,)
        if before is None:
            return []
        if before.seq != seq - 1:
            raise self._lacks(seq - 1)
        return [*self._believed(rows, seq, before.chain)]

    def first(self) -> Event | None:
        """Return the event with which the study begins, if there is one; errors as in `read`."""
        rows = self._rows(most=1)
        if self._end is not None and not rows:
            raise self._lacks(0, " and all after it")
        return next(self._believed(rows), None)

    def salvage(self) -> Salvage:
        """Return what can be read of a log in SQLite, although a part of it, or of the file, is damaged."""
        rows = [*_until(sa.exc.DatabaseError, self._scanned())]
        events = [*_until(StorageError, self._believed(rows))]
        whole = len(events)
        lost = [event for row in rows[whole:] if (event := _event_in(row)) is not None]
        length = max(len(rows), 0 if self._end is None else self._end.events)
        return Salvage(
            rows=[row._asdict() for row in rows[:whole]], events=events, lost=lost, unread=length - whole - len(lost)
        )

    def _scanned(self) -> Iterator[Row]:
        """Yield the rows in the order in which they were written, without SQLite's index, which may be damaged, too."""
        with self._engine.connect() as connection:
            ours = sa.literal_column("+study") == self._study  # the plus sign keeps SQLite from its index
            yield from connection.execute(sa.select(_events).where(ours))

    def _rows(self, since: int = 0, most: int | None = None) -> Sequence[Row]:
        """Return the rows of the events from number `since` on.

        Raises:
            OtherVersionError: the table is of a version whose events had no checksums.
        """
        with self._engine.connect() as connection:
            if not sa.inspect(connection).has_table(_events.name):
                return []
            # Not by reflection, which on a server is several queries for each read of a study.
            columns = connection.execute(sa.select(sa.text("*")).select_from(_events).limit(0)).keys()
            if "chain" not in columns:
                check_format(1, f"Study {self._study}")
            ours = sa.and_(_events.c.study == self._study, _events.c.seq >= since)
            return connection.execute(sa.select(_events).where(ours).order_by(_events.c.seq).limit(most)).all()

    def _believed(self, rows: Iterable[Row], since: int = 0, before: str = "") -> Iterator[Event]:
        """Yield the events of rows; `before` is the checksum before the first."""
        for seq, row in enumerate(rows, since):
            _, found, kind, time, trial, external, _, payload, chain = row  # by names it would take five times as long
            if found != seq:
                raise self._lacks(seq)
            if seq == 0 and isinstance(payload, str) and (written := format_of(payload)) is not None:
                # Before all else: in another format this version would find damage that is not there.
                check_format(written, f"Study {self._study}")
            if chain != link(before, row[:-1]) or not self._ends_as_noted(seq, chain):
                raise StorageError(f"Event {seq} of study {self._study} is damaged; {self._advice}.")
            before = chain
            yield self._understood(seq, kind, time, trial, external, payload)

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

    def _ends_as_noted(self, seq: int, chain: str) -> bool:
        """Return whether an event is not the one with which the last driver ended, or has its checksum."""
        return self._end is None or seq != self._end.events - 1 or chain == self._end.chain

    def _lacks(self, seq: int, more: str = "") -> StorageError:
        return StorageError(f"The event log of study {self._study} lacks event {seq}{more}; {self._advice}.")


def _event_in(row: Row) -> Event | None:
    """Return the event of a row that may be damaged; None if it holds none."""
    try:
        return from_row(row.kind, row.time, row.trial, row.external, row.payload)
    except (ValueError, OtherVersionError):
        return None


def _until(fault: type[Exception], values: Iterable[T]) -> Iterator[T]:
    """Yield values as long as they can be had without a fault of this kind."""
    with contextlib.suppress(fault):
        yield from values


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


def studies(engine: Engine) -> list[tuple[str, str]]:
    """Return the name of every study in the database and when its last event was written (UTC, ISO 8601)."""
    if not sa.inspect(engine).has_table(_events.name):
        return []
    last = sa.select(_events.c.study, sa.func.max(_events.c.seq).label("seq")).group_by(_events.c.study).subquery()
    is_last = sa.and_(_events.c.study == last.c.study, _events.c.seq == last.c.seq)
    query = sa.select(_events.c.study, _events.c.at).join(last, is_last)  # by the index: payloads are not read
    with engine.connect() as connection:
        return [(str(name), str(at)) for name, at in connection.execute(query).all()]
