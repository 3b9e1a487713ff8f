"""Count how often the test set was opened: for one study, and from a results folder.

A confirmation is noted in two ledgers, that of the results folder and that of the study's own folder, so that a copy of
either keeps the count. Earlier versions noted it in the results folder only. The same line in two ledgers counts once.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path

from search.errors import StorageError
from search.files import read
from search.study import ResultsFolder, StudyLocation, name_inside

MAX_BYTES = 16_000_000
"""Of a ledger: 100,000 openings; what follows is not counted."""


def purpose_of_confirming(name: str) -> str:
    """Return the beginning of the purpose that a study's confirmation notes in the ledgers."""
    return f"confirm {name}: "


def for_study(location: StudyLocation) -> int:
    """Return how often the test set was opened for a study.

    A study's folder may have been renamed; openings count under the old name and under the new one.

    Raises:
        StorageError: the study's database cannot be read.
    """
    purposes = tuple(purpose_of_confirming(name) for name in (location.name, name_inside(location)))
    lines = _lines(ResultsFolder(location.folder.parent).openings)
    older = Counter({line: count for line, count in lines.items() if (_purpose(line) or "").startswith(purposes)})
    # The union of counters keeps the larger count of each line, so a line in both ledgers counts once.
    return (_own(location.files.openings) | older).total()


def from_results(results: Path) -> int:
    """Return how often the test set was opened from a results folder, and for studies that were copied into it."""
    lines = _lines(ResultsFolder(results).openings)
    for files in ResultsFolder(results).with_openings():
        with suppress(StorageError):  # a ledger that leads elsewhere is refused wherever the study itself is opened
            lines |= _own(files.openings)
    return lines.total()


def _own(ledger: Path) -> Counter[bytes]:
    """Return the whole lines of a study's own ledger; a torn one is whole in that of the results, written before it."""
    return Counter({line: count for line, count in _lines(ledger).items() if _purpose(line) is not None})


def _lines(ledger: Path) -> Counter[bytes]:
    try:
        return Counter(read(ledger, MAX_BYTES).splitlines())
    except FileNotFoundError:
        return Counter()


def _purpose(line: bytes) -> str | None:
    """Return the purpose of the opening that a line notes; None if the line is not a whole entry."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return str(entry.get("purpose")) if isinstance(entry, dict) else None
