"""A folder that appears whole or not at all; the remains of a killed process are removed by the next one."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "new-"
"""Names of folders that are being filled begin so."""


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give a folder to fill, which gets the name `target` at the end of the block.

    If another process was faster, its folder of that name stays: equal names mean equal contents.

    Raises:
        OSError: no folder can be made there.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with _among_writers(target.parent):
        made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=target.parent))
        try:
            yield made
            with suppress(OSError):
                made.rename(target)
        finally:
            shutil.rmtree(made, ignore_errors=True)


@contextmanager
def _among_writers(root: Path) -> Iterator[None]:
    """Share a lock on a folder with all who make new ones in it; a process that has it alone first removes the remains
    of others."""
    handle = os.open(root, os.O_RDONLY)
    try:
        if _locked(handle, fcntl.LOCK_EX | fcntl.LOCK_NB):
            # The kernel takes the lock from a process that dies, so none is left that fills one of these.
            for left in root.glob(f"{PREFIX}*"):
                shutil.rmtree(left, ignore_errors=True)
        _locked(handle, fcntl.LOCK_SH)  # waits while another process removes, and for nothing else
        yield
    finally:
        os.close(handle)


def _locked(handle: int, kind: int) -> bool:
    """Return whether a lock was got: another process may have it, and some network drives know none."""
    with suppress(OSError):
        fcntl.flock(handle, kind)
        return True
    return False
