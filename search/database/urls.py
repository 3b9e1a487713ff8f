"""Database URLs: how they are completed, and which parts may be shown."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import sqlalchemy as sa

from search.errors import UsageError
from search.messages import lacks, show

_PLAIN = frozenset(
    {
        *("host", "hostaddr", "port", "service", "target_session_attrs", "application_name", "connect_timeout"),
        *("sslmode", "sslrootcert", "sslcrl", "channel_binding"),
    }
)
"""Options of libpq that never hold a secret; all others are hidden, `password` and those we do not know among them."""

_MEMORY = ":memory:"
"""SQLite's name for a database without a file, which ends with the process."""


def resolved(url: str) -> str:
    """Return a URL for SQLAlchemy; one for PostgreSQL that names no driver gets psycopg 3.

    Raises:
        UsageError: the URL is invalid or names another database, one for SQLite names no file or more than that, or
            PostgreSQL's driver is not installed. The message repeats nothing that may be a secret.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        _check_sqlite(url, parsed)
        return url
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "postgresql":
        raise UsageError(
            f"--storage: {show(parsed.get_backend_name())} cannot store studies, only SQLite and PostgreSQL can; write "
            "sqlite:///FILE or postgresql://USER@HOST/DATABASE."
        )
    if parsed.drivername.startswith("postgresql+psycopg") and find_spec(parsed.get_driver_name()) is None:
        raise UsageError(f"{lacks('PostgreSQL', 'the package psycopg', 'postgres')}.")
    return parsed.render_as_string(hide_password=False)


def sqlite_file(url: str) -> Path | None:
    """Return the file of an SQLite database, None for another database.

    Raises:
        UsageError: the URL is invalid, or one for SQLite names no file or more than that.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    _check_sqlite(url, parsed)
    return Path(parsed.database or "")


def is_postgresql(url: str) -> bool:
    """Return whether a URL names a PostgreSQL database."""
    return url.startswith(("postgresql:", "postgresql+", "postgres:"))


def redacted(url: str) -> str:
    """Return the URL with `***` for its password and for options that may hold one."""
    try:
        parsed = _parsed(url)
    except UsageError:
        return "given by --storage"
    if parsed.get_backend_name() != "sqlite":
        parsed = parsed.set(query={key: value if key in _PLAIN else "***" for key, value in parsed.query.items()})
    return parsed.render_as_string(hide_password=True)


def is_secret(url: str) -> bool:
    """Return whether a URL holds a password or may hold one; if in doubt, True."""
    try:
        parsed = _parsed(url)
    except UsageError:
        return True
    is_server = parsed.get_backend_name() != "sqlite"
    return parsed.password is not None or (is_server and bool(parsed.query.keys() - _PLAIN))


def _check_sqlite(url: str, parsed: sa.URL) -> None:
    """Check that an SQLite URL names a file and nothing else: options would be for the one that writes it, and not for
    those that read it.

    Raises:
        UsageError: it does not.
    """
    server = (parsed.username, parsed.password, parsed.host, parsed.port)
    if parsed.database in (None, "", _MEMORY) or any(server) or parsed.query:
        raise UsageError(
            f"--storage {redacted(url)}: an SQLite database is a file, without options; write sqlite:///FILE."
        )


def _parsed(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):  # not chained: its text may repeat a part of a password
        parsed = None
    # An unescaped @ in a password makes the rest of the password a part of the host.
    if parsed is None or "@" in (parsed.host or ""):
        raise UsageError(
            "The URL of the storage is not valid; write sqlite:///FILE or postgresql://USER@HOST/DATABASE, and "
            "in a password %40 for @, %2F for /, %3A for : and %25 for %."
        )
    return parsed
