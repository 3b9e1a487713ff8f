"""PostgreSQL as a study's database: how it is connected to, and the lock that a study's one driver holds there."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
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
"""Options of libpq: a connection that goes nowhere is noticed within about a minute, not after a quarter of an hour."""
_NOTICING = {
    "tcp_keepalives_idle": 30,
    "tcp_keepalives_interval": 10,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""The same for the server, which otherwise keeps the lock of a machine that is gone for two hours."""

_READ_ONLY = "25006"
"""PostgreSQL's code (SQLSTATE) of a server that another one is about to replace."""

_metadata = sa.MetaData()
_drivers = sa.Table(
    "search_drivers",
    _metadata,
    sa.Column("study", sa.String(128), primary_key=True),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("since", sa.String(32), nullable=False),  # UTC, for people
)
_IS_HELD = sa.text(
    "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database "
    "WHERE datname = current_database() AND locktype = 'advisory' AND objsubid = 1 AND granted "
    "AND classid::bigint = :high AND objid::bigint = :low)"
)


class Away(ConnectionError):
    """The server cannot be reached, or cannot work now: the same may be tried again later."""


def connecting(url: str) -> dict[str, Any]:
    """Return the options of a connection that the URL, as `resolved`, does not give; none for other databases."""
    if not is_postgresql(url):
        return {}
    given = sa.make_url(url).query
    return {key: value for key, value in _CONNECTING.items() if key not in given}


def tell_outages(engine: Engine) -> None:
    """Let an engine of PostgreSQL raise `Away` where others raise their driver's errors.

    Optuna tries some writes again by itself where it knows the error; a trial could be there twice.
    """
    if engine.dialect.name == "postgresql":
        sa.event.listen(engine, "handle_error", _away)


def _away(context: sa.engine.ExceptionContext) -> Away | None:
    error = context.original_exception
    is_replaced = getattr(error, "sqlstate", None) == _READ_ONLY
    if is_replaced or context.is_disconnect or isinstance(context.sqlalchemy_exception, sa.exc.OperationalError):
        return Away(first_line(error))
    return None


@contextlib.contextmanager
def making_tables(url: str) -> Iterator[None]:
    """Let one process at a time make tables in a PostgreSQL database; in others it is of no consequence."""
    if not is_postgresql(url):
        yield
        return
    with contextlib.closing(_Session(url)) as session, session.open().begin():
        wait_to_make_tables(session.connection)
        yield


def wait_to_make_tables(connection: Connection) -> None:
    """Wait until no other process makes tables, and keep others waiting until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_key("tables", ""))))


class _Session:
    """One session of the server, opened anew where it broke, and never another one unnoticed."""

    def __init__(self, url: str) -> None:
        url = resolved(url)
        self._engine = sa.create_engine(url, connect_args=connecting(url), poolclass=sa.pool.NullPool)
        tell_outages(self._engine)
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        """Return the open connection.

        Raises:
            Away: there is none; SQLAlchemy would open another by itself.
        """
        if self._connection is None or self._connection.invalidated:
            raise Away("the connection to the database was lost")
        return self._connection

    def open(self) -> Connection:
        """Open a connection in place of the one there was."""
        self.close()
        self._connection = self._engine.connect()
        return self._connection

    def close(self) -> None:
        """Close the connection, in whatever state it is."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()


class StudyLock:
    """The lock on one study: an advisory lock of one session of the server, held for as long as that session lives.

    What only its holder may write is written in that session. So a driver that has lost the lock cannot write; and one
    that has taken it again finds settled whatever the session before had begun, for that has ended.
    """

    def __init__(self, url: str, study: str) -> None:
        self._session = _Session(url)
        self._study = study
        self._signature = file_lock.signature()
        self._was_held = False

    @property
    def connection(self) -> Connection:
        """The session that holds the lock.

        Raises:
            Away: it broke.
        """
        return self._session.connection

    def take(self) -> None:
        """Take the lock in a new session, and sign.

        Raises:
            StudyLockedError: another driver holds it; the text names the process.
            Away: the server has not noticed yet that this driver's former session broke.
        """
        connection = self._session.open()
        with connection.begin():
            for name, value in _NOTICING.items():
                connection.execute(sa.text(f"SET {name} = {value}"))
            if not connection.scalar(sa.select(sa.func.pg_try_advisory_lock(_key("driver", self._study)))):
                self._refuse(connection)
        with connection.begin():
            self._sign(connection)
        self._was_held = True

    def forget(self) -> None:
        """Remove the signature, for a study that is no more."""
        with self.connection.begin():
            self._strike_out(self.connection)

    def release(self) -> None:
        """Let go of the lock."""
        self._session.close()

    def _refuse(self, connection: Connection) -> None:
        signed = _signed(connection, self._study)
        if self._was_held and signed == self._signature:
            raise Away("the server has not noticed yet that the connection was lost")
        raise StudyLockedError(
            f"Study {self._study} is being worked on by {file_lock.in_words(signed)}; wait for it or stop it."
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
    """Hold the lock on a study in PostgreSQL; other databases have none, and None stands for it.

    Raises:
        StudyLockedError: another driver holds it; the text names the process.
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
    """Return in words who holds the lock on a study, None where nobody does."""
    unsigned = _key("driver", study) % 2**64
    with engine.connect() as connection:
        if not connection.scalar(_IS_HELD, {"high": unsigned >> 32, "low": unsigned % 2**32}):
            return None
        return file_lock.in_words(_signed(connection, study))


def _signed(connection: Connection, study: str) -> dict[str, Any]:
    if not sa.inspect(connection).has_table(_drivers.name):
        return {}
    row = connection.execute(_drivers.select().where(_drivers.c.study == study)).mappings().first()
    return {} if row is None else {key: row[key] for key in ("host", "pid", "since")}


def _key(purpose: str, study: str) -> int:
    """Return the number under which PostgreSQL knows a lock: 64 bits, signed."""
    digest = hashlib.sha256(f"mnist-bench {purpose} {study}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
