"""Whether a folder's files are a study's: another of its name, in another database, may have left them."""

from __future__ import annotations

from search.errors import UsageError
from search.files import atomic_write
from search.study.studies import DATABASE, StudyLocation, name_inside

_MARK = "begun"
"""A file with the time at which the study's first event was written, where its database is elsewhere."""


def check_belongs(place: StudyLocation, begun: str | None = None) -> None:
    """Check that a folder's files, where there are any, are of the study that was begun then.

    Raises:
        UsageError: they are another one's; its checkpoints must not be taken for this one's, nor its weights replaced.
    """
    if belongs(place, begun):
        return
    mark = place.folder / _MARK
    known = f"begun {mark.read_text()}" if mark.exists() else f"whose database is {place.folder / DATABASE}"
    raise UsageError(
        f"{place.folder} holds files of another study of this name, {known}; move or remove that folder, or give this "
        "search a name of its own with --study-name."
    )


def check_not_renamed(place: StudyLocation) -> None:
    """Check that the study in a folder's own database has the folder's name.

    Raises:
        UsageError: it has another; a second search in its folder would take its checkpoints and weights.
    """
    if (name := name_inside(place)) != place.name:
        raise UsageError(
            f"{place.folder} holds study {name} under another name; rename the folder back to {name} to go on with it, "
            "or choose another --study-name."
        )


def belongs(place: StudyLocation, begun: str | None) -> bool:
    """Return whether the folder's files are of the study that was begun then, or of none."""
    mark = place.folder / _MARK
    if place.owns_database:
        return not mark.exists()
    return not (place.folder / DATABASE).exists() and (not mark.exists() or mark.read_text() == begun)


def mark_as_its(place: StudyLocation, begun: str | None) -> None:
    """Note which study a folder's files are of; where its database is among them, that says it."""
    if begun is not None and not place.owns_database and not (place.folder / _MARK).exists():
        atomic_write(place.folder / _MARK, begun.encode())
