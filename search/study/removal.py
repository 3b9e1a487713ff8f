"""Removing a study: its events, its rows in Optuna's tables, its folder. Removing its weights alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from search.database import StudyLock, file_lock, open_for_writing
from search.errors import StudyLockedError
from search.event_log import EventLog
from search.messages import joined
from search.notes import remove_notes
from search.study.folder import StudyFolder
from search.study.location import StudyLocation, belongs
from search.study.studies import alone_with, driver_of, newest_event, no_such_study
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


def check_idle(locations: Iterable[StudyLocation]) -> None:
    """Check that no process works on any of several studies, before the first one is changed.

    Raises:
        StudyLockedError: some are in use; the message names them, and the process of the first one.
        StorageError: a database cannot be read.
    """
    holders = {location.name: holder for location in locations if (holder := _holder(location)) is not None}
    if holders:
        verb = "is" if len(holders) == 1 else "are"
        raise StudyLockedError(
            f"{joined(holders)} {verb} in use ({next(iter(holders.values()))}), and nothing was removed; wait for that "
            "work or stop it."
        )


def _holder(location: StudyLocation) -> str | None:
    held = [file_lock.holder(lock) for lock in location.files.inner_locks if file_lock.is_held(lock)]
    return held[0] if held else driver_of(location)


def files_of_weights(files: StudyFolder) -> list[Path]:
    """Return the files with the weights of a study's networks: of its best trials, and of those that were confirmed."""
    return [*files.kept_weights().values(), *files.confirm.kept_nets().values()]


def remove_weights(location: StudyLocation) -> None:
    """Remove the files with the weights of a study's networks; its record and its results stay.

    Raises:
        StudyLockedError: another process works on it.
        StorageError: a file cannot be removed.
    """
    with alone_with(location):
        for path in files_of_weights(location.files):
            path.unlink()


def _remove_from_shared(location: StudyLocation, held: StudyLock | None) -> None:
    storage = open_for_writing(location.url)
    try:
        is_its_folder = belongs(location, EventLog(storage.engine, location.name).begun())
        remove(storage, location.name)
        if is_its_folder:
            _remove_folder(location)
        remove_notes(storage.engine, location.name)
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
