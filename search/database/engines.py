"""The database of a study: SQLite by default, PostgreSQL for teams; Optuna's tables and the event log side by side."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy.engine import Engine

from search.database import postgres
from search.database.urls import is_postgresql, redacted, resolved
from search.errors import StorageError, StudyLockedError
from search.messages import first_line

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

SQLITE_TIMEOUT = 60.0
"""Seconds to wait for another process's lock on the file."""
_EMPTIED = "it is empty, and its write-ahead log is not"
_BROKEN_OFF = "a write to it was broken off, and only SQLite's own shell may roll that back: sqlite3 study.db .tables"


def sqlite_url(path: Path) -> str:
    """Return the URL of an SQLite file."""
    return f"sqlite:///{path.resolve()}"


def open_for_writing(url: str) -> RDBStorage:
    """Open the database for the one driver that writes it, making the tables where they are missing.

    Raises:
        StorageError: the database cannot be reached or is not one.
        UsageError: the URL is none, or its driver is not installed.
    """
    from optuna.storages import RDBStorage

    url = resolved(url)
    options: dict[str, Any] = {"connect_args": postgres.connecting(url)}
    if url.startswith("sqlite"):
        options["connect_args"] = {"timeout": SQLITE_TIMEOUT}
        _prepare_sqlite(url)
    with _opening(url), postgres.making_tables(url):
        storage = RDBStorage(_as_optuna_wants_it(url), engine_kwargs=options)
    storage.url = redacted(url)  # what it is pickled with
    postgres.tell_outages(storage.engine)
    if url.startswith("sqlite"):
        sqlalchemy.event.listen(storage.engine, "connect", _set_pragmas)
        storage.engine.dispose()  # connections made before the listener lack the pragmas
    return storage


def open_for_reading(url: str) -> Engine:
    """Open the database so that nothing can be written: a reader never disturbs a search.

    Raises:
        StorageError: SQLite would remove what is left of a damaged file's content.
        UsageError: the URL is none, or its driver is not installed.
    """
    url = resolved(url)
    if not url.startswith("sqlite:///"):
        return sqlalchemy.create_engine(url, **_reading(url))
    path = Path(url.removeprefix("sqlite:///"))
    if path.exists() and _is_emptied(path):
        raise StorageError(_damaged(path, _EMPTIED))
    return sqlalchemy.create_engine(
        "sqlite://", creator=lambda: _connect_to_read(path), poolclass=sqlalchemy.pool.NullPool
    )


def open_tables_for_reading(url: str) -> RDBStorage:
    """Open Optuna's tables as `open_for_reading` does, for Optuna's own functions.

    Raises:
        StorageError: the database cannot be reached, or the tables are not there.
        UsageError: the URL is none, or its driver is not installed.
    """
    from optuna.storages import RDBStorage

    url = resolved(url)
    options: dict[str, Any] = _reading(url)
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        options = {"creator": lambda: _connect_to_read(path), "poolclass": sqlalchemy.pool.NullPool}
    with _opening(url):
        return RDBStorage(
            _as_optuna_wants_it(url), engine_kwargs=options, skip_compatibility_check=True, skip_table_creation=True
        )


def _reading(url: str) -> dict[str, Any]:
    """Return the options of an engine that cannot write."""
    read_only = {"postgresql_readonly": True} if is_postgresql(url) else {}
    return {"connect_args": postgres.connecting(url), "execution_options": read_only}


@contextlib.contextmanager
def _opening(url: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        cause = error if isinstance(error, ImportError | RuntimeError) else _fault(error)
        if cause is None:
            raise
        raise StorageError(f"Cannot open the database {redacted(url)}: {first_line(cause)}.") from error


def _as_optuna_wants_it(url: str) -> str:
    return url.replace("{", "{{").replace("}", "}}")


@contextlib.contextmanager
def storage_errors() -> Iterator[None]:
    """Turn what goes wrong with the database or a file within the block into a sentence for the user.

    Raises:
        StorageError: the database or the disk fails; what was written before is whole, and the search can go on later.
        StudyLockedError: another process writes the same study.
    """
    try:
        yield
    except BrokenPipeError:
        raise  # whoever read our output has left; that is no matter of the study
    except sqlalchemy.exc.IntegrityError as error:
        raise StudyLockedError("Another process is writing this study; stop one of the two.") from error
    except Exception as error:
        fault = _fault(error)
        if fault is None:
            raise
        reason = f"{first_line(fault)}. Nothing written is lost; the same command goes on when it can"
        raise StorageError(f"The study cannot be written: {reason}.") from error


def _fault(error: BaseException) -> BaseException | None:
    """Return what a database or a disk did, in its driver's words; None for errors of other kinds."""
    if type(error).__name__ == "StorageInternalError":  # Optuna's, which is not worth importing here
        error = error.__cause__ or error
    elif not isinstance(error, sqlalchemy.exc.SQLAlchemyError | OSError):
        return None
    driver: BaseException | None = getattr(error, "orig", None)
    return driver or error


def damage(path: Path) -> str | None:
    """Return what is wrong with an SQLite file, None where it is whole or empty as a new one; nothing is written."""
    if _is_emptied(path):
        return _EMPTIED
    if path.stat().st_size == 0:
        return None
    try:
        with contextlib.closing(_connect_to_read(path)) as connection:
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        return first_line(error)
    return None if found == "ok" else " ".join(found.split())


def check_whole(path: Path) -> None:
    """Check that an SQLite file, where it is there, is not damaged.

    Raises:
        StorageError: it is; nothing was written.
    """
    if path.exists() and (fault := damage(path)):
        raise StorageError(_damaged(path, fault))


def _is_emptied(path: Path) -> bool:
    """Return whether a file is empty and its write-ahead log is not: SQLite removes that log when it opens the file."""
    log = path.with_name(f"{path.name}-wal")
    return path.stat().st_size == 0 and log.exists() and log.stat().st_size > 0


def _damaged(path: Path, fault: str) -> str:
    return f"The database {path} is damaged ({fault}); put a copy of it back. Nothing was written to it."


def _connect_to_read(path: Path) -> sqlite3.Connection:
    """Connect so that nothing can be written; a file whose making was broken off reads as a database without tables.

    Its first page is written with a rollback journal, which a process killed within some milliseconds of the file's
    appearing leaves behind. Only a writer may roll that back; the next driver does, when it opens the file.
    """
    connection = _connect(path, "mode=ro")
    try:
        connection.execute("PRAGMA schema_version")  # connecting alone reads nothing
    except sqlite3.Error as error:
        connection.close()
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_READONLY_ROLLBACK:
            raise
        if _has_tables(path):  # not of our making: its tables come after the first page, in the write-ahead log
            raise sqlite3.OperationalError(_BROKEN_OFF) from error
        return sqlite3.connect(":memory:")
    return connection


def _has_tables(path: Path) -> bool:
    """Return whether a file has tables, as it stands and whatever lies beside it."""
    with contextlib.closing(_connect(path, "mode=ro&immutable=1")) as connection:
        return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def _connect(path: Path, options: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?{options}", uri=True, timeout=SQLITE_TIMEOUT)


def _prepare_sqlite(url: str) -> None:
    path = url.removeprefix("sqlite:///")
    check_whole(Path(path))
    try:
        connection = sqlite3.connect(path, timeout=SQLITE_TIMEOUT)
        try:
            connection.execute("PRAGMA journal_mode=WAL")  # lasts in the file: readers never block the writer
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StorageError(f"Cannot open the database {path}: {error}.") from error


def _set_pragmas(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")  # safe against any kill; a power cut may cost the last events
