"""Notes for people about a study: its space as a file, and every command that searched, as it was typed.

They are not part of the fingerprint, and no decision depends on them. A new note for people is a field of `Invocation`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from search.errors import StorageError
from search.files import append_line, atomic_write, read
from search.space.space import Space
from search.study.folder import StudyFolder

MAX_BYTES = 16_000_000  # most bytes of the log that are read; later lines are left out


@dataclass(frozen=True, kw_only=True, slots=True)
class Invocation:
    """A command, or a call from Python, that searched."""

    command: str | None = None  # as it was typed; None of a call
    data_dir: str | None = None  # the folder of the data files; None for those inside the package
    net: str | None = None
    """The name by which a custom net is loaded, a file with its whole path. None without a custom net."""


def keep_invocation(files: StudyFolder, space: Space, invocation: Invocation | None) -> None:
    """Write the space of a study that begins into its folder, and add the invocation to those before; StorageError if
    the folder cannot be written."""
    try:
        if not files.space.exists():
            atomic_write(files.space, space.to_yaml().encode())
        if invocation is not None:
            entry = {"at": datetime.now(UTC).isoformat(timespec="seconds"), **asdict(invocation)}
            append_line(files.commands, json.dumps(entry))
    except OSError as error:
        raise StorageError(f"{files.path}: cannot be written ({error.strerror}).") from error


def invocations(files: StudyFolder) -> list[Invocation]:
    """Return the commands and calls that searched a study, oldest first; unreadable lines are left out."""
    try:
        lines = read(files.commands, MAX_BYTES).decode(errors="replace").splitlines()
    except FileNotFoundError:
        return []
    return [invocation for line in lines if (invocation := _invocation(line))]


def typed_commands(searched: Sequence[Invocation]) -> list[str]:
    """Return the commands that searched, as they were typed; a call from Python has none."""
    return [made.command for made in searched if made.command is not None]


def latest_data(searched: Sequence[Invocation]) -> str | None:
    """Return the data of the last invocation that named any; None if none did."""
    return next((made.data_dir for made in reversed(searched) if made.data_dir), None)


def latest_net(searched: Sequence[Invocation]) -> str | None:
    """Return the custom net's name in the last invocation that kept one; None if none did."""
    return next((made.net for made in reversed(searched) if made.net), None)


def _invocation(line: str) -> Invocation | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or not isinstance(entry.get("command", ...), str | None):
        return None
    return Invocation(command=entry["command"], data_dir=_text(entry.get("data_dir")), net=_text(entry.get("net")))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
