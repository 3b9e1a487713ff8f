"""The content of a space file as types: the settings of a trial, and the settings of its search."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal, get_args

from annotated_types import Ge, Gt, Unit
from pydantic import Discriminator, GetCoreSchemaHandler, PlainValidator, Tag, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from mnist_bench.config.catalogue import sections
from mnist_bench.config.settings import DatasetName, Setting, TrainConfig
from mnist_bench.numerics.kinds import PrecisionName
from search.loading import OF_OPTUNA
from search.messages import listing, show
from search.space.space import Space
from search.strategies import pruners, registry, samplers

Value = Literal["val_accuracy"]
"""The objective of every search, and its only one unless the file also names a cost."""
Cost = Literal["parameters", "macs"]
"""Costs that a search can also minimise: facts of a net that are known before it is trained."""
VALUE: Value = "val_accuracy"
MIN_SUBSET = 1000
"""The fewest images that a file may ask for; of a data set with less than these all are taken."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Annotation that replaces pydantic's errors for a type by `not <text>`."""

    text: str
    near: str = ""
    """A word that may have been meant."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of the type, with an error `wanted` instead of its own errors."""
        return core_schema.custom_error_schema(
            handler(source),
            "wanted",
            custom_error_message="not {wanted}",
            custom_error_context={"wanted": self.text, "near": self.near},
        )


def _reader(kind: Literal["sampler", "pruner"], parse: Callable[[Any], object]) -> PlainValidator:
    def read(spec: Any) -> Any:
        if not isinstance(spec.get("name") if isinstance(spec, dict) else spec, str):
            raise ValueError(f"needs a {kind}'s name, or a mapping with `name` and its options, not {show(spec)}")
        parse(spec)
        return spec

    return PlainValidator(read)


def _schema(names: Iterable[str], example: str) -> WithJsonSchema:
    forms = [{"enum": [*names]}, {"type": "string", "pattern": f"^{OF_OPTUNA}[A-Za-z]+$", "examples": [example]}]
    name = {"name": {"anyOf": forms}}
    options = {"type": "object", "properties": name, "required": ["name"], "additionalProperties": True}
    return WithJsonSchema({"anyOf": [*forms, options]})


Limit = Annotated[float, Gt(0), Wanted("a number above zero")]
Sampler = Annotated[Any, _reader("sampler", registry.sampler), _schema(samplers.SAMPLERS, "optuna:GPSampler")]
Pruner = Annotated[Any, _reader("pruner", registry.pruner), _schema(pruners.PRUNERS, "optuna:HyperbandPruner")]
Alone = Annotated[Value, Wanted(listing([VALUE, *([VALUE, cost] for cost in get_args(Cost))]), near=VALUE)]
WithCost = tuple[Value, Cost]


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The largest network that is trained."""

    parameters: Annotated[Limit, Unit("parameters")] = math.inf
    """The most parameters of a network."""
    macs: Annotated[Limit, Unit("multiply-accumulates per image")] = math.inf
    """The most multiply-accumulates for one image, forward."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Strategies:
    """How the search decides."""

    sampler: Sampler = "curves"
    """The sampler, which proposes trials: its name, or a mapping with its name and options. With two objectives, the
    default is tpe."""
    pruner: Pruner = "asha"
    """The pruner, which stops trials early: its name, or a mapping with its name and options."""
    start: tuple[str, ...] = ()
    """Tabular benchmarks whose best configurations are tried first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchSettings:
    """The settings of the search itself, next to those of its trials."""

    dataset: DatasetName = "mnist"
    """The data set, unless the command names another; mnist-red is MNIST in three channels, green and blue 0."""
    subset: Annotated[
        int, Ge(MIN_SUBSET), Unit("images"), Wanted(f"a whole number of at least {MIN_SUBSET} images")
    ] = 60_000
    """Number of images to use; one sixth of them validate."""
    split_seed: Annotated[int, Ge(0), Wanted("a whole number of at least 0")] = 0
    """Decides which images validate."""
    precision: PrecisionName = "auto"
    """Precision of convolutions and hidden layers; auto is the device's fastest. portable is float32 with the same bits
    on every x86-64 processor with AVX2."""
    limits: Limits = field(default_factory=Limits)
    """Networks above a limit are infeasible: they are not trained and not counted."""
    constraints: tuple[str, ...] = ()
    """Conditions that every trial has to meet, such as `hidden_units <= 8 * filters`; others are infeasible."""
    search: Strategies = field(default_factory=Strategies)
    """The sampler, which proposes trials, and the pruner, which stops them early."""
    objective: Annotated[
        Annotated[Alone, Tag("alone")] | Annotated[WithCost, Tag("with cost")],
        Discriminator(lambda value: "with cost" if isinstance(value, list) and len(value) == 2 else "alone"),
    ] = VALUE
    """The objective, which is maximized; in a list, also a cost to minimize: a search for the Pareto front of both."""


SUBSET = Setting(synonyms=("n_images",))
IMAGES = SearchSettings().subset
"""Training images of MNIST, and of each other set that is known by a name."""
OWN = "net"
"""The section with the settings of your own network, whose fields its code declares."""
TRAINING = tuple(item.name for item in fields(TrainConfig) if item.name not in (OWN, *sections()))
"""Settings of a trial outside the sections."""
SETTINGS = dict.fromkeys(TRAINING, TrainConfig) | {item.name: SearchSettings for item in fields(SearchSettings)}
"""The class that declares each setting outside the sections, by its name."""


def training_settings(space: Space) -> dict[str, Any]:
    """Return the settings that a space gives to TrainConfig itself, as plain values."""
    return {name: value for name, value in space.settings.items() if name in TRAINING}
