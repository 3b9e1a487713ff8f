"""Whether a folder's files are a study's whose database is elsewhere: another of its name may have left them."""

from __future__ import annotations

from pathlib import Path

from search.errors import UsageError
from search.files import atomic_write

_MARK = "begun"
"""A file with the time at which the study's first event was written."""


def check_belongs(folder: Path, begun: str | None) -> None:
    """Check that a folder's files, where there are any, are of the study that was begun then.

    Raises:
        UsageError: they are another one's; its checkpoints must not be taken for this one's.
    """
    mark = folder / _MARK
    known = mark.read_text() if mark.exists() else None
    if known not in (None, begun):
        raise UsageError(
            f"{folder} holds files of another study of this name, begun {known}; move or remove that folder, or give "
            "this search a name of its own with --study-name."
        )


def mark_as_its(folder: Path, begun: str | None) -> None:
    """Note which study a folder's files are of."""
    if begun is not None and not (folder / _MARK).exists():
        atomic_write(folder / _MARK, begun.encode())
