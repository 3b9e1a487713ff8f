"""The packaged training images, unpacked, hashed and ordered once per process: each command would need a second."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mnist_bench.data import choice, idx, mnist, split

_read, _digest = idx.read, idx.digest
_kept: dict[Path, NDArray[Any]] = {}
"""The packaged training files that were read, as arrays that nobody can write to."""


def keep() -> None:
    """From now on, read, hash and order the packaged training images once in this process."""
    if idx.read is not _read:
        return
    idx.read, idx.digest = _kept_or_read, _known_or_digest
    vars(split)["_hash_order"] = cache(vars(split)["_hash_order"])


def _kept_or_read(path: Path) -> NDArray[Any]:
    if path.parent != mnist.PACKAGED or path.name.removesuffix(".gz") not in choice.TRAIN_FILES:
        return _read(path)
    if path not in _kept:
        _kept[path] = _read(path)
    return _kept[path]


def _known_or_digest(values: NDArray[Any]) -> str:
    return next((_digest_of(path) for path, kept in _kept.items() if kept is values), None) or _digest(values)


@cache
def _digest_of(path: Path) -> str:
    return _digest(_kept[path])
