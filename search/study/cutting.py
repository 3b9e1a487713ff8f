"""Cutting a damaged event log after its last good event."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from search.database import beside, checkpoint, damage, open_damaged, open_for_writing
from search.errors import OtherVersionError, StorageError, UsageError
from search.event_log.events import Event, GoalSet, Told
from search.event_log.history import History
from search.event_log.log import EventLog, LogEnd, Salvage
from search.event_log.records import ENDS
from search.files import atomic_write, make_folder, replaced
from search.hashed import repeats
from search.study.folder import StudyFolder
from search.study.optuna_tables import rebuild
from search.study.spec import stored_history
from search.study.studies import log_of, name_inside, no_such_study, note_end, read_events


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """What a cut has left of an event log."""

    history: History  # the study after the events that are kept
    lost: Sequence[Event]  # the events that are lost and could still be read, damaged ones among them
    unread: int  # how many more events are lost, at least
    aside: Path  # the damaged database, in the study's folder

    @property
    def otherwise(self) -> str | None:
        """Why the search may end with another digest than an undisturbed one, as far as the lost events tell; None if
        nothing does."""
        if not repeats(self.history.order):
            return "it takes up results in the order in which they arrive"
        ends = [event.trial for event in self.lost if isinstance(event, Told) and ENDS[event.reason].external]
        if ends:
            return f"the machine had ended #{ends[0]}, and may not end it again"
        # The first trial budget comes right after the study's creation, and is given again with the command.
        begins = not self.history.budgets and isinstance(next(iter(self.lost), None), GoalSet)
        if sum(isinstance(event, GoalSet) for event in self.lost) > begins:
            return "its trial budget had been raised"
        return None


def cut(files: StudyFolder) -> Cut:
    """Cut the event log of a study that the caller has locked (`alone_with`), and keep the damaged database aside;
    UsageError if the log is not damaged; StudyNotFoundError if there is no such study; OtherVersionError if a newer
    version wrote the log; StorageError if not even the first event can be read, or a file cannot be written."""
    if not files.database.exists():
        raise no_such_study(files)
    if _is_whole(files):
        raise UsageError(f"The event log of study {files.name} is not damaged, so there is nothing to cut.")
    found = _salvaged(files)
    if not found.events:
        raise StorageError(
            f"No event of study {files.name} can be read, so nothing was changed; restore a copy of its database, "
            f"or remove {files.path} to begin again."
        )
    history = stored_history(found.events)
    database = files.database
    with replaced(database) as new:
        end = _write(new, history, found)
        aside = _copy_aside(database, files.aside)
        # SQLite would add what these hold to the new file.
        for path in beside(database):
            path.unlink(missing_ok=True)
    note_end(files, end)
    return Cut(history=history, lost=found.lost, unread=found.unread, aside=aside)


def _is_whole(files: StudyFolder) -> bool:
    if damage(files.database) is not None:
        return False
    try:
        read_events(files)
    except OtherVersionError:
        raise
    except StorageError:
        return False
    return True


def _salvaged(files: StudyFolder) -> Salvage:
    try:
        name = name_inside(files)
    except StorageError:
        name = files.name
    with closing(open_damaged(files.database)) as connection:
        return log_of(connection, files, name).salvage()


def _write(new: Path, history: History, found: Salvage) -> LogEnd | None:
    """Write a database with the events that are kept, and all that follows from them; return where its log ends."""
    with closing(open_for_writing(new)) as connection:
        log = EventLog(connection, history.name)
        log.make_table()
        log.restore(found.rows)
        rebuild(connection, history)
        log.read()
        checkpoint(connection)
        return log.end


def _copy_aside(database: Path, aside: Path) -> Path:
    """Copy a database and the files that SQLite keeps next to it, without replacing any; return the copy."""
    make_folder(aside)
    names = (aside / f"{database.name}{f'.{number}' if number else ''}" for number in count())
    copy = next(name for name in names if not name.exists())
    for path in (*beside(database), database):
        if path.exists():
            atomic_write(copy.with_name(f"{copy.name}{path.name.removeprefix(database.name)}"), path.read_bytes())
    return copy
