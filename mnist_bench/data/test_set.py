"""The only way to open the test set, and the ledgers that count its openings.

A search closes the test set in each of its processes (`guard.close_test_set`). From then on, no library can open a test
file there, except through `open_test_set`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mnist_bench.data import guard, idx, mnist
from mnist_bench.data.choice import SHA256, DataOptions, of_files
from mnist_bench.data.mnist import Images
from search.errors import StorageError
from search.files import append_line

TEST_FILES = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def open_test_set(options: DataOptions, *, purpose: str, ledgers: Sequence[Path]) -> Images:
    """Return the test images and labels of the data set that `options` select.

    Before the caller gets an image, a line is appended to each ledger, in the given order, and synced to disk. It has
    the time (UTC), the purpose and the hashes of both files.

    Raises:
        DataError: a file is missing, damaged, or not in MNIST's format.
        StorageError: a ledger cannot be written. The images are not returned.
    """
    # Loaded before it is noted: an attempt that fails on a missing or damaged file is not an opening.
    with guard.passage():
        images = mnist.load_images(options, TEST_FILES, train=False)
    time = datetime.now(UTC).isoformat(timespec="seconds")
    for ledger in ledgers:
        _append(ledger, {"time": time, "purpose": purpose, "files": images.digests})
    return images


def hashes_of_test_set(options: DataOptions) -> list[str]:
    """Return the SHA-256 of the test images' and of the test labels' file, for a check-up.

    Hashes reveal nothing about the images, so this does not count as an opening.

    Raises:
        DataError: a file is missing, damaged, or not in MNIST's format.
    """
    with guard.passage():
        return mnist.load_images(options, TEST_FILES, train=False).digests


def unopened_identity(options: DataOptions) -> list[str]:
    """Return the identity of a test set, without opening its files.

    For the packaged files these are the pinned hashes; for files in a folder their path, size and time of change; for a
    relative its name.

    Raises:
        DataError: a file is missing.
    """
    if not of_files(options.dataset):
        return [options.dataset]
    if options.data_dir is None:
        return [SHA256[name] for name in TEST_FILES]
    paths = [idx.find(Path(options.data_dir), name) for name in TEST_FILES]
    return [f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in paths]


def _append(ledger: Path, entry: dict[str, Any]) -> None:
    try:
        ledger.parent.mkdir(parents=True, exist_ok=True)
        append_line(ledger, json.dumps(entry))
    except OSError as error:
        raise StorageError(f"{ledger}: the evaluation on the test set cannot be logged ({error})") from error
