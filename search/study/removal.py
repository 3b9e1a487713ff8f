"""Removing a study: its events, its rows in Optuna's tables, its folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from search.database import StudyLock, open_for_writing
from search.event_log import EventLog
from search.study.location import StudyLocation, belongs
from search.study.studies import alone_with, newest_event, no_such_study
from search.study.tables_check import remove


def remove_study(results: Path, name: str, storage: str | None = None) -> None:
    """Remove a study from its database, and its folder, unless that is another one's of its name.

    Raises:
        StudyNotFoundError: there is none of that name.
        StudyLockedError: another process works on it.
        StorageError: the database cannot be written.
    """
    location = StudyLocation.of(name, results, storage)
    if newest_event(location) is None and not location.folder.is_dir():
        raise no_such_study(location)
    with alone_with(location) as held:
        is_its_folder = location.owns_database or _remove_rows(location, held)
        if is_its_folder and location.folder.is_dir():
            shutil.rmtree(location.folder.resolve())
            location.folder.unlink(missing_ok=True)  # a link to where it was


def _remove_rows(location: StudyLocation, held: StudyLock | None) -> bool:
    """Remove the event log last: as long as it is there, the study is listed and can be removed again.

    Returns whether the study's folder belongs to it.
    """
    storage = open_for_writing(location.url)
    try:
        is_its_folder = belongs(location, EventLog(storage.engine, location.name).begun())
        remove(storage, location.name)
        EventLog(storage.engine, location.name, held).remove()
        if held is not None:
            held.forget()
        return is_its_folder
    finally:
        storage.engine.dispose()
