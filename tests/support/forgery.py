"""A log that somebody who can write it has changed: its chain of checksums holds, for it is no signature."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from search.event_log.log import link


def chain_anew(database: Path) -> None:
    """Give the events in an SQLite file the checksums of what they hold now, and let no file say where they ended."""
    database.with_name("log-end.json").unlink(missing_ok=True)
    before: dict[str, str] = {}
    with closing(sqlite3.connect(database)) as connection, connection:
        rows = connection.execute("SELECT rowid, * FROM search_events ORDER BY study, seq").fetchall()
        for rowid, study, *columns, _ in rows:
            before[study] = link(before.get(study, ""), [study, *columns])
            connection.execute("UPDATE search_events SET chain = ? WHERE rowid = ?", (before[study], rowid))
