"""The tables that the package ships, the hashes of their files, and how a table is loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from mnist_bench.tables import stored
from mnist_bench.tables.recorded_benchmark import RecordedBenchmark
from search.errors import StorageError, UsageError
from search.messages import did_you_mean, show

FOLDER = Path(__file__).parent / "shipped"

SHA256: Mapping[str, str] = {
    "conv-5k": "56ccba63ffff817344d82caa834b3647ce43fb19238995478e33bbad5dedca08",
    "conv-5k-wrong": "aa787fe6b3596874ce62f8d1b344011e71f562cebc2757a05afcaf209d5bb999",
    "grid-5k": "cafab04e557472c76fc8062834f7a00769471a7d45be739a38524c1548b64e6f",
}
"""SHA-256 of each table's file, by the table's name."""

FILE = ".npz"
"""How the name of a table's file ends."""


def path_of(name: str) -> Path:
    """Return the file of a shipped table, or the file that is named."""
    return Path(name) if name.endswith(FILE) else FOLDER / f"{name}{FILE}"


def load(name: str) -> RecordedBenchmark:
    """Return a table that the package ships, by its name, or that of a file, by its path.

    Raises:
        UsageError: there is no such table.
        StorageError: its file is damaged.
    """
    path = path_of(name)
    if name.endswith(FILE):
        if not path.is_file():
            raise UsageError(f"{path}: there is no such file.")
    elif name not in SHA256:
        there_are = f"there are {', '.join(SHA256)}" if SHA256 else "this installation ships none"
        hint = did_you_mean(name, SHA256) or f"; {there_are}."
        raise UsageError(f"There is no table {show(name)}{hint} A table's file is named by its path, FILE{FILE}.")
    elif not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != SHA256[name]:
        raise StorageError(f"{path}: its content is not that of table {name}; reinstall the package.")
    return RecordedBenchmark(*stored.unpack(path))
