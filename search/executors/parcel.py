"""Files that trainers on other machines need: sent to each machine once, and found there by all of its workers."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from search.files import atomic_write, make_folder


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """Files by name, and the trainer's option that is to hold their folder."""

    option: str
    files: Mapping[str, bytes]


def unpack(files: Mapping[str, bytes]) -> Path:
    """Return the folder of this machine that holds the files; what an earlier worker has written there stays.

    It is named by their content and lies among the temporary files, so that a later search finds it too.

    Raises:
        UsageError: the folder cannot be made.
        OSError: a file cannot be written.
    """
    folder = Path(tempfile.gettempdir()) / f"mnist-bench-{os.getuid()}" / _digest(files)[:16]
    make_folder(folder)
    for name, content in files.items():
        if not (folder / name).exists():
            atomic_write(folder / name, content)
    return folder


def _digest(files: Mapping[str, bytes]) -> str:
    hashed = hashlib.sha256()
    for name, content in sorted(files.items()):
        hashed.update(f"{name} {len(content)} ".encode() + content)
    return hashed.hexdigest()
