"""Checkpoints of unfinished trials: the state after a period, with the report that came with it.

A file is written as soon as a worker delivers, before its event's turn comes; so a period that a worker has finished is
never trained again, however the process ends. Each file carries a SHA-256 and is checked before anything of it is
believed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from search.errors import OtherVersionError, StorageError, UsageError
from search.files import atomic_write, leftovers, make_folder, opened, own
from search.trainer_api import Report

SUFFIX = ".state"
_HASH_LENGTH = 32


def read(path: Path) -> tuple[Report, bytes] | None:
    """Return the content of a checkpoint; None if there is none, or if it is unreadable or damaged; OtherVersionError
    if it is whole, and a newer version wrote it."""
    try:
        with opened(own(path)) as file:
            content = file.read()
    except (OSError, StorageError):
        return None
    digest, body = content[:_HASH_LENGTH], content[_HASH_LENGTH:]
    if hashlib.sha256(body).digest() != digest:
        return None
    split = 8 + int.from_bytes(body[:8], "big")
    try:
        return Report.from_json(json.loads(body[8:split])), body[split:]
    except OtherVersionError as error:
        raise OtherVersionError(f"{path}: {error}.") from error
    except (ValueError, TypeError, RecursionError, UsageError):
        return None


class CheckpointStore:
    """A folder of checkpoints, one file a trial and period."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        make_folder(folder)

    def put(self, trial: int, period: int, report: Report, state: bytes) -> None:
        """Keep a worker's result; StorageError if it cannot be written; earlier checkpoints stay."""
        header = json.dumps(report.to_json()).encode()
        body = len(header).to_bytes(8, "big") + header + state
        path = self._path(trial, period)
        try:
            atomic_write(path, hashlib.sha256(body).digest() + body)
        except OSError as error:
            raise StorageError(f"{path}: cannot be written ({error.strerror}). Nothing written is lost.") from error

    def get(self, trial: int, period: int) -> tuple[Report, bytes] | None:
        """Return the kept checkpoint; see `read`."""
        return read(self._path(trial, period))

    def drop(self, trial: int, periods: Iterable[int]) -> None:
        """Remove a trial's checkpoints after these periods. Each costs a call, on a network file system a round trip,
        whether it is there or not."""
        for period in periods:
            self._path(trial, period).unlink(missing_ok=True)

    def drop_trial(self, trial: int) -> None:
        """Remove all checkpoints of a trial; lists the folder."""
        for path in list(self._folder.glob(f"{trial}-*{SUFFIX}")):
            path.unlink(missing_ok=True)

    def drop_unfinished(self) -> None:
        """Remove the files of a process that was killed while it wrote."""
        for path in leftovers(self._folder):
            path.unlink(missing_ok=True)

    def trials(self) -> set[int]:
        """Return the numbers of the trials that have checkpoints."""
        return {int(path.stem.split("-")[0]) for path in self._folder.glob(f"[0-9]*-[0-9]*{SUFFIX}")}

    def _path(self, trial: int, period: int) -> Path:
        return self._folder / f"{trial}-{period}{SUFFIX}"
