"""PostgreSQL as a study's database: connections that notice outages, and the lock that keeps a study to one driver."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from search.database import file_lock
from search.database.urls import is_postgresql, resolved
from search.errors import StudyLockedError
from search.messages import first_line

_CONNECTING = {
    "application_name": "mnist-bench",
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""Options of libpq. A dead connection is noticed within about a minute: 30 s idle, then 3 probes of 10 s each.

Unacknowledged data are given up after 30 s. Without the options, Linux retransmits for about a quarter of an hour.
"""
_NOTICING = {
    "tcp_keepalives_idle": 30,
    "tcp_keepalives_interval": 10,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""The same on the server's side. By default Linux sends the first keep-alive after two hours, and until then the server
would keep the lock of a machine that has lost power."""

_READ_ONLY = "25006"
"""SQLSTATE of a write to a read-only server, as a demoted primary is during a fail-over."""

_metadata = sa.MetaData()
_drivers = sa.Table(
    "search_drivers",
    _metadata,
    sa.Column("study", sa.String(128), primary_key=True),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("since", sa.String(32), nullable=False),  # UTC, for people
)
# objsubid 1 marks a key of 64 bits, which pg_locks shows in two halves; 2 would be a key of twice 32 bits.
_IS_HELD = sa.text(
    "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database "
    "WHERE datname = current_database() AND locktype = 'advisory' AND objsubid = 1 AND granted "
    "AND classid::bigint = :high AND objid::bigint = :low)"
)


class Away(ConnectionError):
    """The server cannot be reached or cannot work now; the same operation may succeed later."""


def connecting(url: str) -> dict[str, Any]:
    """Return our connection options, without those that the URL sets itself; none for other databases."""
    if not is_postgresql(url):
        return {}
    in_url = sa.make_url(url).query
    return {key: value for key, value in _CONNECTING.items() if key not in in_url}


def tell_outages(engine: Engine) -> None:
    """Make a PostgreSQL engine raise `Away` instead of SQLAlchemy's errors when the server is out of reach.

    Optuna repeats some writes by itself after an error that it knows. If the first try was committed, the trial would
    exist twice. It does not know `Away`, so `search/driver/outages.py` alone decides about a second try.
    """
    if engine.dialect.name == "postgresql":
        sa.event.listen(engine, "handle_error", _away)


def _away(context: sa.engine.ExceptionContext) -> Away | None:
    error = context.original_exception
    is_read_only = getattr(error, "sqlstate", None) == _READ_ONLY
    if is_read_only or context.is_disconnect or isinstance(context.sqlalchemy_exception, sa.exc.OperationalError):
        return Away(first_line(error))
    return None


@contextlib.contextmanager
def making_tables(url: str) -> Iterator[None]:
    """Let one process at a time create tables in a PostgreSQL database; does nothing for SQLite.

    Where two sessions create the same table at once, one of them fails. SQLite locks the whole file by itself.
    """
    if not is_postgresql(url):
        yield
        return
    # In a session of our own, because the tables are created by Optuna in one that we cannot get at.
    with contextlib.closing(_Session(url)) as session, session.open().begin():
        wait_to_make_tables(session.connection)
        yield


def wait_to_make_tables(connection: Connection) -> None:
    """Wait until no other process creates tables, and make others wait until this transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_key("tables", ""))))


