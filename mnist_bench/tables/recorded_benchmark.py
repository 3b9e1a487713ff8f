"""A table: recorded trainings of the configurations of a space, looked up; and a search over it."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mnist_bench.errors import NotInTableError
from mnist_bench.tables import stored
from mnist_bench.tables.stored import AboutTable, Arrays
from search.differences import CHECK
from search.errors import UsageError
from search.messages import did_you_mean, show
from search.space.ranges import NumberRange, place, same
from search.space.space import Space
from search.trainer_api import Codec, Plan, Planner, Report, is_feasible

if TYPE_CHECKING:
    from mnist_bench.config.settings import TrainConfig

Params = Mapping[str, Any]
CHANCE = 0.9  # error of a training that has diverged: that of a guess among ten classes
POINT: Codec[int] = Codec(lambda point: {"point": point}, lambda values: int(values["point"]))
"""Configurations of a search over a table: numbers of points."""
NOWHERE = -1  # stands for the point of a configuration that is infeasible, and so in no table
SHA256: Mapping[str, str] = {
    "conv-5k": "56ccba63ffff817344d82caa834b3647ce43fb19238995478e33bbad5dedca08",
    "grid-5k": "cafab04e557472c76fc8062834f7a00769471a7d45be739a38524c1548b64e6f",
}  # SHA-256 of each shipped table's file, by the table's name


def load(name: str) -> RecordedBenchmark:
    """Return a table that the package ships, by its name, or that of a file, by its path, FILE.npz.

    Raises:
        UsageError: there is no such table.
        StorageError: its file is damaged.
    """
    path = Path(name) if name.endswith(".npz") else stored.shipped(name, SHA256)
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file.")
    return RecordedBenchmark(*stored.unpack(path))


def cells(space: Space) -> list[Params]:
    """Return all configurations of a space that meet its constraints, in the order of its fields; the last one changes
    fastest.

    Raises:
        ValueError: a range has infinitely many values.
    """
    found: list[dict[str, Any]] = [{}]
    for item in space.order:
        if item.distribution is not None and item.distribution.is_real:
            raise ValueError(f"{item.path} has more values than can be counted")
        options = [item.value] if item.distribution is None else list(item.distribution.values)
        grown: list[dict[str, Any]] = []
        for values in found:
            grown += [{**values, item.path: option} for option in options] if item.is_active(values) else [values]
        found = grown
    ranges = {item.path for item in space.ranges}
    params = [{path: value for path, value in values.items() if path in ranges} for values in found]
    return [each for each in params if is_feasible(space.excess(each))]


class Nearest:
    """Finds the point of a table that is nearest to a configuration between its points.

    The distance is Euclidean: a number counts by its place in its range, 0 to 1; an option, or whether a range applies
    at all, is 1 away from any other.
    """

    def __init__(self, table: RecordedBenchmark, points: NDArray[np.intp]) -> None:
        """Choose among `points`, by number."""
        self._spans = table.space.distributions
        self._points = points
        self._coordinates = np.array([self._place(table.points[point]) for point in points.tolist()])

    def __call__(self, params: Params, taken: Container[int] = ()) -> int:
        """Return the number of the nearest point that is not taken; if all are, of the nearest."""
        apart = self._coordinates - self._place(params)
        squares = (np.where(np.isnan(apart), 0.0, apart) ** 2).sum(axis=1)
        points: list[int] = self._points[np.argsort(squares, kind="stable")].tolist()
        return next((point for point in points if point not in taken), points[0])

    def _place(self, params: Params) -> NDArray[np.float64]:
        columns: list[float] = []
        for path, span in self._spans.items():
            value = params.get(path)
            if isinstance(span, NumberRange):
                at = np.nan if value is None or span.low == span.high else place(span, value)
                columns += [float(path in params), at]
            else:
                # Two options differ in two columns, by the root of one half each.
                columns += [0.5**0.5 * same(value, option) for option in (None, *span.values)]
        return np.array(columns)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedCurve:
    """The reports of a training, period by period."""

    epochs: tuple[float, ...]  # epochs at whose end it reported
    errors: tuple[int, ...]  # images misclassified of those that a search sees; 90% of them if training had diverged
    val_loss: tuple[float, ...]  # mean cross-entropy on these images, in nats; NaN if training had diverged
    costs: tuple[int, ...]  # logical cost of each period, in microseconds as estimated
    images: int  # images that a search sees
    diverged: bool

    @property
    def accuracies(self) -> tuple[float, ...]:
        """Accuracy after each period, 0 to 1."""
        return tuple(1 - errors / self.images for errors in self.errors)


class RecordedBenchmark:
    """Trainings of one space on one task, by configuration and seed."""

    def __init__(self, about: AboutTable, arrays: Arrays) -> None:
        self.about = about
        self.arrays = arrays
        self.name = about.name
        self.space = Space.from_spec(about.space)
        self._spans = self.space.distributions

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.arrays.params)

    @cached_property
    def points(self) -> list[Params]:
        """The parameters of every point, by the names of the space's ranges; those that do not apply are missing."""
        return [stored.decoded(self._spans, numbers) for numbers in self.arrays.params.tolist()]

    @cached_property
    def seeds(self) -> dict[int, tuple[int, ...]]:
        """The seeds with which each point was trained."""
        found: dict[int, list[int]] = {}
        for point, seed in self._numbers:
            found.setdefault(point, []).append(seed)
        return {point: tuple(sorted(seeds)) for point, seeds in found.items()}

    @cached_property
    def planner(self) -> Planner[TrainConfig]:
        """The planner of the table's space on its task: configurations, costs and limits, without training."""
        from mnist_bench.space_files.drawn import planner_on

        images = self.about.images
        return planner_on(
            self.space, self.about.coefficients, train_images=images["train"], validation_images=images["validation"]
        )

    def point_of(self, params: Params) -> int:
        """Return the number of the point with these parameters.

        Raises:
            NotInTableError: there is none.
        """
        point = self.find(params)
        if point is None:
            self._check(params)
            raise NotInTableError(f"This configuration is not one of the {len(self):,} in table {self.name}.")
        return point

    def find(self, params: Params) -> int | None:
        """Return the number of the point with these parameters, None if there is none."""
        try:
            point = self._points_by_params.get(self._key(params))
        except TypeError:  # a value that is not a plain one, and has no hash
            return None
        return point if params.keys() <= self._spans.keys() else None

    def curve(self, config: Params | int, seed: int = 0) -> RecordedCurve:
        """Return the learning curve of a configuration, given by its parameters or by its point's number.

        Args:
            config: parameters by the names of the space's ranges, those that do not apply left out; or a number.
            seed: of the training.

        Raises:
            NotInTableError: it is not in the table, or not with this seed.
        """
        point = self.point_of(config) if isinstance(config, Mapping) else int(config)
        number = self._number(point, seed)
        errors = self.arrays.errors[number].tolist()
        images = self.about.images["validation"]
        losses = self.arrays.val_loss[number].tolist()
        return RecordedCurve(
            epochs=tuple(self.about.epochs),
            errors=tuple(round(CHANCE * images) if count < 0 else count for count in errors),
            # One and the same NaN, so that equal curves are equal.
            val_loss=tuple(math.nan if math.isnan(loss) else loss for loss in losses),
            costs=tuple(self.arrays.costs[point].tolist()),
            images=images,
            diverged=errors[-1] < 0,
        )

    def report(self, point: int, seed: int, period: int) -> Report:
        """Return the report of one period, from 1, as a trainer gives it; NotInTableError as in `curve`."""
        number, at = self._number(point, seed), period - 1
        errors = int(self.arrays.errors[number, at])
        weights = self.arrays.weights[number, at].tobytes().hex()
        epoch = float(self.about.epochs[at])  # as a trainer reports it: a digest distinguishes 1 from 1.0
        if errors < 0:
            metrics: dict[str, Any] = {"epoch": epoch, "train_loss": None, "val_loss": None, "errors": None}
            return Report(value=None, metrics=metrics, weights=weights, end="diverged")
        train_loss, val_loss = float(self.arrays.train_loss[number, at]), float(self.arrays.val_loss[number, at])
        metrics = {"epoch": epoch, "train_loss": train_loss, "val_loss": val_loss, "errors": errors}
        value = 1 - errors / self.about.images["validation"]
        return Report(value=value, metrics=metrics, weights=weights)

    def unseen_error(self, point: int, seed: int) -> float:
        """Return the error after the last period on the images that no search sees, 0 to 1; errors as in `report`."""
        count = int(self.arrays.unseen[self._number(point, seed)])
        return CHANCE if count < 0 else count / self.about.images["unseen"]

    def _number(self, point: int, seed: int) -> int:
        number = self._numbers.get((point, seed))
        if number is None:
            seeds = ", ".join(map(str, self.seeds.get(point, ())))
            has = f"it was trained with {seeds}" if seeds else f"the table's configurations are 0 to {len(self) - 1}"
            raise NotInTableError(
                f"Configuration {point} of table {self.name} was not trained with seed {seed}; {has}."
            )
        return number

    @cached_property
    def _numbers(self) -> dict[tuple[int, int], int]:
        pairs = zip(self.arrays.point.tolist(), self.arrays.seed.tolist(), strict=True)
        return {pair: number for number, pair in enumerate(pairs)}

    @cached_property
    def _points_by_params(self) -> dict[tuple[Any, ...], int]:
        return {self._key(params): number for number, params in enumerate(self.points)}

    def _key(self, params: Params) -> tuple[Any, ...]:
        values = [params.get(path) for path in self._spans]
        return tuple(str(value) if isinstance(value, list) else value for value in values)

    def _check(self, params: Params) -> None:
        """Refuse parameters that no point of the table's space can have."""
        for path in params:
            if path not in self._spans:
                hint = did_you_mean(path, self._spans) or "."
                raise NotInTableError(f"{show(path)} is not a range of table {self.name}{hint}")
        for path, span in self._spans.items():
            if path in params and not span.contains(params[path]):
                raise NotInTableError(f"{path} {show(params[path])} is outside its range in table {self.name}.")
        applying = self.space.sample(lambda path, span: params.get(path))
        for path in applying.keys() - params.keys():
            raise NotInTableError(f"{path} has no value; in table {self.name} it applies to such a configuration.")
        for path in params.keys() - applying.keys():
            raise NotInTableError(f"{path} does not apply to such a configuration in table {self.name}; leave it out.")


