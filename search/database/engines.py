"""Open the database of a study, a file of SQLite.

It holds the event log, which is the study, and Optuna's own tables, a copy for Optuna's tools.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import sqlalchemy
from sqlalchemy.engine import Engine

from search.errors import StorageError, StudyLockedError, is_of_the_system
from search.files import check_one_name
from search.messages import first_line

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

SQLITE_TIMEOUT = 60.0
"""Seconds to wait while another process holds SQLite's lock on the file."""
BESIDE = ("-wal", "-shm", "-journal")
"""Endings of the files that SQLite itself keeps next to a database."""
_EMPTIED = "it is empty, and its write-ahead log is not"
_BROKEN_OFF = "a write to it was broken off; SQLite's own shell can roll it back: sqlite3 study.db .tables"


def sqlite_url(path: Path) -> str:
    """Return the URL of an SQLite file."""
    # All but these two SQLAlchemy takes as they are; other names of folders keep the URL that they always had.
    quoted = str(path.resolve()).replace("%", "%25").replace("?", "%3F")
    return f"sqlite:///{quoted}"


def read_only_url(path: Path) -> str:
    """Return the URL of an SQLite file for programs that are only to read it: whatever they write is refused."""
    return f"sqlite:///file:{quote(str(path))}?mode=ro&uri=true"


def open_for_writing(path: Path) -> RDBStorage:
    """Open the database for the driver, its only writer, and create missing tables.

    Raises:
        StorageError: the file is damaged, is not a database, or cannot be opened.
    """
    from optuna.storages import RDBStorage

    _prepare_sqlite(path)
    with _opening(path):
        storage = RDBStorage(
            _as_optuna_wants_it(sqlite_url(path)), engine_kwargs={"connect_args": {"timeout": SQLITE_TIMEOUT}}
        )
    sqlalchemy.event.listen(storage.engine, "connect", _set_pragmas)
    storage.engine.dispose()  # RDBStorage has already connected, without the pragmas
    return storage


def checkpoint(engine: Engine) -> None:
    """Move what SQLite's write-ahead log holds into the database's file, and sync it, as far as no reader is at it."""
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")


def open_for_reading(path: Path) -> Engine:
    """Open the database read-only, so that a reader never disturbs a search.

    Raises:
        StorageError: the file is empty but its write-ahead log is not; SQLite would delete the log on opening.
    """
    if path.exists() and _is_emptied(path):
        raise StorageError(_damaged(path, _EMPTIED))
    return sqlalchemy.create_engine(
        "sqlite://", creator=lambda: _connect_to_read(path), poolclass=sqlalchemy.pool.NullPool
    )


def open_damaged(path: Path) -> Engine:
    """Open an SQLite file read-only, so that as much of it is read as can be."""

    def connect() -> sqlite3.Connection:
        connection = _connect(path, "mode=ro")
        # It writes nothing here: with it, SQLite reads the rest of a file whose end or whose other tables are gone.
        connection.execute("PRAGMA writable_schema=ON")
        return connection

    return sqlalchemy.create_engine("sqlite://", creator=connect, poolclass=sqlalchemy.pool.NullPool)


@contextlib.contextmanager
def _opening(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        cause = error if isinstance(error, ImportError | RuntimeError) else _fault(error)
        if cause is None:
            raise
        raise StorageError(f"Cannot open the database {path}: {first_line(cause)}.") from error


def _as_optuna_wants_it(url: str) -> str:
    """Escape braces: RDBStorage passes the URL through `str.format` to fill in `{SCHEMA_VERSION}`."""
    return url.replace("{", "{{").replace("}", "}}")


@contextlib.contextmanager
def storage_errors() -> Iterator[None]:
    """Turn errors of the database and the disk inside the block into errors for the user.

    Raises:
        StorageError: the database or the disk failed. Earlier writes are intact, and the search can be resumed.
        StudyLockedError: another process is writing the same study.
    """
    try:
        yield
    except BrokenPipeError:
        raise  # an OSError, but of our output (`... | head`), not of the study
    # The number of an event is its primary key, so a second writer collides at once.
    except sqlalchemy.exc.IntegrityError as error:
        raise StudyLockedError("Another process is writing this study; stop one of the two.") from error
    except Exception as error:
        fault = _fault(error)
        if fault is None:
            raise
        reason = f"{first_line(fault)}. Nothing written is lost; run the same command again when it can be written"
        raise StorageError(f"The study cannot be written: {reason}.") from error


def _fault(error: BaseException) -> BaseException | None:
    """Return the database driver's own error, or the disk's; None if neither was at fault."""
    if not is_of_the_system(error):
        return None
    if type(error).__name__ == "StorageInternalError":
        error = error.__cause__ or error
    driver: BaseException | None = getattr(error, "orig", None)
    return driver or error


def damage(path: Path) -> str | None:
    """Return in words how an SQLite file is damaged, or None if it is intact or new and empty. Writes nothing."""
    if _is_emptied(path):
        return _EMPTIED
    if path.stat().st_size == 0:
        return None
    try:
        with contextlib.closing(_connect_to_read(path)) as connection:
            # quick_check reads every page but, unlike integrity_check, does not compare indices with their tables.
            verdict = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        return first_line(error)
    return None if verdict == "ok" else " ".join(verdict.split())


def check_undamaged(path: Path) -> None:
    """Check that an SQLite file is not damaged; a missing file passes.

    Raises:
        StorageError: the file is damaged. Nothing was written to it.
    """
    if path.exists() and (fault := damage(path)):
        raise StorageError(_damaged(path, fault))


def _is_emptied(path: Path) -> bool:
    """Return whether a file is empty but its write-ahead log is not.

    The log may hold the newest events. SQLite deletes it when it opens such a file, even for reading.
    """
    log = _beside(path, "-wal")
    return path.stat().st_size == 0 and log.exists() and log.stat().st_size > 0


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}{ending}")


