"""A study's event log with what its folder says of it: where it ended when its last driver did.

SQLite's newest events are in a file of their own, study.db-wal, as long as a process has the database open. A copy of
study.db alone may lack them. What is left is a whole log, only shorter, so its end is noted next to it.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from sqlalchemy.engine import Engine

from search import canonical_json
from search.event_log.log import EventLog, LogEnd
from search.files import atomic_write, read
from search.messages import command_line
from search.study.folder import StudyFolder

MAX_BYTES = 300
"""Of a noted end."""


def log_of(engine: Engine, files: StudyFolder, name: str | None = None) -> EventLog:
    """Return the event log of a study; `name` is the study's in the database, if its folder was renamed."""
    return EventLog(engine, name or files.name, end=_noted(files), advice=advice_on_damage(files))


def advice_on_damage(files: StudyFolder) -> str:
    """Return what to do about a damaged event log, as the end of a sentence."""
    command = command_line(["mnist-bench", "doctor", files.name, "--cut", *files.words])
    return f"`{command}` keeps the events before it"


def note_end(files: StudyFolder, end: LogEnd | None) -> None:
    """Write into a study's folder where its log ends; its events must be on the disk by then (`checkpoint`).

    Raises:
        OSError: the file cannot be written.
    """
    if end is not None and _noted(files) != end:
        atomic_write(files.log_end, _content(end))


def _noted(files: StudyFolder) -> LogEnd | None:
    """Return the noted end; None if there is none, or none that is whole."""
    try:
        content = read(files.log_end, MAX_BYTES)
        values = json.loads(content)
        end = LogEnd(events=values["events"], chain=values["chain"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    is_whole = isinstance(end.events, int) and _content(end) == content
    return end if is_whole else None


def _content(end: LogEnd) -> bytes:
    values = asdict(end)
    return canonical_json.dumps({**values, "sha256": canonical_json.sha256(values)}).encode()
