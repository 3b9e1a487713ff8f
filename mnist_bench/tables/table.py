"""A table: look up what a training came to that somebody has done before."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, assert_never

from mnist_bench.config import TrainConfig
from mnist_bench.errors import NotInTableError
from mnist_bench.nets import make_planner
from mnist_bench.space_files import training_settings
from mnist_bench.tables import stored
from mnist_bench.tables.rows import Row
from mnist_bench.tables.shipped import SHA256, path_of
from mnist_bench.tables.stored import About, Arrays
from search.errors import StorageError, UsageError
from search.messages import did_you_mean, show
from search.space import Choice, Distribution, FloatRange, IntRange, Levels, Space
from search.trainer_api import Planner, Report

Params = Mapping[str, Any]
CHANCE = 0.9
"""Error of a training that has diverged: that of a guess among ten classes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """What a training reported, period by period."""

    epochs: tuple[float, ...]
    """Epochs at whose end it reported."""
    errors: tuple[int, ...]
    """Images misclassified of those that a search sees; 90 % of them where training had diverged."""
    val_loss: tuple[float, ...]
    """Mean cross-entropy on these images, in nats; NaN where training had diverged."""
    costs: tuple[int, ...]
    """Logical cost of each period, in microseconds as estimated."""
    images: int
    """Images that a search sees."""
    diverged: bool

    @property
    def accuracies(self) -> tuple[float, ...]:
        """Accuracy after each period, 0 to 1."""
        return tuple(1 - errors / self.images for errors in self.errors)


