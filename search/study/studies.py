"""Studies on disk: read one, list all and remove them.

A study's newest events are in a file of SQLite's own, study.db-wal, as long as a process has the database open. A copy
of study.db alone may lack them. What is left is a whole log, only shorter, so its end is noted next to it (`note_end`).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from search import canonical_json, file_lock
from search.database import beside, open_for_reading, storage_errors
from search.errors import StorageError, StudyLockedError, StudyNotFoundError, UsageError
from search.event_log import log as logs
from search.event_log.events import Created, Event
from search.event_log.history import History
from search.event_log.log import EventLog, LogEnd
from search.event_log.records import StudyRecord, TrialRecord
from search.files import atomic_write, read
from search.messages import command_line, first_line, joined, number, number_of
from search.study.folder import ResultsFolder, StudyFolder, can_name_a_study, place_words
from search.study.spec import stored_history

T = TypeVar("T")
MAX_BYTES = 300  # of a noted end
StudyState = Literal["running", "unreadable", "stopped early", "finished", "paused"]


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class StudySummary:
    """One line about a study."""

    name: str  # of its folder
    path: Path
    modified: str  # when its last event was written: UTC, ISO 8601
    trials: int  # trained trials that have ended
    budget: int
    complete: int
    best_value: float | None
    live: bool
    bytes: int  # size of the folder
    spec: Mapping[str, Any] = field(default_factory=dict)
    ended_early: bool = False  # whether a rule of its user's has ended the search before its trial budget
    failed: int = 0  # trained trials that failed
    first_failed: TrialRecord | None = None  # the first trial, if every trained trial that has ended failed
    unreadable: str | None = None  # why the study cannot be read, in a sentence; its figures are zero then

    @property
    def state(self) -> StudyState:
        """Whether it is being searched, and else why it is not."""
        if self.live:
            return "running"
        if self.unreadable is not None:
            return "unreadable"
        return "stopped early" if self.ended_early else "finished" if self.trials >= self.budget else "paused"

    def __repr__(self) -> str:
        if self.unreadable is not None:
            return f"study {self.name}: cannot be read: {self.unreadable}"
        state = {"stopped early": "finished", "paused": "unfinished"}.get(self.state, self.state)
        counts = f"{self.trials} of {number_of(self.budget, 'trial')}, {self.complete} complete"
        return f"study {self.name}: {counts}, best {number(self.best_value)}, {state}"


@dataclass(frozen=True, kw_only=True, repr=False)
class StoredStudy(StudyRecord):
    """A study with its folder; equal to another one with the same record, whatever its folder."""

    files: StudyFolder = field(compare=False, repr=False)

    @classmethod
    def of(cls, study: StudyRecord, files: StudyFolder) -> StoredStudy:
        """Return the study of a record, kept in a folder."""
        return cls(**{part.name: getattr(study, part.name) for part in fields(StudyRecord)}, files=files)


def open_study(results: Path, name: str | None) -> StoredStudy:
    """Return a study; without a name, the one that was written last.

    Raises:
        StudyNotFoundError: there is none of that name, or none at all.
        StorageError: its database cannot be read.
    """
    results = Path(results)
    files = StudyFolder.of(latest(results) if name is None else name, results)
    history = stored_history(read_events(files))
    if not history.seq:
        raise no_such_study(files)
    return StoredStudy.of(replace(history.record(live=driver_of(files) is not None), name=files.name), files)


def latest(results: Path) -> str:
    """Return the name of the study that was written last; StudyNotFoundError if there is none."""
    # One that cannot be read is an error, for it may be the one that was written last.
    newest = {files.name: event[1] for files in ResultsFolder(results).studies() if (event := newest_event(files))}
    if not newest:
        command = command_line(["mnist-bench", "search", "conv", "--trials", "50", *place_words(results)])
        raise StudyNotFoundError(f"No study in {results}/; `{command}` makes one.")
    return max(newest, key=lambda name: newest[name])


def list_studies(results: Path) -> list[StudySummary]:
    """Return a line about every study, the one written last first; for one that cannot be read it has the reason."""
    there = [summary for files in ResultsFolder(results).studies() if (summary := _summary(files)) is not None]
    return sorted(there, key=lambda summary: summary.modified, reverse=True)


def _summary(files: StudyFolder) -> StudySummary | None:
    """Return a line about a study; None if it was removed since it was listed."""
    history, modified, live, unreadable = History(), None, False, None
    try:
        if (newest := newest_event(files)) is None:
            return None
        modified = newest[1]
    except StorageError as error:
        unreadable = str(error)
    try:
        live = driver_of(files) is not None
        if unreadable is None:
            history = stored_history(read_events(files))
    except StorageError as error:
        unreadable = unreadable or str(error)
    if unreadable is None and not history.seq:
        return None
    try:
        changed = datetime.fromtimestamp(files.path.stat().st_mtime, UTC).isoformat(timespec="milliseconds")
    except FileNotFoundError:
        return None
    record = history.record()
    return StudySummary(
        name=files.name,
        path=files.path,
        modified=modified or changed,
        trials=history.finished,
        budget=history.budget,
        complete=history.ends["complete"],
        best_value=history.best.value if history.best else None,
        live=live,
        bytes=_size(files.path),
        spec=history.spec,
        ended_early=history.stop is not None,
        failed=sum(trial.state == "FAIL" for trial in record.finished()),
        first_failed=record.first_failed,
        unreadable=unreadable,
    )


def _size(folder: Path) -> int:
    """Return the bytes of the files in a folder, which another process may be removing."""
    total = 0
    for place, _, names in os.walk(folder):  # for `rglob` a folder that is gone meanwhile is an error
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                about = Path(place, name).lstat()
                total += about.st_size if stat.S_ISREG(about.st_mode) else 0
    return total


# What the database of a study holds; each function raises StorageError if it cannot be read.


def read_events(files: StudyFolder) -> list[Event]:
    """Return a study's event log; empty if there is no such study."""
    return _asked(files, lambda log, name: log.read(), [])


