"""The section `[tool.mnist-bench]` of the nearest pyproject.toml, in the working folder or above it."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.errors import UsageError
from search.files import read
from search.messages import did_you_mean, in_a_sentence, joined, show

FILE = "pyproject.toml"
SECTION = "mnist-bench"
SYSTEM = 0
"""The user who owns the system's files."""
MAX_BYTES = 1_000_000
"""Of a file that is read; the largest of a well-known project has a tenth of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """The section of a file."""

    file: Path
    values: Mapping[str, Any]
    text: str
    """The whole file."""

    def place(self, key: str) -> str:
        """Return where a key stands: `pyproject.toml:12`."""
        return _place(self.file, _line_of(key, self.text))


def section(known: Collection[str]) -> Section | None:
    """Return the section of the nearest file that has one; None if there is none.

    Raises:
        UsageError: the file is not TOML, or the section has a key that is not `known`.
    """
    found = next((each for file in _files() if _is_trusted(file) and (each := _section(file))), None)
    if found is not None and (unknown := next((key for key in found.values if key not in known), None)):
        raise UsageError(
            f"{found.place(unknown)}: [tool.{SECTION}] has no key {show(unknown)}"
            f"{did_you_mean(unknown, known) or '.'} Its keys are {joined(known)}."
        )
    return found


def not_used() -> list[Path]:
    """Return the files with a section that are not used, because they belong to another user."""
    return [file for file in _files() if not _is_trusted(file) and _has_section(file)]


def _files() -> Iterator[Path]:
    """Yield the files in the working folder and above it, the nearest first; none if that folder was deleted."""
    try:
        folder = Path.cwd()
    except FileNotFoundError:
        return
    # Not by `Path.is_file`, for which a folder above that this user may not enter is an error.
    yield from (file for above in (folder, *folder.parents) if os.path.isfile(file := above / FILE))


def _is_trusted(file: Path) -> bool:
    """Return whether a file belongs to this user or to the system: in /tmp, for instance, anyone can write one."""
    return file.stat().st_uid in (os.geteuid(), SYSTEM)


def _section(file: Path) -> Section | None:
    """Return the section of a file; None if it has none.

    Raises:
        UsageError: it mentions the section, and is not TOML.
    """
    text = _text(file)
    if SECTION not in text:
        return None
    try:
        values = tomllib.loads(text).get("tool", {}).get(SECTION)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        place = _place(file, int(line[1]) if line else text.count("\n") + 1)
        raise UsageError(f"{place}: the file is not TOML ({in_a_sentence(error)}).") from None
    if values is None:
        return None
    if not isinstance(values, dict):
        raise UsageError(f"{_place(file, _line_of('', text))}: write [tool.{SECTION}] as a table of keys.")
    return Section(file=file, values=values, text=text)


def _has_section(file: Path) -> bool:
    try:
        return _section(file) is not None
    except UsageError:
        return False


def _text(file: Path) -> str:
    """Return the text of a file; empty if it cannot be read."""
    try:
        return read(file, MAX_BYTES).decode(errors="replace")
    except OSError:
        return ""


def _place(file: Path, line: int) -> str:
    folder = Path.cwd()
    return f"{file.relative_to(folder) if file.is_relative_to(folder) else file}:{line}"


def _line_of(key: str, text: str) -> int:
    """Return the line on which a key of the section stands, or else the section begins; TOML's reader tells no line."""
    is_inside, lines = False, text.splitlines()
    for number, line in enumerate(lines, start=1):
        if re.match(r"\s*\[", line):
            is_inside = SECTION in line
        elif is_inside and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*=""", line):
            return number
    return next(number for number, line in enumerate(lines, start=1) if SECTION in line)
