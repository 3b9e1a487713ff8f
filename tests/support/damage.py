"""Damage to files: as disks and transfers do it, by those who can write a log, and by a disk that is full."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import strategies as st

from search.event_log.log import link
from support import wants

KINDS = st.sampled_from(["flip", "cut", "zero", "append"])


def damage(path: Path, kind: str, data: st.DataObject) -> None:
    """Flip a bit of a file, cut it off, write zeros into it, or add to it, at a place that `data` draws."""
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    match kind:
        case "flip":
            content[at] ^= 1 << data.draw(st.integers(0, 7))
        case "cut":
            del content[at:]
        case "zero":
            at = min(at, len(content) - 8)
            content[at : at + 8] = bytes(8)
        case "append":
            content += b"x"
    path.write_bytes(bytes(content))


def chain_anew(database: Path) -> None:
    """Give the events in an SQLite file the checksums of what they hold now, and let no file say where they ended."""
    database.with_name("log-end.json").unlink(missing_ok=True)
    before: dict[str, str] = {}
    with closing(sqlite3.connect(database)) as connection, connection:
        rows = connection.execute("SELECT rowid, * FROM search_events ORDER BY study, seq").fetchall()
        for rowid, study, *columns, _ in rows:
            before[study] = link(before.get(study, ""), [study, *columns])
            connection.execute("UPDATE search_events SET chain = ? WHERE rowid = ?", (before[study], rowid))


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a disk of this size at a new folder, and skip the test where none may be mounted."""
    folder.mkdir()
    try:
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "mnist-bench-test", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip(f"{wants.MOUNT}: there is no mount")
    if done.returncode:
        pytest.skip(f"{wants.MOUNT}: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
