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
    # The event log goes last: as long as it is there, the study is listed and can be removed again.
    with alone_with(location) as held:
        if location.owns_database:
            _remove_folder(location)
        else:
            _remove_from_shared(location, held)


def _remove_from_shared(location: StudyLocation, held: StudyLock | None) -> None:
    storage = open_for_writing(location.url)
    try:
        is_its_folder = belongs(location, EventLog(storage.engine, location.name).begun())
        remove(storage, location.name)
        if is_its_folder:
            _remove_folder(location)
        EventLog(storage.engine, location.name, held).remove()
        if held is not None:
            held.forget()
    finally:
        storage.engine.dispose()


def _remove_folder(location: StudyLocation) -> None:
    if not location.folder.is_dir():
        return
    folder, database = location.folder.resolve(), location.files.database.name
    rest = [path for path in folder.iterdir() if not path.name.startswith(database)]
    for path in rest:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    for path in sorted(folder.glob(f"{database}-*")):
        path.unlink()
    shutil.rmtree(folder)
    location.folder.unlink(missing_ok=True)  # a link to where it was
