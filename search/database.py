"""The database of a study: SQLite by default, PostgreSQL for teams; Optuna's tables and the event log side by side."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy.engine import Engine

from search.errors import StorageError, StudyLockedError

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

SQLITE_TIMEOUT = 60.0
"""Seconds to wait for another process's lock on the file."""


def sqlite_url(path: Path) -> str:
    """Return the URL of an SQLite file."""
    return f"sqlite:///{path.resolve()}"


def open_for_writing(url: str) -> RDBStorage:
    """Open the database for the one driver that writes it, making the tables where they are missing.

    Raises:
        StorageError: the database cannot be reached or is not one.
    """
    from optuna.storages import RDBStorage

    options: dict[str, Any] = {}
    if url.startswith("sqlite"):
        options["connect_args"] = {"timeout": SQLITE_TIMEOUT}
        _prepare_sqlite(url)
    try:
        storage = RDBStorage(url.replace("{", "{{").replace("}", "}}"), engine_kwargs=options)
    except (sqlalchemy.exc.SQLAlchemyError, ImportError, RuntimeError) as error:
        raise StorageError(f"Cannot open the database {redacted(url)}: {first_line(error)}.") from error
    if url.startswith("sqlite"):
        sqlalchemy.event.listen(storage.engine, "connect", _set_pragmas)
        storage.engine.dispose()  # connections made before the listener lack the pragmas
    return storage


def open_for_reading(url: str) -> Engine:
    """Open the database so that nothing can be written: a reader never disturbs a search."""
    if not url.startswith("sqlite:///"):
        return sqlalchemy.create_engine(url)
    uri = f"{Path(url.removeprefix('sqlite:///')).as_uri()}?mode=ro"
    return sqlalchemy.create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(uri, uri=True, timeout=SQLITE_TIMEOUT),
        poolclass=sqlalchemy.pool.NullPool,
    )


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
    except (sqlalchemy.exc.SQLAlchemyError, OSError) as error:
        raise StorageError(f"The study cannot be written: {first_line(error)}. Nothing written is lost.") from error
    except Exception as error:
        if type(error).__name__ != "StorageInternalError":  # Optuna's, which is not worth importing here
            raise
        raise StorageError(f"The study cannot be written: {first_line(error)}. Nothing written is lost.") from error


def redacted(url: str) -> str:
    """Return the URL without its password."""
    try:
        return sqlalchemy.make_url(url).render_as_string(hide_password=True)
    except sqlalchemy.exc.ArgumentError:
        return "given by --storage"


def is_secret(url: str) -> bool:
    """Return whether a URL holds a password, or cannot be told to hold none."""
    try:
        parsed = sqlalchemy.make_url(url)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        return True
    options_of_a_server = parsed.query and parsed.get_backend_name() != "sqlite"  # `?password=` may be among them
    return parsed.password is not None or bool(options_of_a_server)


def _prepare_sqlite(url: str) -> None:
    path = url.removeprefix("sqlite:///")
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


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or its type's name, for the middle of a sentence."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
