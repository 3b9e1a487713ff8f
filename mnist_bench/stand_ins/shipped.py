"""The stand-ins that the package ships: their names, the hashes of their files, and how they are loaded."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Literal, assert_never

import numpy as np

from mnist_bench import tables
from mnist_bench.stand_ins.gaussian_process import GaussianProcess
from mnist_bench.stand_ins.stand_in import Model, Spread, StandIn
from mnist_bench.stand_ins.trees import BoostedTrees
from mnist_bench.tables import RecordedBenchmark
from search.errors import StorageError, UsageError
from search.messages import did_you_mean, listing, show
from search.proposals import Coordinates

Kind = Literal["gp", "trees"]
FOLDER = Path(__file__).parent / "shipped"
SHA256: Mapping[tuple[str, Kind], str] = {
    ("conv-5k", "gp"): "d515ca5b593b26c7f366835e3bc277484598fba54200643b6e2c67e1663a8964",
    ("conv-5k", "trees"): "f1cd58a58e4fcc8c2bb6d90aab8b6585bbb57400c249172488df69eb7c863424",
}
"""SHA-256 of each stand-in's file, by its table and the kind of its model; `python benchmarks/make_stand_ins.py` prints
them."""
_FILED = ("lengths", "weights")
"""Fields of `GaussianProcess` that its file has; the others follow from the table."""


def load(name: str) -> tuple[StandIn, ...]:
    """Return the stand-ins of a table, given its name; or one of them, given TABLE/KIND.

    Raises:
        UsageError: there is none.
        StorageError: its file is damaged.
    """
    found = [(table, kind) for table, kind in SHA256 if name in (table, f"{table}/{kind}")]
    if not found:
        names = [each for table, kind in SHA256 for each in (table, f"{table}/{kind}")]
        hint = did_you_mean(name, names) or f"; there are {listing(dict.fromkeys(names))}."
        raise UsageError(f"There is no stand-in {show(name)}{hint}")
    return tuple(_load(table, kind) for table, kind in found)


def _load(name: str, kind: Kind) -> StandIn:
    path = path_of(name, kind)
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != SHA256[name, kind]:
        raise StorageError(f"{path}: its content is not that of stand-in {name}/{kind}; reinstall the package.")
    return unpack(tables.load(name), kind, content)


def path_of(table: str, kind: Kind) -> Path:
    """Return the file of a stand-in."""
    return FOLDER / f"{table}-{kind}.npz"


def unpack(table: RecordedBenchmark, kind: Kind, content: bytes) -> StandIn:
    """Return the stand-in of a table whose file has this content: arrays by the names of their fields."""
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        arrays = dict(stored)
    coordinates = Coordinates(table.space.distributions)
    model: Model
    match kind:
        case "gp":
            known = np.array([coordinates.of(params) for params in table.points])
            model = GaussianProcess(coordinates=coordinates, known=known, **{name: arrays[name] for name in _FILED})
        case "trees":
            model = BoostedTrees(**{item.name: arrays[item.name] for item in fields(BoostedTrees)})
        case _:
            assert_never(kind)
    spread = Spread(**{item.name: arrays[item.name] for item in fields(Spread)})
    return StandIn(
        name=f"{table.name}/{kind}", sha256=hashlib.sha256(content).hexdigest(), table=table, coordinates=coordinates,
        model=model, spread=spread,
    )  # fmt: skip
