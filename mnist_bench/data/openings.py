"""Count how often the test set was opened: for one study, and from a results folder.

A confirmation is noted in two ledgers, that of the results folder and that of the study's own folder, so that a copy of
either keeps the count. The same line in two ledgers counts once.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

from search.errors import StorageError
from search.files import read
from search.study.folder import ResultsFolder, StudyFolder
from search.study.studies import name_inside

MAX_BYTES = 16_000_000
"""Of a ledger: 100,000 openings; later ones are not counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """An opening of the test set, as a ledger has it."""

    time: str  # in UTC, ISO 8601
    purpose: str  # the purpose: the command, and its subject
    ledger: Path


def purpose_of_confirming(name: str) -> str:
    """Return the beginning of the purpose that a study's confirmation notes in the ledgers."""
    return f"confirm {name}: "


def for_study(files: StudyFolder) -> int:
    """Return how often the test set was opened for a study.

    A study's folder may have been renamed; openings count under the old name and under the new one.

    Raises:
        StorageError: the study's database cannot be read.
    """
    older = _about(files)
    own = _own(files.openings)
    # The union of counters keeps the larger count of each line, so a line in both ledgers counts once.
    return (own | older).total()


def of_study(files: StudyFolder) -> list[Opening]:
    """Return the whole entries about a study, the oldest first; those that `for_study` counts, without torn ones.

    Raises:
        StorageError: the study's database cannot be read.
    """
    ledger, own = files.results.openings, files.openings
    noted = dict.fromkeys(_about(files), ledger)
    noted |= dict.fromkeys(_own(own), own)
    return sorted(_openings(noted.items()), key=lambda opening: opening.time)


def from_results(results: Path) -> tuple[int, Opening | None]:
    """Return how often the test set was opened from a results folder, and for studies that were copied into it, and the
    last of these openings; None if no ledger has a whole one."""
    ledger = ResultsFolder(results).openings
    ledgers = {ledger: _lines(ledger)}
    for files in ResultsFolder(results).with_openings():
        with suppress(StorageError):  # a ledger that leads elsewhere is refused wherever the study itself is opened
            ledgers[files.openings] = _own(files.openings)
    found = _openings((line, noted_in) for noted_in, lines in ledgers.items() for line in lines)
    union = reduce(or_, ledgers.values())
    return union.total(), max(found, key=lambda opening: opening.time, default=None)


def _about(files: StudyFolder) -> Counter[bytes]:
    """Return the lines of the results folder's ledger about a study, under its folder's name or its name inside."""
    purposes = tuple(purpose_of_confirming(name) for name in (files.name, name_inside(files)))
    lines = _lines(files.results.openings)
    return Counter({line: count for line, count in lines.items() if (_purpose(line) or "").startswith(purposes)})


def _openings(lines: Iterable[tuple[bytes, Path]]) -> list[Opening]:
    """Return the openings that lines note, each with its ledger, without lines that are not whole entries."""
    return [
        Opening(time=str(entry.get("time", "")), purpose=str(entry.get("purpose", "")), ledger=ledger)
        for line, ledger in lines
        if (entry := _entry(line)) is not None
    ]


def _own(ledger: Path) -> Counter[bytes]:
    """Return the whole lines of a study's own ledger; a torn one is whole in that of the results, written before it."""
    return Counter({line: count for line, count in _lines(ledger).items() if _purpose(line) is not None})


def _lines(ledger: Path) -> Counter[bytes]:
    try:
        return Counter(read(ledger, MAX_BYTES).splitlines())
    except FileNotFoundError:
        return Counter()


def _purpose(line: bytes) -> str | None:
    """Return the purpose of the opening that a line notes; None if the line is not a complete entry."""
    entry = _entry(line)
    return None if entry is None else str(entry.get("purpose"))


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None