class _Session:
    """One session of the server, which is never silently replaced by another.

    The session is the lock. SQLAlchemy by itself would reconnect after an error, and the lock would be gone unnoticed.
    """

    def __init__(self, url: str) -> None:
        url = resolved(url)
        self._engine = sa.create_engine(url, connect_args=connecting(url), poolclass=sa.pool.NullPool)
        tell_outages(self._engine)
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        """The open connection.

        Raises:
            Away: the connection was lost. SQLAlchemy would open another one, which does not hold the lock.
        """
        if self._connection is None or self._connection.invalidated:
            raise Away("the connection to the database was lost")
        return self._connection

    def open(self) -> Connection:
        """Close the connection, if there is one, and open a new one."""
        self.close()
        self._connection = self._engine.connect()
        return self._connection

    def close(self) -> None:
        """Close the connection, whatever its state."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()  # close() alone would first roll back, over a wire that may be dead
            connection.close()


class StudyLock:
    """The lock on one study: an advisory lock of one PostgreSQL session, held as long as the session lives.

    The event log is written in the same session. A driver that has lost the lock cannot write any more. A driver that
    takes the lock again knows that its former session has ended: its transaction there is committed or rolled back.
    """

    def __init__(self, url: str, study: str) -> None:
        self._session = _Session(url)
        self._study = study
        self._signature = file_lock.signature()
        self._was_held = False

    @property
    def connection(self) -> Connection:
        """The connection that holds the lock.

        Raises:
            Away: the connection was lost, and the lock with it.
        """
        return self._session.connection

    def take(self) -> None:
        """Take the lock in a new session and write this driver's signature next to it.

        Raises:
            StudyLockedError: another driver holds the lock; the message names its process.
            Away: the server is out of reach, or has not noticed yet that this driver's former session is dead.
        """
        # A session's lock lives as long as the session: a driver that is killed lets go of it with its connection, and
        # no process has to judge from a time stamp whether it is dead. But a transaction's lock would end with each
        # write.
        connection = self._session.open()
        # The settings and the lock outlive the transaction; they end with the session.
        with connection.begin():
            for name, value in _NOTICING.items():
                connection.execute(sa.text(f"SET {name} = {value}"))
            # Without waiting: a second driver then reports who holds the lock instead of hanging.
            if not connection.scalar(sa.select(sa.func.pg_try_advisory_lock(_key("driver", self._study)))):
                self._refuse(connection)
        with connection.begin():
            self._sign(connection)
        self._was_held = True

    def forget(self) -> None:
        """Remove the signature of a study that is being removed."""
        with self.connection.begin():
            self._strike_out(self.connection)

    def release(self) -> None:
        """Release the lock by ending the session."""
        self._session.close()

    def _refuse(self, connection: Connection) -> None:
        # After an outage the server may keep our own dead session, and its lock, for up to a minute (see `_NOTICING`).
        signed = _signed(connection, self._study)
        if self._was_held and signed == self._signature:
            raise Away("the server has not noticed yet that the connection was lost")
        raise StudyLockedError(
            f"Study {self._study} is in use by {file_lock.in_words(signed)}; wait for it or stop it."
        )

    def _sign(self, connection: Connection) -> None:
        wait_to_make_tables(connection)
        _metadata.create_all(connection)
        self._strike_out(connection)
        connection.execute(_drivers.insert(), {"study": self._study, **self._signature})

    def _strike_out(self, connection: Connection) -> None:
        connection.execute(_drivers.delete().where(_drivers.c.study == self._study))


@contextlib.contextmanager
def driver_lock(url: str, study: str) -> Iterator[StudyLock | None]:
    """Hold the lock on a study in PostgreSQL during the block; yields None for other databases.

    Raises:
        StudyLockedError: another driver holds the lock; the message names its process.
    """
    if not is_postgresql(url):
        yield None
        return
    held = StudyLock(url, study)
    try:
        held.take()
        yield held
    finally:
        held.release()


def holder(engine: Engine, study: str) -> str | None:
    """Return who holds the lock on a study, as `file_lock.in_words` puts it, or None if it is free."""
    unsigned = _key("driver", study) % 2**64  # pg_locks shows the key as two unsigned halves
    with engine.connect() as connection:
        if not connection.scalar(_IS_HELD, {"high": unsigned >> 32, "low": unsigned % 2**32}):
            return None
        return file_lock.in_words(_signed(connection, study))


def signed(engine: Engine, study: str) -> Mapping[str, Any] | None:
    """Return the signature of the process that holds the lock on a study; None if it is free."""
    if holder(engine, study) is None:
        return None
    with engine.connect() as connection:
        return _signed(connection, study)


def _signed(connection: Connection, study: str) -> dict[str, Any]:
    if not sa.inspect(connection).has_table(_drivers.name):
        return {}
    row = connection.execute(_drivers.select().where(_drivers.c.study == study)).mappings().first()
    return {} if row is None else {key: row[key] for key in ("host", "pid", "since")}


def _key(purpose: str, study: str) -> int:
    """Return the key of an advisory lock: 64 bits of a hash, signed, as PostgreSQL's bigint."""
    digest = hashlib.sha256(f"mnist-bench {purpose} {study}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
