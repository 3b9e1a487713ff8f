"""A study as a place on disk or in a database: run it, read it, list all."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar, assert_never, get_args

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from search.database import file_lock, is_postgresql, open_for_reading, postgres, redacted, storage_errors
from search.errors import StorageError, StudyNotFoundError, UsageError
from search.event_log import Created, Event, EventLog, History, StudyRecord, TrialRecord, log
from search.messages import command_line, first_line, number, number_of
from search.notes import Change, Notes, annotate, notes_of
from search.space import direction_of, score
from search.space.constraints import read_filter
from search.study.folder import ResultsFolder, SortKey, StudyFolder
from search.study.location import StudyLocation, belongs, can_name_a_study, checked_name, place_words
from search.study.spec import stored_history

T = TypeVar("T")
StudyState = Literal["running", "unreadable", "stopped early", "finished", "paused"]


SECONDS_OF_A_DAY = 86_400


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class StudySummary:
    """One line about a study."""

    name: str
    """The name of its folder."""
    path: Path
    modified: str
    """When its last event was written: UTC, ISO 8601."""
    trials: int
    """Trained trials that have ended."""
    goal: int
    complete: int
    best_value: float | None
    live: bool
    bytes: int
    """Size of the folder."""
    spec: Mapping[str, Any] = field(default_factory=dict)
    """The study's specification."""
    ended_early: bool = False
    """Whether a rule of its user's has ended the search before its goal."""
    failed: int = 0
    """Trained trials that failed."""
    first_failed: TrialRecord | None = None
    """The first trial, if every trained trial that has ended failed."""
    note: str = ""
    """The note about it; empty if there is none."""
    tags: tuple[str, ...] = ()
    unreadable: str | None = None
    """Why the study cannot be read, in a sentence; its figures are zero then."""

    @property
    def state(self) -> StudyState:
        """Whether it is being searched, and else why it is not."""
        if self.live:
            return "running"
        if self.unreadable is not None:
            return "unreadable"
        if self.ended_early:
            return "stopped early"
        return "finished" if self.trials >= self.goal else "paused"

    def figures(self) -> dict[str, Any]:
        """Return what a condition can name: `trials >= 50 and best > 0.99`."""
        names = ("name", "state", "trials", "goal", "failed", "complete", "bytes")
        written = datetime.fromisoformat(self.modified).replace(tzinfo=UTC)
        days = (datetime.now(UTC) - written).total_seconds() / SECONDS_OF_A_DAY
        return {**{name: getattr(self, name) for name in names}, "best": self.best_value, "days": days}

    def matches(self, text: str) -> bool:
        """Return whether a text is in the name, the note or a tag, in upper or lower case."""
        return any(text.casefold() in each.casefold() for each in (self.name, self.note, *self.tags))

    def rank_key(self) -> tuple[bool, float]:
        """Return a key by which the study with the best value comes first, and studies without a value come last."""
        if self.best_value is None:
            return True, 0.0
        settings = self.spec.get("space", {}).get("settings", {})
        return False, -score(self.best_value, direction_of(settings))

    def __repr__(self) -> str:
        if self.unreadable is not None:
            return f"study {self.name}: cannot be read: {self.unreadable}"
        state = "running" if self.live else "finished" if self.ended_early or self.trials >= self.goal else "unfinished"
        counts = f"{self.trials} of {number_of(self.goal, 'trial')}, {self.complete} complete"
        return f"study {self.name}: {counts}, best {number(self.best_value)}, {state}"


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class StoredStudy(StudyRecord):
    """A study with its location; equal to another one with the same record, whatever its location."""

    location: StudyLocation = field(compare=False, repr=False)
    owns_folder: bool = field(default=True, compare=False, repr=False)
    """Whether the files in its folder are its own; those of a study in a shared database may be another study's."""

    @classmethod
    def of(cls, study: StudyRecord, location: StudyLocation, *, owns_folder: bool = True) -> StoredStudy:
        """Return the study of a record, kept at a location."""
        parts = {part.name: getattr(study, part.name) for part in fields(StudyRecord)}
        return cls(**parts, location=location, owns_folder=owns_folder)

    @property
    def files(self) -> StudyFolder:
        """The files of its folder.

        Raises:
            UsageError: they are another study's, which must neither be taken for this one's nor be replaced.
        """
        if not self.owns_folder:
            raise UsageError(
                f"{self.location.folder} holds files of another study of this name; name the folder of this one with "
                "--results."
            )
        return self.location.files

    @property
    def note(self) -> str:
        """The note about it, as it is in its database now; empty if there is none."""
        return notes_at(self.location).note

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags, as they are in its database now, in alphabetical order."""
        return notes_at(self.location).tags

    def annotate(self, *, note: str | None = None, tags: Sequence[str] = (), without: Sequence[str] = ()) -> None:
        """Change its note and its tags.

        Args:
            note: the new note; empty to remove it, None to keep it.
            tags: tags to add.
            without: tags to remove.

        Raises:
            UsageError: a tag has a character that no tag has, or one that is to be removed is not there.
            StudyNotFoundError: it was removed.
            StorageError: its database cannot be written.
        """
        annotate_at(self.location, Change(note=note, add=tags, remove=without))


def open_study(results: Path, name: str | None, storage: str | None = None) -> StoredStudy:
    """Return a study; without a name, the one that was written last.

    Raises:
        StudyNotFoundError: there is none of that name, or none at all.
        StorageError: its database cannot be read.
    """
    results = Path(results)
    name = latest(results, storage) if name is None else checked_name(name)
    location = StudyLocation.of(name, results, storage)
    history = _read(location)
    if history is None:
        raise no_such_study(location)
    record = replace(history.record(live=driver_of(location) is not None), name=location.name)
    return StoredStudy.of(record, location, owns_folder=has_its_folder(location))


def latest(results: Path, storage: str | None = None) -> str:
    """Return the name of the study that was written last.

    Raises:
        StudyNotFoundError: there is none.
        StorageError: a database cannot be read.
    """
    newest = _newest_by_name(results, storage)
    for moment in newest.values():
        if isinstance(moment, StorageError):
            raise moment  # it may be the one that was written last
    if not newest:
        command = command_line(["mnist-bench", "search", "conv", "--trials", "50", *place_words(results, storage)])
        raise StudyNotFoundError(f"No study in {where(results, storage)}; `{command}` makes one.")
    return max(newest, key=lambda name: str(newest[name]))


def read_events(location: StudyLocation, since: int = 0) -> list[Event]:
    """Return a study's event log, from event `since` on; empty if there is no such study, or no such event.

    Raises:
        StorageError: its database cannot be read.
    """
    if location.lacks_database:
        return []
    return _query(location.url, lambda engine: EventLog(engine, _name_inside(engine, location)).since(since))


def specification(location: StudyLocation) -> Mapping[str, Any] | None:
    """Return the specification that a study began with, None if there is no such study; errors as in `read_events`.

    Of the event log it reads one event, however long the search has been.
    """
    if location.lacks_database:
        return None
    first = _query(location.url, lambda engine: EventLog(engine, _name_inside(engine, location)).first())
    return first.spec if isinstance(first, Created) else None


def newest_event(location: StudyLocation) -> tuple[int, str] | None:
    """Return the number of a study's newest event, from 0, and when it was written; None if there is no such study.

    Raises:
        StorageError: its database cannot be read.
    """
    if location.lacks_database:
        return None
    return _query(location.url, lambda engine: EventLog(engine, _name_inside(engine, location)).newest())


def notes_at(location: StudyLocation) -> Notes:
    """Return the note about a study and its tags; there are none if there is no such study.

    Raises:
        StorageError: its database cannot be read.
    """
    if location.lacks_database:
        return Notes()
    return _query(location.url, lambda engine: notes_of(engine, _name_inside(engine, location)))


def annotate_at(location: StudyLocation, change: Change) -> None:
    """Change the note and the tags of a study, which may be searched meanwhile.

    Raises:
        StudyNotFoundError: there is no such study.
        UsageError: a tag that is to be removed is not there.
        StorageError: its database cannot be written.
    """
    if newest_event(location) is None:
        raise no_such_study(location)
    annotate(location.url, name_inside(location), change)


def has_its_folder(location: StudyLocation) -> bool:
    """Return whether the files in a study's folder are its own: of one in a shared database they may be another's.

    Raises:
        StorageError: its database cannot be read.
    """
    if location.owns_database:
        return belongs(location, None)
    return belongs(location, begun(location))


def begun(location: StudyLocation) -> str | None:
    """Return when a study began (UTC, ISO 8601); None if there is no such study.

    Raises:
        StorageError: its database cannot be read.
    """
    return _query(location.url, lambda engine: EventLog(engine, _name_inside(engine, location)).begun())


def name_inside(location: StudyLocation) -> str:
    """Return the name of a study in its database; its folder may have been renamed since.

    Raises:
        StorageError: its database cannot be read.
    """
    if location.lacks_database:
        return location.name
    return _query(location.url, lambda engine: _name_inside(engine, location))


def check_not_renamed(location: StudyLocation) -> None:
    """Check that the study in a folder's own database has the folder's name.

    Raises:
        UsageError: it has another; a second search in its folder would take its checkpoints and weights.
    """
    if (name := name_inside(location)) != location.name:
        raise UsageError(
            f"{location.folder} holds study {name} under another name; rename the folder back to {name} to "
            "continue it, or choose another --study-name."
        )


def list_studies(results: Path, storage: str | None = None) -> list[StudySummary]:
    """Return a line about every study, the one written last first; for one that cannot be read it has the reason.

    Raises:
        StorageError: the storage that all of them share cannot be read.
    """
    newest = _newest_by_name(results, storage)
    summaries = [_summary(results / name, storage, moment) for name, moment in newest.items()]
    there = [summary for summary in summaries if summary is not None]
    return sorted(there, key=lambda summary: summary.modified, reverse=True)


def selected(
    summaries: Sequence[StudySummary],
    *,
    match: str | None = None,
    tags: Sequence[str] = (),
    where: str | None = None,
    sort: SortKey = "modified",
) -> list[StudySummary]:
    """Return the studies that fit, in the order of a key.

    Args:
        summaries: as `list_studies` returns them.
        match: a text that the name, the note or a tag has to hold, in upper or lower case.
        tags: tags that the study has to have.
        where: a condition over the study's figures, in the language of constraints.
        sort: by name, or the largest, best or newest first.

    Raises:
        UsageError: the condition cannot be read.
    """
    found = [each for each in summaries if {*tags} <= {*each.tags} and (match is None or each.matches(match))]
    if where is not None and summaries:
        rows = [each.figures() for each in summaries]
        values: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in rows[0]}
        kept = read_filter(where, {**values, "state": get_args(StudyState)}).keeps
        found = [each for each in found if kept(each.figures())]
    match sort:
        case "name":
            return sorted(found, key=lambda each: each.name)
        case "best":
            return sorted(found, key=StudySummary.rank_key)
        case "trials":
            return sorted(found, key=lambda each: -each.trials)
        case "size":
            return sorted(found, key=lambda each: -each.bytes)
        case "modified":
            return sorted(found, key=lambda each: each.modified, reverse=True)
        case _:
            assert_never(sort)


def driver_of(location: StudyLocation) -> str | None:
    """Return in words which process drives a study, here or, in PostgreSQL, on any machine; None if none does."""
    if file_lock.is_held(location.files.lock):
        return file_lock.holder(location.files.lock)
    if is_postgresql(location.url):
        return _query(location.url, lambda engine: postgres.holder(engine, location.name))
    return None


def driven_since(location: StudyLocation) -> float | None:
    """Return when the process that drives a study took it up, in seconds since 1970; None if none does, or not known.

    Raises:
        StorageError: its database, or the lock in its folder, cannot be read.
    """
    if file_lock.is_held(location.files.lock):
        return file_lock.signed_at(file_lock.signed(location.files.lock))
    if is_postgresql(location.url):
        return file_lock.signed_at(_query(location.url, lambda engine: postgres.signed(engine, location.name)))
    return None


@contextlib.contextmanager
def alone_with(location: StudyLocation) -> Iterator[postgres.StudyLock | None]:
    """Hold every lock of a study: those in its folder, if it has one, and PostgreSQL's, if it is stored there.

    Raises:
        StudyLockedError: another process works on the study.
        StorageError: the database, or a file within the block, cannot be written.
    """
    with storage_errors(), contextlib.ExitStack() as held:
        if location.folder.is_dir():
            # A study's folder holds the locks of other work, too, such as its confirmation.
            for lock in (location.files.lock, *location.files.inner_locks):
                held.enter_context(file_lock.driver_lock(lock, f"Study {location.name}"))
        yield held.enter_context(postgres.driver_lock(location.url, location.name))


def _newest_by_name(results: Path, storage: str | None) -> dict[str, str | StorageError]:
    """Return of every study when its last event was written, or the error with which its database cannot be read."""
    if storage is not None:
        return {name: moment for name, moment in _query(storage, log.studies) if can_name_a_study(name)}
    newest: dict[str, str | StorageError] = {}
    for folder in ResultsFolder(results).with_database():
        name = folder.path.name
        if can_name_a_study(name):
            try:
                event = newest_event(StudyLocation.of(name, results))
            except StorageError as error:
                newest[name] = error
            else:
                newest |= {} if event is None else {name: event[1]}
    return newest


def _read(location: StudyLocation) -> History | None:
    events = read_events(location)
    return stored_history(events) if events else None


def _name_inside(engine: Engine, location: StudyLocation) -> str:
    """Return the name of the folder, or of the one study in the folder's own database if that differs."""
    if not location.owns_database or EventLog(engine, location.name).newest() is not None:
        return location.name
    names = [name for name, _ in log.studies(engine) if can_name_a_study(name)]
    return names[0] if len(names) == 1 else location.name


