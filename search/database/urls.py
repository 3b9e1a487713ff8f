"""Database URLs of files of SQLite."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from search.errors import UsageError
from search.messages import show

_MEMORY = ":memory:"
"""SQLite's name for a database without a file, which ends with the process."""


def sqlite_file(url: str) -> Path:
    """Return the file of an SQLite database; UsageError if the URL is invalid, or names no file or more than that."""
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        parsed = None
    server = () if parsed is None else (parsed.username, parsed.password, parsed.host, parsed.port)
    # Options would be for the one that writes it, and not for those that read it.
    if (
        parsed is None
        or parsed.get_backend_name() != "sqlite"
        or parsed.database in (None, "", _MEMORY)
        or any(server)
        or parsed.query
    ):
        raise UsageError(f"--storage {show(url)}: a study's database is a file, without options; write sqlite:///FILE.")
    return Path(parsed.database)
