"""The cache of your own data as IDX files, in a folder named after the hash of its whole content.

A source whose name, size and time are known is not opened again. Later runs open the IDX files alone, and of these the
test part only through `open_test_set`.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from mnist_bench.data import guard, idx, picture_folder
from mnist_bench.data.choice import TRAIN_FILES
from mnist_bench.data.mnist import ABOUT, About, Parts, about, cache_folder
from mnist_bench.data.test_set import TEST_FILES
from mnist_bench.errors import DataError
from mnist_bench.picture_form import PictureForm
from search import canonical_json
from search.files import atomic_write


def kept(source: Path, stamp: str, read: Callable[[Path], Parts]) -> tuple[Path, PictureForm]:
    """Return the folder with the IDX files of a source, and their form; the source is read if there is no such folder.

    Args:
        source: a file or folder in a format of `formats`.
        stamp: a text that changes when the source does.
        read: reads the source.

    Raises:
        DataError: the source is faulty, or the cache cannot be written.
    """
    root = cache_folder() / "data"
    known = root / "sources" / canonical_json.sha256([picture_folder.printable(str(source)), stamp])
    with suppress(OSError, ValueError):
        folder = root / known.read_text(encoding="utf-8")
        if made := _whole(folder):
            return folder, made.form
    parts = read(source)
    try:
        folder = _written(parts, root, source)
        known.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(known, folder.name.encode())
    except OSError as error:
        raise DataError(f"{root}: {source} cannot be kept there ({error.strerror})") from error
    return folder, parts.form


def _whole(folder: Path) -> About | None:
    """Return the description of the files in a cache folder; None if one is missing, or has another size than it had.

    Programs that clean up caches may remove single files.
    """
    made = about(folder)
    files = {} if made is None else {folder / name: size for name, size in made.sizes.items()}
    return made if all(file.is_file() and file.stat().st_size == size for file, size in files.items()) else None


def _written(parts: Parts, root: Path, source: Path) -> Path:
    """Return the folder with the files of a data set, which appears whole or not at all."""
    names = (*TRAIN_FILES, *TEST_FILES)
    arrays = (parts.train.images, parts.train.labels, parts.test.images, parts.test.labels)
    hashes = dict(zip(names, (*parts.train.digests, *parts.test.digests), strict=True))
    # Two sources may hold the same pictures and name the classes otherwise, or not at all.
    named = [list(parts.names)] if parts.names else []
    folder = root / canonical_json.sha256([asdict(parts.form), hashes, *named])[:32]
    said = {"form": asdict(parts.form), "sha256": hashes, "classes": list(parts.names), "source": str(source)}
    if _whole(folder):
        return folder  # of another source with the same content
    shutil.rmtree(folder, ignore_errors=True)  # it has lost a file, or its content is unknown
    with new_folder(folder) as made:
        sizes = {}
        for name, values in zip(names, arrays, strict=True):
            content = idx.pack(values)
            sizes[name] = len(content)
            with guard.passage():
                atomic_write(made / name, content)
        atomic_write(made / ABOUT, json.dumps({**said, "sizes": sizes}, indent=1).encode())
    return folder


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
