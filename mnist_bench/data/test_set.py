"""The only way to open the test set, and the ledgers of its openings.

A search closes the test set in every process of its own (`close_test_set`); from then on any opening of a test file
other than through `open_test_set` fails, whichever library tries.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mnist_bench.data import guard, idx, mnist
from mnist_bench.data.mnist import DataOptions, Images
from search.errors import StorageError

TEST_FILES = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def open_test_set(options: DataOptions, *, purpose: str, ledgers: Sequence[Path]) -> Images:
    """Return the test images and labels of the data set that `options` name.

    The same line with the time (UTC), the purpose and the hashes of both files stands in each ledger, flushed to disk
    in the order given, before the caller sees an image.

    Raises:
        DataError: a file is missing, damaged, or not in MNIST's format.
        StorageError: a ledger cannot be written; the images are not returned.
    """
    with guard.passage():
        images = mnist.load_images(options, TEST_FILES, train=False)
    time = datetime.now(UTC).isoformat(timespec="seconds")
    for ledger in ledgers:
        _append(ledger, {"time": time, "purpose": purpose, "files": images.digests})
    return images


def hashes_of_test_set(options: DataOptions) -> list[str]:
    """Return the SHA-256 of the test images' and the test labels' file, for a check-up that shows nobody an image.

    Nothing can be learnt of the images by it, so it is no opening, and the ledger does not count it.

    Raises:
        DataError: a file is missing, damaged, or not in MNIST's format.
    """
    with guard.passage():
        return mnist.load_images(options, TEST_FILES, train=False).digests


def unopened_identity(options: DataOptions) -> list[str]:
    """Return what tells one test set from another without opening its files.

    It is the hashes that are pinned for the packaged files; of files in a folder path, size and time of change; of a
    relative its name.

    Raises:
        DataError: a file is not there.
    """
    if options.dataset != "mnist":
        return [options.dataset]
    if options.data_dir is None:
        return [mnist.SHA256[name] for name in TEST_FILES]
    paths = [idx.find(Path(options.data_dir), name) for name in TEST_FILES]
    return [f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in paths]


def _append(ledger: Path, entry: dict[str, Any]) -> None:
    try:
        ledger.parent.mkdir(parents=True, exist_ok=True)
        torn = ledger.exists() and not ledger.read_bytes().endswith(b"\n")
        with ledger.open("a") as file:
            file.write("\n" * torn + json.dumps(entry) + "\n")  # what a kill tore is a line of its own
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StorageError(f"{ledger}: the opening of the test set cannot be noted ({error})") from error