@dataclass(frozen=True)
class TablePlanner:
    """Plans the points of a table; satisfies `search.trainer_api.Planner`."""

    table: RecordedBenchmark
    codec = POINT

    def __call__(self, params: Mapping[str, Any]) -> Plan[int]:
        """Return the plan of a point, or of what exceeds a limit; NotInTableError if it is neither."""
        point = self.table.find(params)
        if point is None:
            asked = self.table.planner(params)
            if asked.feasible:
                self.table.point_of(params)  # raises, and says why
            return Plan(config=NOWHERE, costs=asked.costs, constraints=asked.constraints, facts=asked.facts)
        arrays = self.table.arrays
        facts = {"parameters": int(arrays.parameters[point]), "macs": int(arrays.macs[point])}
        return Plan(config=point, costs=tuple(arrays.costs[point].tolist()), facts=facts)


@dataclass(frozen=True)
class TableTrainer:
    """Looks up a point's result with one seed, whatever seed the search gives; satisfies `Trainer`."""

    table: RecordedBenchmark
    seed: int
    codec = POINT

    @property
    def numerics(self) -> Mapping[str, Any]:
        """Those of the first machine that trained the table."""
        return {**self.table.about.numerics[0], CHECK: self.table.about.canaries[0]}

    def advance(self, config: int, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """See `Trainer.advance`; the state is empty."""
        return b"", self.table.report(config, self.seed, period)