def _damaged(path: Path, fault: str) -> str:
    return f"The database {path} is damaged ({fault}); restore a copy of it. Nothing was written to it."


_NO_SHARED_MEMORY = (
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY_CANTINIT, sqlite3.SQLITE_READONLY_DIRECTORY
)  # fmt: skip
"""SQLite's messages, by version, if the file that readers share cannot be created."""


def _connect_to_read(path: Path) -> sqlite3.Connection:
    """Connect read-only; a database whose creation was interrupted reads as one without tables.

    SQLite writes the first page of a new file through a rollback journal. A process that is killed within milliseconds
    leaves that journal behind (8 of 200 kills in docs/reference/faults.md). Only a writer may roll it back; the next
    driver does so when it opens the file.

    Raises:
        StorageError: the file that readers share, which SQLite writes, has a second name.
    """
    check_one_name(_beside(path, "-shm"))
    connection = _connect(path, "mode=ro")
    try:
        connection.execute("PRAGMA schema_version")  # connecting alone does not read the file
    except sqlite3.Error as error:
        connection.close()
        code = getattr(error, "sqlite_errorcode", None)
        if code in _NO_SHARED_MEMORY and _is_at_rest(path):
            return _connect(path, "mode=ro&immutable=1")
        if code != sqlite3.SQLITE_READONLY_ROLLBACK:
            raise
        # We create tables in the write-ahead log only. So a journal next to a file with tables is another program's.
        if _has_tables(path):
            raise sqlite3.OperationalError(_BROKEN_OFF) from error
        return sqlite3.connect(":memory:")
    return connection


def _is_at_rest(path: Path) -> bool:
    """Return whether a database in a folder that this process may not write is complete without its write-ahead log.

    Reading with a log needs a shared file next to the database, which cannot be created in another user's folder.
    """
    log = _beside(path, "-wal")
    return not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)


def _has_tables(path: Path) -> bool:
    """Return whether the file itself has tables; `immutable` makes SQLite ignore its journal and log."""
    with contextlib.closing(_connect(path, "mode=ro&immutable=1")) as connection:
        return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def _connect(path: Path, options: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{options}", uri=True, timeout=SQLITE_TIMEOUT)
    connection.text_factory = _as_text
    return connection


_as_text = partial(str, encoding="utf-8", errors="backslashreplace")
"""Reads a text; one that is not UTF-8 any more is read, too, so that it is found to be damaged."""


def _check_one_name_each(path: Path) -> None:
    """Check the file of a database, and those that SQLite keeps next to it, before they are changed in place."""
    for changed in (path, *(_beside(path, ending) for ending in BESIDE)):
        check_one_name(changed)


def _prepare_sqlite(path: Path) -> None:
    _check_one_name_each(path)
    check_undamaged(path)
    try:
        connection = sqlite3.connect(path, timeout=SQLITE_TIMEOUT)
        try:
            # Stored in the file. With a write-ahead log, readers do not block the driver, nor it them.
            connection.execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StorageError(f"Cannot open the database {path}: {error}.") from error


def _set_pragmas(connection: Any, _record: Any) -> None:
    # No fsync a commit: killing the process loses nothing, a power cut may lose the last events but not the database.
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.text_factory = _as_text
