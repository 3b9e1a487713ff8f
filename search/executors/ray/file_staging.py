"""Files that trainers on other machines need: sent to each machine once, and found there by all of its workers."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from search.errors import UsageError
from search.files import atomic_write, make_folder


@dataclass(frozen=True, kw_only=True, slots=True)
class StagedFiles:
    """Files by name, and the trainer's options that are to lead to them."""

    options: Mapping[str, str]
    """Of each option, the part after the folder of the files: `net.py:build`, or nothing for the folder itself."""
    files: Mapping[str, bytes]

    def unpacked(self) -> dict[str, str]:
        """Return the options, their files on this machine; errors as in `unpack`."""
        if not self.files:
            return {}
        folder = unpack(self.files)
        return {option: str(folder / rest) for option, rest in self.options.items()}


def folder_of(files: Mapping[str, bytes]) -> Path:
    """Return where a machine keeps these files: named by their content, in its temporary folder, for later searches."""
    return Path(tempfile.gettempdir()) / f"mnist-bench-{os.getuid()}" / _digest(files)[:16]


def unpack(files: Mapping[str, bytes]) -> Path:
    """Return the folder of this machine that holds the files; files that an earlier worker has written there stay.

    They may contain code that runs here, so files and folders of other users are not trusted.

    Raises:
        UsageError: the folder cannot be made, or belongs to another user.
        OSError: a file cannot be written.
    """
    folder = folder_of(files)
    make_folder(folder)
    for each in (folder.parent, folder):
        if each.lstat().st_uid != os.getuid():
            raise UsageError(f"{each}: belongs to another user, who could change the files in it; remove it.")
    for name, content in files.items():
        path = folder / name
        if path.is_symlink():
            path.unlink()
        if not path.is_file() or path.read_bytes() != content:
            atomic_write(path, content)
    return folder


def _digest(files: Mapping[str, bytes]) -> str:
    hashed = hashlib.sha256()
    for name, content in sorted(files.items()):
        hashed.update(f"{name} {len(content)} ".encode() + content)
    return hashed.hexdigest()