def specification(files: StudyFolder) -> Mapping[str, Any] | None:
    """Return the specification that a study began with, of one event's reading; None if there is no such study."""
    first = _asked(files, lambda log, name: log.first(), None)
    return first.spec if isinstance(first, Created) else None


def newest_event(files: StudyFolder) -> tuple[int, str] | None:
    """Return the number of a study's newest event, from 0, and when it was written; None if there is no such study."""
    return _asked(files, lambda log, name: log.newest(), None)


def name_inside(files: StudyFolder) -> str:
    """Return the name of a study in its database; its folder may have been renamed since."""
    return _asked(files, lambda log, name: name, files.name)


def check_not_renamed(files: StudyFolder) -> None:
    """UsageError if the study in a folder has another name, and a search would take its checkpoints."""
    if (name := name_inside(files)) != files.name:
        raise UsageError(
            f"{files.path} holds study {name} under another name; rename the folder back to {name} to "
            "continue it, or choose another --study-name."
        )


def _asked(files: StudyFolder, question: Callable[[EventLog, str], T], absent: T) -> T:
    """Return the answer of a study's log, given its name in the database; `absent` if there is no database."""
    database = files.database
    if not database.exists():
        return absent
    try:
        with closing(open_for_reading(database)) as connection:
            name = files.name
            if EventLog(connection, name).newest() is None:  # the folder was renamed
                names = [inside for inside in logs.studies(connection) if can_name_a_study(inside)]
                name = names[0] if len(names) == 1 else name
            return question(log_of(connection, files, name), name)
    except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"Cannot read the database {database}: {first_line(error)}.") from error


def log_of(connection: sqlite3.Connection, files: StudyFolder, name: str | None = None) -> EventLog:
    """Return the event log of a study; `name` is the study's in the database, if its folder was renamed."""
    return EventLog(connection, name or files.name, end=_noted(files), advice=advice_on_damage(files))


def advice_on_damage(files: StudyFolder) -> str:
    """Return what to do about a damaged event log, as the end of a sentence."""
    command = command_line(["mnist-bench", "doctor", files.name, "--cut", *files.words])
    return f"`{command}` keeps the events before it"


def note_end(files: StudyFolder, end: LogEnd | None) -> None:
    """Write into a study's folder where its log ends; its events must be on the disk by then (`checkpoint`)."""
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


def no_such_study(files: StudyFolder) -> StudyNotFoundError:
    """Return the error that there is no such study; it names the command that lists the existing ones."""
    command = command_line(["mnist-bench", "studies", *files.words])
    return StudyNotFoundError(f"No study {files.name} in {files.path.parent}/; `{command}` lists the studies there.")


def all_failed(files: StudyFolder, first: TrialRecord) -> str:
    """Return in words that every trial of a study failed, except those that were stopped early."""
    cause = f"; the first one: {first.cause}" if first.cause else ""
    command = command_line(["mnist-bench", "show", f"{files.name}/{first.number}", *files.words])
    return f"Every trial of {files.name} that was not pruned failed{cause}. `{command}` shows the whole error."


def driver_of(files: StudyFolder) -> str | None:
    """Return in words which process drives a study; None if none does."""
    return file_lock.holder_of([files.lock])


@contextlib.contextmanager
def alone_with(files: StudyFolder) -> Iterator[None]:
    """Hold every lock in a study's folder, if it has one.

    StudyLockedError if another process works on it; StorageError if it cannot be written within the block.
    """
    with storage_errors(), contextlib.ExitStack() as held:
        if files.path.is_dir():
            # A study's folder holds the locks of other work, too, such as its confirmation.
            for lock in (files.lock, *files.inner_locks):
                held.enter_context(file_lock.driver_lock(lock, f"Study {files.name}"))
        yield


def remove_study(files: StudyFolder) -> None:
    """Remove a study's folder, its database last: as long as that is there, the study is listed.

    StudyNotFoundError if there is none; StudyLockedError if another process works on it.
    """
    if not files.path.is_dir():
        raise no_such_study(files)
    with alone_with(files):
        folder, database = files.path.resolve(), files.database
        for path in [path for path in folder.iterdir() if not path.name.startswith(database.name)]:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        for path in beside(database):
            path.unlink(missing_ok=True)
        shutil.rmtree(folder)
        files.path.unlink(missing_ok=True)  # a link to where it was


def check_idle(folders: Iterable[StudyFolder]) -> None:
    """StudyLockedError if a process works on any of several studies, before the first one is changed."""
    found = {files.name: file_lock.holder_of([*files.inner_locks, files.lock]) for files in folders}
    holders = {name: holder for name, holder in found.items() if holder is not None}
    if holders:
        verb = "is" if len(holders) == 1 else "are"
        raise StudyLockedError(
            f"{joined(holders)} {verb} in use ({next(iter(holders.values()))}), and nothing was removed; wait for that "
            "work or stop it."
        )
