"""The content of a space file as types, and pydantic's errors about a value as a place in the file and a sentence."""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt, Unit
from pydantic import (
    Discriminator,
    GetCoreSchemaHandler,
    PlainValidator,
    Tag,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, ErrorDetails, core_schema

from mnist_bench.config.settings import DatasetName, Setting, TrainConfig
from mnist_bench.config.values import sections
from mnist_bench.errors import DeviceError
from mnist_bench.numerics.kinds import PrecisionName, processor_lacks
from search.canonical_json import dumps
from search.loading import OF_OPTUNA
from search.messages import did_you_mean, listing, show
from search.space.space import Space
from search.space.yaml_text import KeyPath, is_quoted
from search.strategies import pruners, registry, samplers

Value = Literal["val_accuracy"]  # the objective of every search, and its only one unless the file also names a cost
Cost = Literal["parameters", "macs"]
"""Costs that a search can also minimise: facts of a net that are known before it is trained."""
VALUE: Value = "val_accuracy"
MIN_SUBSET = 1000  # the fewest images that a file may ask for; of a data set with less than these all are taken


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
    """Most parameters of a network; larger ones are infeasible."""
    macs: Annotated[Limit, Unit("multiply-accumulates per image")] = math.inf
    """Most multiply-accumulates, forward."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Strategies:
    """How the search decides."""

    sampler: Sampler = "curves"
    """Sampler, which proposes trials. Default with two objectives: tpe."""
    pruner: Pruner = "asha"
    """Pruner, which stops trials early."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchSettings:
    """The settings of the search itself, next to those of its trials."""

    dataset: DatasetName = "mnist"
    """Data set, unless `--data` names your own. mnist-red is MNIST in three channels, green and blue 0."""
    subset: Annotated[
        int,
        Ge(MIN_SUBSET),
        Unit("images"),
        Wanted(f"an integer of at least {MIN_SUBSET} images"),
        Setting(synonyms=("n_images",)),
    ] = 60_000
    """Number of images to use; one sixth of them are for validation."""
    split_seed: Annotated[int, Ge(0), Wanted("an integer of at least 0")] = 0
    """Selects the validation images."""
    precision: PrecisionName = "auto"
    """Precision of convolutions and hidden layers. auto is the device's fastest. portable is float32 with the same bits
    on every x86-64 processor with AVX2; in a file, it means float32 on others."""
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
    """Objective to maximize. A list adds a cost to minimize, and the search is for the Pareto front of both."""


IMAGES = SearchSettings().subset  # training images of MNIST, and of each other set that is known by a name
OWN = "net"  # the section with the settings of your own network, whose fields its code declares
TRAINING = tuple(item.name for item in fields(TrainConfig) if item.name not in (OWN, *sections()))
"""Settings of a trial outside the sections."""
SETTINGS = dict.fromkeys(TRAINING, TrainConfig) | {item.name: SearchSettings for item in fields(SearchSettings)}
"""The class that declares each setting outside the sections, by its name."""


def training_settings(space: Space) -> dict[str, Any]:
    """Return the settings that a space gives to TrainConfig itself, as plain values."""
    return {name: value for name, value in space.settings.items() if name in TRAINING}


def instead_of_portable(space: Space) -> str | None:
    """Return the sentence about a file's `precision: portable` that this processor lacks; None if there is nothing.

    DeviceError if `--set` asks for it.
    """
    lacking = processor_lacks() if space.settings.get("precision") == "portable" else None
    if lacking is not None and space.origins["precision"].is_option:
        raise DeviceError(f"Portable precision {lacking}; add --set precision=auto.")
    return lacking and (
        f"precision: portable {lacking}; float32 is used, whose digest agrees only on machines with the same numerics "
        "check, such as the same processor and PyTorch"
    )


def precision_of(space: Space) -> PrecisionName:
    """Return the precision in which a space trains here; errors as `instead_of_portable`."""
    named: PrecisionName = space.settings.get("precision", "auto")
    return "fp32" if instead_of_portable(space) else named


def period_ends(space: Space) -> list[float]:
    """Return the epochs at whose end a trial reports."""
    epochs = space.settings.get("epochs", TrainConfig().epochs)
    return list(space.settings.get("periods") or range(1, epochs + 1))


MAPPINGS = (Limits, Strategies)
"""Classes whose fields are keys of one setting; those of all others are settings themselves."""


class ValueFault(NamedTuple):
    """One thing that is wrong with a value."""

    place: KeyPath  # where inside the value
    text: str  # the place and a sentence, to follow the name: `[1]: 0 is below 1`


def value_faults(cls: type, name: str, value: Any) -> list[ValueFault]:
    """Return the faults of a value of the field `name` of a dataclass, whose other fields are not looked at."""
    try:
        _adapter(cls).validate_json(dumps({name: value}), strict=True, extra="forbid")
    except ValidationError as error:
        found = [fault for fault in error.errors(include_url=False) if fault["loc"][0] == name]
        return [_fault(cls, name, value, fault) for fault in _nearest(found, value)]
    return []


def bounds(annotation: Any, name: str) -> str:
    """Return the bounds that an annotation sets, as "0 <= rate < 1"; empty if it sets none."""
    limits = [item for member in _parts(annotation) for item in getattr(member, "__metadata__", ())]
    low = next((f"{m.ge:g} <=" for m in limits if isinstance(m, Ge)), "") or next(
        (f"{m.gt:g} <" for m in limits if isinstance(m, Gt)), ""
    )
    high = next((f"<= {m.le:g}" for m in limits if isinstance(m, Le)), "") or next(
        (f"< {m.lt:g}" for m in limits if isinstance(m, Lt)), ""
    )
    return f"{low} {name} {high}".strip() if low or high else ""


def allows(annotation: Any, kind: type) -> bool:
    """Return whether a single value of an annotation can be of this class."""
    return kind in _parts(annotation)


def annotation_of(cls: type, name: str, place: KeyPath = ()) -> Any:
    """Return the annotation of a field, or of its value's entry at a path of keys and indices; None without one."""
    annotation = get_type_hints(cls, include_extras=True)[name]
    for part in place:
        annotation = _inside(annotation, part)
    return annotation


def _inside(annotation: Any, part: int | str) -> Any:
    for member in _parts(annotation):
        if isinstance(part, int) and get_origin(member) is tuple:
            entries = [entry for entry in get_args(member) if entry is not Ellipsis]
            return entries[min(part, len(entries) - 1)]
    cls = _class_of(annotation)
    return get_type_hints(cls, include_extras=True).get(str(part)) if cls else None


def _parts(annotation: Any) -> Iterator[Any]:
    """Yield an annotation, and those of the members of its unions."""
    yield annotation
    if hasattr(annotation, "__metadata__"):
        yield from _parts(annotation.__origin__)
    elif get_origin(annotation) in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _parts(member)


def _nearest(found: list[ErrorDetails], value: Any) -> list[ErrorDetails]:
    """Return the faults of the member of a union that the value resembles: the list or the single value."""
    if isinstance(value, list):
        return [fault for fault in found if fault["input"] != value] or found
    return [fault for fault in found if fault["type"] != "tuple_type"] or found


def _fault(cls: type, name: str, value: Any, fault: ErrorDetails) -> ValueFault:
    place, found = _found(fault, value)
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{show(part)}" for part in place)
    annotation, around = annotation_of(cls, name, place), annotation_of(cls, name, place[:-1]) if place else cls
    label = [name, *(part for part in place if isinstance(part, str))][-1]
    may_vary = not place and cls not in SETTINGS.values()
    return ValueFault(place, f"{where}: {_sentence(fault, found, label, annotation, around, may_vary=may_vary)}")


def _found(fault: ErrorDetails, value: Any) -> tuple[KeyPath, Any]:
    """Return the keys that lead into a value, without pydantic's names for members of a union, and the text there."""
    place: list[int | str] = []
    keys = fault["loc"][1:]
    for key in keys:
        leads = key in value if isinstance(value, dict) else isinstance(value, list) and key in range(len(value))
        if leads:
            place.append(key)
            value = value[key]
    return (*place, *(keys[-1:] if fault["type"] == "missing" else ())), value


def _sentence(fault: ErrorDetails, value: Any, name: str, annotation: Any, around: Any, *, may_vary: bool) -> str:
    """Return the fault of a value, which is inside a value of the annotation `around`, in a sentence.

    `may_vary` is whether it is the content of a field, which may be a range.
    """
    said, limits, context = show(value), f" ({bounds(annotation, name)})", fault.get("ctx", {})
    match fault["type"]:
        case "greater_than":
            return f"{said} is not above {context['gt']:g}{limits}"
        case "greater_than_equal":
            return f"{said} is below {context['ge']:g}{limits}"
        case "less_than":
            return f"{said} is not below {context['lt']:g}{limits}"
        case "less_than_equal":
            return f"{said} is above {context['le']:g}{limits}"
        case "literal_error":
            options = context["expected"].replace("'", "")
            if (is_quoted(value) and str(value) in options) or (isinstance(value, list) and may_vary):
                return _unwanted(value, options, may_vary=may_vary)
            return f"{said} is not {options}{did_you_mean(str(value), options.replace(' or ', ', ').split(', '))}"
        case "missing":
            return "is missing"
        case "unexpected_keyword_argument":
            what = "key" if _class_of(around) in MAPPINGS else "field"
            return f"no such {what}{did_you_mean(str(fault['loc'][-1]), _keys(around))}"
        case "dataclass_type" if _class_of(annotation) in MAPPINGS:
            return f"needs a mapping with {listing(_keys(annotation))}, not {said}"
        case "value_error":
            return str(context["error"])
        case "wanted":
            return _unwanted(value, context["wanted"], [context["near"]] if context["near"] else ())
        case kind:
            return _unwanted(value, _WANTED[kind], may_vary=may_vary) if kind in _WANTED else fault["msg"]


_WANTED = {
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dataclass_type": "a mapping of settings",
}
"""Nouns for pydantic's plainest errors: a value is not ..."""


def _unwanted(value: Any, wanted: str, near: Sequence[str] = (), *, may_vary: bool = False) -> str:
    if is_quoted(value) and wanted not in (_WANTED["tuple_type"], _WANTED["dataclass_type"]):
        return f"'{show(value)}' is text; leave out the quotes"
    if isinstance(value, list) and len(value) > 1 and may_vary:
        return f"{show(value)} is not {wanted}; for a choice write {{choice: {show(value)}}}"
    if isinstance(value, float) and value.is_integer() and wanted.startswith("an integer"):
        return f"{show(value)} is a real number; write the integer {int(value)}"
    return f"{show(value)} is not {wanted}{did_you_mean(str(value), near)}"


def _class_of(annotation: Any) -> type | None:
    """Return the dataclass whose fields a mapping of this annotation holds."""
    return next((part for part in _parts(annotation) if isinstance(part, type) and is_dataclass(part)), None)


def _keys(annotation: Any) -> list[str]:
    cls = _class_of(annotation)
    return [item.name for item in fields(cls)] if cls else []


@cache
def _adapter(cls: type) -> TypeAdapter[Any]:
    return TypeAdapter(cls)
