"""How often the test set was opened: for a study, and from a folder of results.

A confirmation stands in two ledgers, that of the results folder and that of the study's own folder, so that a copy of
either tells what it has seen. Confirmations of earlier versions stand in the results folder's alone. The same line in
two ledgers is one opening.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from search.study import ResultsFolder, StudyLocation, name_inside


def purpose_of_confirming(name: str) -> str:
    """Return how the purpose begins of an opening by the confirmation of a study."""
    return f"confirm {name}: "


def for_study(location: StudyLocation) -> int:
    """Return how often the test set was opened for a study, under its folder's name or the one inside.

    Raises:
        StorageError: its database cannot be read.
    """
    purposes = tuple(purpose_of_confirming(name) for name in (location.name, name_inside(location)))
    lines = _lines(ResultsFolder(location.folder.parent).openings)
    older = Counter({line: count for line, count in lines.items() if (_purpose(line) or "").startswith(purposes)})
    return (_own(location.files.openings) | older).total()


def from_results(results: Path) -> int:
    """Return how often the test set was opened from a folder of results, and for studies copied into it."""
    found = _lines(ResultsFolder(results).openings)
    for files in ResultsFolder(results).with_openings():
        found |= _own(files.openings)
    return found.total()


def _own(ledger: Path) -> Counter[bytes]:
    """Return the entries of a study's own ledger; a torn one was written whole to that of the results before."""
    return Counter({line: count for line, count in _lines(ledger).items() if _purpose(line) is not None})


def _lines(ledger: Path) -> Counter[bytes]:
    try:
        return Counter(ledger.read_bytes().splitlines())
    except FileNotFoundError:
        return Counter()


def _purpose(line: bytes) -> str | None:
    """Return what an entry says that the test set was opened for; None where a line is no whole entry."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return str(entry.get("purpose")) if isinstance(entry, dict) else None