class Table:
    """Trainings of one space on one task, by configuration and seed."""

    def __init__(self, about: About, arrays: Arrays) -> None:
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
        return [self.params(number) for number in range(len(self))]

    def params(self, point: int) -> Params:
        """Return the parameters of a point."""
        columns = zip(self._spans.items(), self.arrays.params[point].tolist(), strict=True)
        return {path: _value(span, number) for (path, span), number in columns if not math.isnan(number)}

    @cached_property
    def planner(self) -> Planner[TrainConfig]:
        """The planner of the table's space on its task: configurations, costs and limits, without training."""
        return make_planner(
            training_settings(self.space),
            resolve=self.space.resolve,
            limits=self.space.settings.get("limits", {}),
            coefficients=self.about.coefficients,
            train_images=self.about.images["train"],
            validation_images=self.about.images["validation"],
        )

    @cached_property
    def seeds(self) -> dict[int, tuple[int, ...]]:
        """The seeds with which each point was trained."""
        found: dict[int, list[int]] = {}
        for point, seed in self._numbers:
            found.setdefault(point, []).append(seed)
        return {point: tuple(sorted(seeds)) for point, seeds in found.items()}

    def best(self) -> list[int]:
        """Return all points, those with the fewest errors seen with their first seed first."""
        return sorted(self.seeds, key=lambda point: (self.curve(point, self.seeds[point][0]).errors[-1], point))

    def point_of(self, params: Params) -> int:
        """Return the number of the point with these parameters.

        Raises:
            NotInTableError: there is none.
        """
        point = self.find(params)
        if point is None:
            raise NotInTableError(self._why_not(params))
        return point

    def find(self, params: Params) -> int | None:
        """Return the number of the point with these parameters, if there is one."""
        return self._points_by_params.get(self._key(params))

    def row(self, point: int, seed: int) -> Row:
        """Return what a training came to.

        Raises:
            NotInTableError: the point was not trained with this seed.
        """
        return stored.row_at(self.arrays, self.about.canaries, self._number(point, seed))

    def curve(self, config: Params | int, seed: int = 0) -> Curve:
        """Return the learning curve of a configuration, given by its parameters or by its point's number.

        Raises:
            NotInTableError: it is not in the table, or not with this seed.
        """
        point = config if isinstance(config, int) else self.point_of(config)
        number = self._number(point, seed)
        images = self.about.images["validation"]
        errors = self.arrays.errors[number].tolist()
        return Curve(
            epochs=tuple(self.about.epochs),
            errors=tuple(round(CHANCE * images) if count < 0 else count for count in errors),
            val_loss=tuple(self.arrays.val_loss[number].tolist()),
            costs=tuple(self.arrays.costs[point].tolist()),
            images=images,
            diverged=errors[-1] < 0,
        )

    def reports(self, point: int, seed: int) -> list[Report]:
        """Return the reports of a training, as a trainer gives them.

        Raises:
            NotInTableError: the point was not trained with this seed.
        """
        return [self.report(point, seed, period) for period in range(1, len(self.row(point, seed).periods) + 1)]

    def report(self, point: int, seed: int, period: int) -> Report:
        """Return the report of one period, from 1; errors as in `reports`."""
        number, at = self._number(point, seed), period - 1
        errors = int(self.arrays.errors[number, at])
        weights = self.arrays.weights[number, at].tobytes().hex()
        epoch = self.about.epochs[at]
        if errors < 0:
            metrics: dict[str, Any] = {"epoch": epoch, "train_loss": None, "val_loss": None, "errors": None}
            return Report(value=None, metrics=metrics, weights=weights, seconds=0.0, end="diverged")
        train_loss, val_loss = float(self.arrays.train_loss[number, at]), float(self.arrays.val_loss[number, at])
        metrics = {"epoch": epoch, "train_loss": train_loss, "val_loss": val_loss, "errors": errors}
        is_last = period == len(self.about.epochs)
        details = {"unseen_errors": int(self.arrays.unseen[number])} if is_last else {}
        value = 1 - errors / self.about.images["validation"]
        return Report(value=value, metrics=metrics, weights=weights, seconds=0.0, details=details)

    def unseen_error(self, point: int, seed: int) -> float:
        """Return the error after the last period on the images that no search sees, 0 to 1; errors as in `row`."""
        count = int(self.arrays.unseen[self._number(point, seed)])
        return CHANCE if count < 0 else count / self.about.images["unseen"]

    def objective_function(
        self, config: Params, fidelity: Mapping[str, float] | None = None, seed: int = 0
    ) -> dict[str, Any]:
        """Return the error of a configuration after some epochs, and what they cost; HPOBench's call.

        Args:
            config: parameters by the names of the space's ranges (`optim.lr`).
            fidelity: `{"epoch": 2}`, one of the epochs at which a training reports; the last one if left out.
            seed: of the training.

        Returns:
            `function_value` (share of the validation images misclassified, 0 to 1, to be minimised), `cost` (seconds as
            estimated, of all periods up to this one) and `info`.

        Raises:
            NotInTableError: the configuration is not in the table, or not with this seed.
            UsageError: no training reports at this epoch.
        """
        curve = self.curve(config, seed)
        last = self._period_at(fidelity) - 1
        return {
            "function_value": curve.errors[last] / curve.images,
            "cost": sum(curve.costs[: last + 1]) / 1e6,
            "info": {"epoch": curve.epochs[last], "errors": curve.errors[last], "val_loss": curve.val_loss[last]},
        }

    def _period_at(self, fidelity: Mapping[str, float] | None) -> int:
        epoch = (fidelity or {}).get("epoch", self.about.epochs[-1])
        if epoch not in self.about.epochs or set(fidelity or {}) - {"epoch"}:
            epochs = ", ".join(f"{at:g}" for at in self.about.epochs)
            raise UsageError(f"Table {self.name} has the error after {epochs} epochs: give fidelity={{'epoch': ...}}.")
        return self.about.epochs.index(epoch) + 1

    def _number(self, point: int, seed: int) -> int:
        number = self._numbers.get((point, seed))
        if number is None:
            seeds = ", ".join(map(str, self.seeds.get(point, ())))
            has = f"it was trained with {seeds}" if seeds else f"the table's points are 0 to {len(self) - 1}"
            raise NotInTableError(f"Point {point} of table {self.name} was not trained with seed {seed}; {has}.")
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

    def _why_not(self, params: Params) -> str:
        for path in params:
            if path not in self._spans:
                return f"{show(path)} is no range of table {self.name}{did_you_mean(path, self._spans) or '.'}"
        for path, span in self._spans.items():
            if path in params and not span.contains(params[path]):
                return f"{path} {show(params[path])} is outside its range in table {self.name}."
        return (
            f"This configuration is none of the {len(self):,} in table {self.name}; train=True trains it here, "
            "nearest() names one that is there."
        )


def load(name: str) -> Table:
    """Return a table that the package ships, or that of a file.

    Raises:
        UsageError: there is no such table.
        StorageError: its file is damaged.
    """
    if name not in SHA256 and not name.endswith(".npz"):
        hint = did_you_mean(name, SHA256) or "."
        raise UsageError(f"There is no table {show(name)}{hint} There are {', '.join(SHA256)}.")
    path = path_of(name) if name in SHA256 else Path(name)
    if name in SHA256 and hashlib.sha256(path.read_bytes()).hexdigest() != SHA256[name]:
        raise StorageError(f"{path}: its content is not that of table {name}; install the package afresh.")
    return Table(*stored.unpack(path))


def encoded(space: Space, points: Sequence[Params]) -> Iterator[list[float]]:
    """Yield the parameters of each point as numbers, a column a range; see `stored.Arrays.params`."""
    spans = space.distributions
    for params in points:
        yield [_number(span, params[path]) if path in params else math.nan for path, span in spans.items()]


def _number(span: Distribution, value: Any) -> float:
    match span:
        case IntRange() | FloatRange():
            return float(value)
        case Levels() | Choice():
            return float(span.values.index(value))
        case _:
            assert_never(span)


def _value(span: Distribution, number: float) -> Any:
    match span:
        case IntRange():
            return int(number)
        case FloatRange():
            return number
        case Levels() | Choice():
            return span.values[int(number)]
        case _:
            assert_never(span)
