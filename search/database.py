"""The database of a study, a file of SQLite: how it is opened, whether it is damaged, and what its errors say.

It holds the event log, which is the study, and Optuna's own tables, a copy for Optuna's tools.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

from search.errors import StorageError, StudyLockedError, system_error
from search.files import check_one_name
from search.messages import first_line

TIMEOUT = 60.0  # seconds to wait while another process holds SQLite's lock on the file
BESIDE = ("-wal", "-shm", "-journal")  # endings of the files that SQLite itself keeps next to a database
_EMPTIED = "it is empty, and its write-ahead log is not"
_BROKEN_OFF = "a write to it was broken off; SQLite's own shell can roll it back: sqlite3 study.db .tables"
_NO_SHARED_MEMORY = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY_CANTINIT, sqlite3.SQLITE_READONLY_DIRECTORY}
"""SQLite's codes, by version, if the file that readers share cannot be created."""
_as_text = partial(str, encoding="utf-8", errors="backslashreplace")
"""Reads a text; one that is not UTF-8 any more is read, too, so that it is found to be damaged."""


def sqlite_url(path: Path) -> str:
    """Return the URL of a database."""
    # All but these two SQLAlchemy takes as they are; other names of folders keep the URL that they always had.
    quoted = str(path.resolve()).replace("%", "%25").replace("?", "%3F")
    return f"sqlite:///{quoted}"


def read_only_url(path: Path) -> str:
    """Return the URL of a database for programs that are only to read it: whatever they write is refused."""
    return f"sqlite:///file:{quote(str(path))}?mode=ro&uri=true"


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open a database for the driver, its only writer; a missing one is made, with Optuna's tables.

    StorageError if it is damaged or not a database, or cannot be opened or changed in place.
    """
    from optuna.storages import RDBStorage

    for changed in (path, *beside(path)):
        check_one_name(changed)
    check_undamaged(path)
    # RDBStorage passes a URL through `str.format`, to fill in `{SCHEMA_VERSION}`.
    url = sqlite_url(path).replace("{", "{{").replace("}", "}}")
    try:
        with closing(sqlite3.connect(path, timeout=TIMEOUT)) as connection:
            # Stored in the file. With a write-ahead log, readers do not block the driver, nor it them.
            connection.execute("PRAGMA journal_mode=WAL")
        RDBStorage(url, engine_kwargs={"connect_args": {"timeout": TIMEOUT}}).engine.dispose()
        connection = sqlite3.connect(path, timeout=TIMEOUT)
        # No fsync a commit: killing the process loses nothing, a power cut may lose the last events but not the
        # database.
        connection.execute("PRAGMA synchronous=NORMAL")
    except Exception as error:
        # Tables of another Optuna, or a fault of the disk or the database.
        cause = error if isinstance(error, RuntimeError) else system_error(error)
        if cause is None:
            raise
        raise StorageError(f"Cannot open the database {path}: {first_line(cause)}.") from error
    connection.text_factory = _as_text
    return connection


def checkpoint(connection: sqlite3.Connection) -> None:
    """Move what SQLite's write-ahead log holds into the database's file, and sync it, as far as no reader is at it."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a database read-only, so that a reader never disturbs a search.

    StorageError if it is empty but its write-ahead log is not; SQLite would delete the log on opening.
    """
    if path.exists() and _is_emptied(path):
        raise StorageError(_damaged(path, _EMPTIED))
    return _connect_to_read(path)


def open_damaged(path: Path) -> sqlite3.Connection:
    """Open a database read-only, so that as much of it is read as can be."""
    connection = _connect(path, "mode=ro")
    # It writes nothing here: with it, SQLite reads the rest of a file whose end or whose other tables are gone.
    connection.execute("PRAGMA writable_schema=ON")
    return connection


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turn errors of the database and the disk inside the block into errors for the user.

    StorageError if one of them failed: earlier writes are intact, and the search can be resumed. StudyLockedError if
    another process is writing the same study.
    """
    try:
        yield
    # The number of an event is its primary key, so a second writer collides at once.
    except sqlite3.IntegrityError as error:
        raise StudyLockedError("Another process is writing this study; stop one of the two.") from error
    except Exception as error:
        if (fault := system_error(error)) is None:
            raise
        reason = f"{first_line(fault)}. Nothing written is lost; run the same command again when it can be written"
        raise StorageError(f"The study cannot be written: {reason}.") from error


def damage(path: Path) -> str | None:
    """Return in words how a database is damaged, or None if it is intact or new and empty. Writes nothing."""
    if _is_emptied(path):
        return _EMPTIED
    if path.stat().st_size == 0:
        return None
    try:
        with closing(_connect_to_read(path)) as connection:
            # quick_check reads every page but, unlike integrity_check, does not compare indices with their tables.
            verdict = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        return first_line(error)
    return None if verdict == "ok" else " ".join(verdict.split())


def check_undamaged(path: Path) -> None:
    """StorageError if a database is damaged, to which nothing was written; a missing file passes."""
    if path.exists() and (fault := damage(path)):
        raise StorageError(_damaged(path, fault))


def beside(path: Path) -> list[Path]:
    """Return the files that SQLite keeps next to a database, whether they are there or not."""
    return [path.with_name(f"{path.name}{ending}") for ending in BESIDE]


def _is_emptied(path: Path) -> bool:
    """Return whether a file is empty but its write-ahead log is not.

    The log may hold the newest events. SQLite deletes it when it opens such a file, even for reading.
    """
    return path.stat().st_size == 0 and _has_log(path)


def _has_log(path: Path) -> bool:
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _damaged(path: Path, fault: str) -> str:
    return f"The database {path} is damaged ({fault}); restore a copy of it. Nothing was written to it."


def _connect_to_read(path: Path) -> sqlite3.Connection:
    """Connect read-only; a database whose creation was interrupted reads as one without tables.

    SQLite writes the first page of a new file through a rollback journal. A process that is killed within milliseconds
    leaves that journal behind (8 of 200 kills did). Only a writer may roll it back; the next driver does so when it
    opens the file.
    """
    check_one_name(path.with_name(f"{path.name}-shm"))  # readers share this file, and SQLite writes it
    connection = _connect(path, "mode=ro")
    try:
        connection.execute("PRAGMA schema_version")  # connecting alone does not read the file
    except sqlite3.Error as error:
        connection.close()
        code = getattr(error, "sqlite_errorcode", None)
        # In another user's folder the shared file cannot be created. A database at rest is complete without its log.
        if code in _NO_SHARED_MEMORY and not os.access(path.parent, os.W_OK) and not _has_log(path):
            return _connect(path, "mode=ro&immutable=1")
        if code != sqlite3.SQLITE_READONLY_ROLLBACK:
            raise
        # We create tables in the write-ahead log only. So a journal next to a file with tables is another program's.
        with closing(_connect(path, "mode=ro&immutable=1")) as file:  # without its journal and its log
            if file.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise sqlite3.OperationalError(_BROKEN_OFF) from error
        return sqlite3.connect(":memory:")
    return connection


def _connect(path: Path, options: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{options}", uri=True, timeout=TIMEOUT)
    connection.text_factory = _as_text
    return connection