def _query(url: str, question: Callable[[Engine], T]) -> T:
    try:
        engine = open_for_reading(url)
        try:
            return question(engine)
        finally:
            engine.dispose()
    except (sa.exc.SQLAlchemyError, ImportError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"Cannot read the database {redacted(url)}: {first_line(error)}.") from error


def _summary(folder: Path, storage: str | None, moment: str | StorageError) -> StudySummary | None:
    """Return a line about a study; None if it was removed since it was listed."""
    history, notes, live, unreadable = (
        History(),
        Notes(),
        False,
        str(moment) if isinstance(moment, StorageError) else None,
    )
    try:
        location = StudyLocation.of(folder.name, folder.parent, storage)
        live = driver_of(location) is not None
        if unreadable is None:
            history, notes = _read(location) or history, notes_at(location)
    except StorageError as error:
        unreadable = unreadable or str(error)
    if unreadable is None and not history.seq:
        return None
    try:
        modified = _modified(folder) if isinstance(moment, StorageError) else moment
    except FileNotFoundError:
        return None
    record = history.record()
    return StudySummary(
        name=folder.name,
        path=folder,
        modified=modified,
        trials=history.finished,
        goal=history.goal,
        complete=history.ends["complete"],
        best_value=history.best.value if history.best else None,
        live=live,
        bytes=_size(folder),
        spec=history.spec,
        ended_early=history.stop is not None,
        failed=sum(trial.state == "FAIL" for trial in record.finished()),
        first_failed=record.first_failed,
        note=notes.note,
        tags=notes.tags,
        unreadable=unreadable,
    )


