"""A table of values, and a search over it: a planner and a trainer that look up.

The package ships some, of tasks that are not MNIST.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_bench.errors import NotInTableError
from mnist_bench.tables import stored
from search.messages import show
from search.space.space import Space
from search.trainer_api import PLAIN, Plan, Report

COST = 1_000_000  # logical cost of every period: of a function it is not known before it is called
Params = Mapping[str, Any]
FAMILY = "scikit-learn"
SHA256: Mapping[str, str] = {
    "scikit-learn/mlp-diabetes": "40247593fc468a57ed75a43b9315cba4ed73da7a7087c2054ee426840a880200",
    "scikit-learn/boosting-diabetes": "aca0651d8dca6b8ba8b2baa6bbf7b12d3cefcd6993528ec7ccf1d8b70927d410",
    "scikit-learn/mlp-wine": "3b27ccc66c458b1a8b7df1d2a8e87c51d72bd446da00d6a87fe1fad32dbd5750",
    "scikit-learn/boosting-friedman": "9c986461bbde71f9974e346939891d317a9571f3f0d7b2deecf53bf2c3198afd",
    "scikit-learn/mlp-breast-cancer": "cde4f7834d227cc06fb8444cb89ceed05f0b521019a690c02b1bc8cadcbc0ed7",
    "scikit-learn/boosting-hastie": "49e9715e43b652c0376791e99c6221744ac2186db23623349cb6980d387f9a5c",
}  # SHA-256 of each shipped table's file, by the table's name


def is_named(name: str) -> bool:
    """Return whether a name is that of a table of values, FAMILY/TABLE, known or not."""
    return name.startswith(f"{FAMILY}/")


def load(name: str) -> ValueTable:
    """Return a table that the package ships, by its name, FAMILY/TABLE.

    Raises:
        UsageError: there is no such table.
        StorageError: its file is damaged.
    """
    with np.load(stored.shipped(name, SHA256), allow_pickle=False) as arrays:
        about = json.loads(arrays["about"].tobytes())
        values, seconds = arrays["values"], arrays["seconds"].astype(np.float64)
    return ValueTable(name=name, space=Space.from_spec(about["space"]), values=values, seconds=seconds)


def normalized(losses: NDArray[np.float64], of: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the normalized regrets of some losses, given those of all configurations; see `ValueTable.regrets`."""
    best, median = losses.min(), np.median(losses)
    return np.asarray(np.clip((of - best) / max(median - best, np.finfo(np.float64).tiny), 0.0, 1.0))


@dataclass(frozen=True, kw_only=True, eq=False)
class ValueTable:
    """The values of all C configurations of a space, with S seeds and R reports.

    Configurations are numbered in the order of the space's ranges; the last range changes fastest. A search sees the
    mean over the seeds, and its choice is scored by the same mean.
    """

    name: str
    space: Space  # all its ranges have countable values, and none has a condition
    values: NDArray[np.float64]  # shape (C, S, R), positive; infinite from the report that diverged
    seconds: NDArray[np.float64]  # shape (C, S): time of a whole training

    def __post_init__(self) -> None:
        """Check that the values are those of all configurations; a ValueError says that they are not."""
        if len(self.values) != np.prod(self._counts) or self.values.shape[:2] != self.seconds.shape:
            raise ValueError(f"{self.name}: values of shape {self.values.shape} for {self._counts} options")

    @property
    def periods(self) -> int:
        """Reports of a whole training."""
        return int(self.values.shape[2])

    @cached_property
    def means(self) -> NDArray[np.float64]:
        """Means over the seeds, shape (C, R)."""
        return np.asarray(self.values.mean(axis=1))

    @cached_property
    def losses(self) -> NDArray[np.float64]:
        """The logarithm of each configuration's last value, shape (C,): losses spread over decades."""
        return np.asarray(np.log(self.means[:, -1]))

    @cached_property
    def regrets(self) -> NDArray[np.float64]:
        """Normalized regret of each configuration after its last report, shape (C,), from 0 to 1.

        0 is the best configuration of the table and 1 the median one, linear in `losses`. Whatever is worse is 1, too:
        the worst configurations of some tables are so bad that they would set the scale.
        """
        return normalized(self.losses, self.losses)

    def point_of(self, params: Params) -> int:
        """Return the number of a configuration, given by its parameters.

        Raises:
            NotInTableError: it is not one of the space.
        """
        point = 0
        for path, places in self._places.items():
            if (place := places.get(params.get(path))) is None:
                raise NotInTableError(f"{path} {show(params.get(path))} is not an option of table {self.name}.")
            point = point * len(places) + place
        return point

    @cached_property
    def _places(self) -> Mapping[str, Mapping[Any, int]]:
        spans = self.space.distributions
        return {path: {value: place for place, value in enumerate(span.values)} for path, span in spans.items()}

    @property
    def _counts(self) -> tuple[int, ...]:
        return tuple(len(places) for places in self._places.values())


@dataclass(frozen=True)
class ValuePlanner:
    """Plans the configurations of a table, all at one cost; satisfies `search.trainer_api.Planner`."""

    table: ValueTable
    codec = PLAIN

    def __call__(self, params: Params) -> Plan[Params]:
        """Return the plan of a configuration."""
        return Plan(config=dict(params), costs=(COST,) * self.table.periods)


@dataclass(frozen=True)
class ValueTrainer:
    """Looks up the mean over the seeds of a table; satisfies `Trainer`."""

    table: ValueTable
    codec = PLAIN
    numerics: Mapping[str, Any] = field(default_factory=dict)

    def advance(self, config: Params, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """See `Trainer.advance`; the state is empty. NotInTableError as in `point_of`."""
        point = self.table.point_of(config)
        value = float(self.table.means[point, period - 1])
        diverged = not np.isfinite(value)
        return b"", Report(
            value=None if diverged else value, metrics={}, weights="",
            end="diverged" if diverged else None,
        )  # fmt: skip
