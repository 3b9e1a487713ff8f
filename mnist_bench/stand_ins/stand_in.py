"""A stand-in: the learning curve that a model of a table's rows gives any configuration of its space."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mnist_bench.tables import CHANCE, Arrays, RecordedBenchmark
from search import canonical_json
from search.proposals import Coordinates

Array = NDArray[np.float64]
Params = Mapping[str, Any]

FRESH = (-1, -2, -3, -4)
"""Seeds with which no search trains: a choice is scored by the mean of its errors with them."""


class Model(Protocol):
    """Predicts K numbers for a configuration, from which `Spread` makes the logarithms of its errors."""

    def __call__(self, point: Array) -> Array:
        """Return the predictions for a point (see `Coordinates.of`), shape (K,)."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """The logarithms of a training's E errors: after each period, and at the end on unseen images."""

    mean: Array
    """Shape (E,): over the table's configurations."""
    axes: Array
    """Shape (K, E): the effect of each of the model's predictions."""
    by_seed: Array
    """Shape (E, E): lower factor of the covariance from one seed to another of the same configuration."""


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """A table's space, planner and images, and a model of its rows.

    The logarithm of a training's error is the model's prediction for its configuration and a normal deviation, which
    follows from the configuration and the seed: it is the same each time.
    """

    name: str
    sha256: str
    """Of its file."""
    table: RecordedBenchmark
    coordinates: Coordinates
    model: Model
    spread: Spread
    _predicted: dict[str, Array] = field(default_factory=dict, repr=False, compare=False)
    """The model's predictions so far, by configuration: one takes a millisecond, and a training asks several times."""

    def curve(self, params: Params, seed: int) -> tuple[int, ...]:
        """Return the images misclassified after each period, of those that a search sees."""
        images = self.table.about.images["validation"]
        return tuple(round(error * images) for error in self._errors(params, seed)[:-1])

    def unseen_error(self, params: Params, seed: int) -> float:
        """Return the error (0..1) after the last period on images that no search sees."""
        return self._errors(params, seed)[-1]

    def _errors(self, params: Params, seed: int) -> list[float]:
        spread, text = self.spread, canonical_json.dumps(dict(params))
        if text not in self._predicted:
            self._predicted[text] = self.model(self.coordinates.of(params))
        errors = spread.mean + self._predicted[text] @ spread.axes
        errors += spread.by_seed @ _normal(f"{text} {seed}", len(errors))
        found: list[float] = np.minimum(np.exp(errors), CHANCE).tolist()
        return found


def _normal(text: str, count: int) -> Array:
    """Return independent normal draws that follow from a text."""
    entropy = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
    return np.random.default_rng(entropy).standard_normal(count)


def log_errors_of(arrays: Arrays, images: Mapping[str, int]) -> Array:
    """Return the logarithms of a table's errors, shape (rows, periods + 1): after each period, and on unseen images.

    A training that diverged has the error of a guess.
    """
    seen, unseen = images["validation"], images["unseen"]
    counts = np.column_stack([arrays.errors / seen, arrays.unseen / unseen])
    return np.asarray(np.log(np.where(counts < 0, CHANCE, np.maximum(counts, 0.5 / max(seen, unseen)))), np.float64)
