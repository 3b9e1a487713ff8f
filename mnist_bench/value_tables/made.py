"""The tables that the package ships: files of arrays, compressed, without pickles."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mnist_bench.value_tables.value_table import ValueTable
from search.errors import StorageError, UsageError
from search.messages import did_you_mean, listing, show
from search.space.space import Space

FAMILY = "scikit-learn"
FOLDER = Path(__file__).parent / "shipped"

SHA256: Mapping[str, str] = {
    "mlp-diabetes": "40247593fc468a57ed75a43b9315cba4ed73da7a7087c2054ee426840a880200",
    "boosting-diabetes": "aca0651d8dca6b8ba8b2baa6bbf7b12d3cefcd6993528ec7ccf1d8b70927d410",
    "mlp-wine": "3b27ccc66c458b1a8b7df1d2a8e87c51d72bd446da00d6a87fe1fad32dbd5750",
    "boosting-friedman": "9c986461bbde71f9974e346939891d317a9571f3f0d7b2deecf53bf2c3198afd",
    "mlp-breast-cancer": "cde4f7834d227cc06fb8444cb89ceed05f0b521019a690c02b1bc8cadcbc0ed7",
    "boosting-hastie": "49e9715e43b652c0376791e99c6221744ac2186db23623349cb6980d387f9a5c",
}
"""SHA-256 of each table's file, by the table's name."""


def path_of(name: str) -> Path:
    """Return the file of a table."""
    return FOLDER / f"{name}.npz"


def is_named(name: str) -> bool:
    """Return whether a name is that of a table of values, FAMILY/TABLE, known or not."""
    return name.startswith(f"{FAMILY}/")


def load(name: str) -> ValueTable:
    """Return a table by its name, FAMILY/TABLE.

    Raises:
        UsageError: there is no such table.
        StorageError: its file is damaged.
    """
    table = name.removeprefix(f"{FAMILY}/")
    if table not in SHA256:
        hint = did_you_mean(table, SHA256) or f"; there are {listing(tuple(SHA256))}."
        raise UsageError(f"There is no table {show(name)}{hint}")
    path = path_of(table)
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != SHA256[table]:
        raise StorageError(f"{path}: its content is not that of table {name}; reinstall the package.")
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        about = json.loads(stored["about"].tobytes())
        values, seconds = stored["values"], stored["seconds"].astype(np.float64)
    return ValueTable(name=name, space=Space.from_spec(about["space"]), values=values, seconds=seconds)
