"""The earlier study that a search names, found next to its own; or what the search has kept of it."""

from __future__ import annotations

from itertools import count

from search.errors import UsageError
from search.study import studies
from search.study.location import StudyLocation
from search.study.start_list import Continuation
from search.study.studies import StoredStudy, specification


def kept(location: StudyLocation, name: str) -> Continuation | None:
    """Return the trials of the named study that the study at a location began with; None if it has none of them.

    Raises:
        StorageError: its database cannot be read.
    """
    begun = specification(location)
    stored = None if begun is None else begun.get("continues")
    return None if stored is None or stored["study"] != name else Continuation.from_json(stored)


def opened(location: StudyLocation, name: str) -> StoredStudy:
    """Return the named study, which is kept in the same place as the one at a location.

    Raises:
        UsageError: it is the same study.
        StudyNotFoundError: there is no study of that name.
        StorageError: a database cannot be read.
    """
    if name == location.name:
        raise UsageError(
            f"Study {name} cannot continue itself: give the new search another name, such as --study-name "
            f"{free_name(location)}."
        )
    return studies.open_study(location.folder.parent, name, location.storage)


def free_name(location: StudyLocation) -> str:
    """Return a name like that of a study, which no study in the same place has.

    Raises:
        StorageError: a database cannot be read.
    """
    names = (f"{location.name}-{number}" for number in count(2))
    results, storage = location.folder.parent, location.storage
    return next(name for name in names if specification(StudyLocation.of(name, results, storage)) is None)
