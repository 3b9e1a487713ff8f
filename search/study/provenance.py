"""How a study was asked for: its space as a file, and every command that searched, as it was typed.

Both are for people. The fingerprint has no part of them, and no decision depends on them.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from search.errors import StorageError
from search.files import append_line, atomic_write
from search.space import Space
from search.study.folder import StudyFolder


@dataclass(frozen=True, kw_only=True, slots=True)
class Invocation:
    """A command that searched."""

    command: str
    """As it was typed, without a storage that may hold a password."""
    data_dir: str | None = None
    """The folder of the data files; None for those inside the package."""


def keep_provenance(files: StudyFolder, space: Space, invocation: Invocation | None) -> None:
    """Write the space of a study that begins into its folder, and add the command to those before.

    Raises:
        StorageError: the folder cannot be written.
    """
    try:
        if not files.space.exists():
            atomic_write(files.space, space.to_yaml().encode())
        if invocation is not None:
            entry = {"at": datetime.now(UTC).isoformat(timespec="seconds"), **asdict(invocation)}
            append_line(files.commands, json.dumps(entry))
    except OSError as error:
        raise StorageError(f"{files.path}: cannot be written ({error.strerror}).") from error


def invocations(files: StudyFolder) -> list[Invocation]:
    """Return the commands that searched a study, the first one first; lines that cannot be read are left out."""
    try:
        lines = files.commands.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []
    return [invocation for line in lines if (invocation := _invocation(line))]


def data_option(source: Path | str | None) -> str:
    """Return the option that names a data set in a command to copy, with a space before it; nothing where there is
    none."""
    return "" if source is None else f" --data {shlex.quote(str(source))}"


def data_option_of(files: StudyFolder) -> str:
    """Return that of the data which the last command that named any searched on; nothing where none did."""
    named = [invocation.data_dir for invocation in invocations(files) if invocation.data_dir]
    return data_option(named[-1] if named else None)


def _invocation(line: str) -> Invocation | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or not isinstance(entry.get("command"), str):
        return None
    folder = entry.get("data_dir")
    return Invocation(command=entry["command"], data_dir=folder if isinstance(folder, str) else None)