def _modified(folder: Path) -> str:
    return datetime.fromtimestamp(folder.stat().st_mtime, UTC).isoformat(timespec="milliseconds")


def _size(folder: Path) -> int:
    # Not by `rglob`, for which a folder that another process removes meanwhile is an error.
    return sum(_size_of(Path(place, name)) for place, _, names in os.walk(folder) for name in names)


def _size_of(file: Path) -> int:
    try:
        about = file.lstat()
    except FileNotFoundError:  # another process has removed it since it was listed
        return 0
    return about.st_size if stat.S_ISREG(about.st_mode) else 0


def no_such_study(location: StudyLocation) -> StudyNotFoundError:
    """Return the error that no study is at a location; it names the command that lists the existing ones."""
    place = where(location.folder.parent, location.storage)
    command = command_line(["mnist-bench", "studies", *location.words])
    return StudyNotFoundError(f"No study {location.name} in {place}; `{command}` lists the studies there.")


def all_failed(location: StudyLocation, first: TrialRecord) -> str:
    """Return in words that every trial of a study failed, except those that were stopped early."""
    cause = f"; the first one: {first.cause}" if first.cause else ""
    command = command_line(["mnist-bench", "show", f"{location.name}/{first.number}", *location.words])
    return f"Every trial of {location.name} that was not pruned failed{cause}. `{command}` shows the whole error."


def where(results: Path, storage: str | None = None) -> str:
    """Return in words where studies are looked for."""
    return redacted(storage) if storage else f"{results}/"
