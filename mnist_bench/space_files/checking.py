"""Whether a space's names and values are those of the trainer's settings (`mnist_bench.config.settings`)."""

from __future__ import annotations

import random
import types
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import cache
from itertools import pairwise
from typing import Any, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt
from pydantic import TypeAdapter, ValidationError

from mnist_bench.config import (
    AugmentConfig,
    ModelConfig,
    OptimConfig,
    Phase,
    TrainConfig,
    TrainOn,
    from_json,
    leaves_validation,
    with_params,
)
from mnist_bench.errors import ArchitectureError
from mnist_bench.nets import plan_layers
from mnist_bench.space_files import objective
from search import strategies
from search.canonical_json import dumps
from search.errors import Problem
from search.messages import did_you_mean, listing, show
from search.space import UNREADABLE, Field, FloatRange, IntRange, KeyPath, Space

SECTIONS: dict[str, type] = {"model": ModelConfig, "augment": AugmentConfig, "optim": OptimConfig}
TRAINING = ("epochs", "periods", "train_on", "phases")
"""Settings that are TrainConfig's own."""
SETTINGS = (*TRAINING, "subset", "limits", "search", "objective")
LIMITS = ("parameters", "macs")
MIN_SUBSET = 1000
NETS_TRIED = 64

Fault = tuple[KeyPath, str]


def check(space: Space) -> list[Problem]:
    """Return all that is wrong with the names and values of `space`, in no particular order.

    Ranges that could not be read are passed over.
    """
    problems = list(_top_level_problems(space))
    for item in space.fields:
        problems += _field_problems(item)
    for name, value in space.settings.items():
        faults = _setting_faults(name, value)
        problems += [space.origins[name].problem(f"{name}{text}", *below) for below, text in faults]
    train_on = space.settings.get("train_on", TrainConfig().train_on)
    if train_on in get_args(TrainOn) and not leaves_validation(train_on) and not space.is_recipe:
        message = f"train_on: {train_on} leaves a search no image to select on; a search needs search_split"
        problems.append(space.origins["train_on"].problem(message))
    if problems or any(item.value is UNREADABLE for item in space.fields):
        return problems
    return [*_sum_problems(space), *_strategy_problems(space)] or [*_net_problems(space)]


def training_settings(space: Space) -> dict[str, Any]:
    """Return TrainConfig's own settings, as plain values; those left out are left out."""
    return {name: value for name, value in space.settings.items() if name in TRAINING}


def bounds(annotation: Any, name: str) -> str:
    """Return the bounds that an annotation sets, as "0 <= rate < 1"; empty where it sets none."""
    limits = list(_metadata(annotation))
    low = next((f"{m.ge:g} <=" for m in limits if isinstance(m, Ge)), "") or next(
        (f"{m.gt:g} <" for m in limits if isinstance(m, Gt)), ""
    )
    high = next((f"<= {m.le:g}" for m in limits if isinstance(m, Le)), "") or next(
        (f"< {m.lt:g}" for m in limits if isinstance(m, Lt)), ""
    )
    return f"{low} {name} {high}".strip() if low or high else ""


def _metadata(annotation: Any) -> Iterator[Any]:
    yield from getattr(annotation, "__metadata__", ())
    if get_origin(annotation) in (Union, types.UnionType) or hasattr(annotation, "__metadata__"):
        for member in get_args(annotation):
            yield from _metadata(member)


def _top_level_problems(space: Space) -> Iterator[Problem]:
    for name, origin in space.origins.items():
        known = ("name", *SETTINGS, *SECTIONS)
        is_mapping = name not in space.settings and name != "name"
        if name not in known:
            yield origin.problem(f"{show(name)}: no such setting or section{did_you_mean(name, known)}", at_key=True)
        elif name in SECTIONS and not is_mapping:
            value = show(space.settings[name])
            yield origin.problem(f"{name}: a section holds fields, `name: value` each, not {value}")
        elif name in SETTINGS and is_mapping:
            yield origin.problem(f"{name}: takes the same value in all trials; a range is not possible here")


def _field_problems(item: Field) -> list[Problem]:
    section, _, name = item.path.partition(".")
    if section not in SECTIONS:
        return []
    known = _names(SECTIONS[section])
    if name not in known:
        elsewhere = [other for other, cls in SECTIONS.items() if name in _names(cls)]
        hint = f"; did you mean `{elsewhere[0]}.{name}`?" if elsewhere else did_you_mean(name, known)
        return [item.origin.problem(f"{item.path}: no such field{hint}", at_key=True)]
    if isinstance(item.distribution, FloatRange) and not _mentions(_annotation(SECTIONS[section], name), float):
        return [item.origin.problem(f"{item.path}: takes no range of real numbers; use `int` or `choice`", "float")]
    for below, value in _candidates(item):
        if faults := _faults(SECTIONS[section], name, value):
            return [item.origin.problem(f"{item.path}{text}", *below, *inner) for inner, text in faults]
    return []


def _candidates(item: Field) -> Iterator[tuple[KeyPath, Any]]:
    """Yield values that all have to be allowed, and where they stand inside the field's form."""
    span = item.distribution
    if span is None:
        yield item.origin.below("value"), item.value
    elif isinstance(span, IntRange | FloatRange):
        kind = "int" if isinstance(span, IntRange) else "float"
        yield (kind, 0), span.low
        yield (kind, 1), span.high
        if isinstance(span, IntRange):
            grid = range(span.low, span.high, span.step)[:NETS_TRIED]
            yield from (((kind,), value) for value in grid)
    else:
        yield from ((("choice", index), option) for index, option in enumerate(span.options))


def _faults(cls: type, name: str, value: Any) -> list[Fault]:
    """Return what is wrong with a value of a field: the place inside the value, and ": " with a sentence."""
    try:
        _adapter(cls).validate_json(dumps({name: value}), strict=True, extra="forbid")
    except ValidationError as error:
        return [_fault(cls, name, dict(fault)) for fault in _nearest(error, value)]
    return []


def _nearest(error: ValidationError, value: Any) -> list[Any]:
    """Return the faults of the member of a union that the value resembles: the list or the single value."""
    faults = error.errors(include_url=False)
    if isinstance(value, list):
        return [fault for fault in faults if fault["input"] != value] or faults
    return [fault for fault in faults if fault["type"] != "tuple_type"] or faults


def _fault(cls: type, name: str, fault: dict[str, Any]) -> Fault:
    # What pydantic puts in for the members of a union has brackets or dashes and is no part of the place.
    place = tuple(part for part in fault["loc"][1:] if isinstance(part, int) or part.isidentifier())
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return place, f"{where}: {_sentence(fault)}{_allowed(cls, name, fault['type'], place)}"


def _allowed(cls: type, name: str, kind: str, place: KeyPath) -> str:
    if kind not in _COMPARISONS or any(isinstance(part, str) for part in place):
        return ""
    return f" ({bounds(_annotation(cls, name), name)})"


def _annotation(cls: type, name: str) -> Any:
    return get_type_hints(cls, include_extras=True)[name]


def _mentions(annotation: Any, kind: type) -> bool:
    return annotation is kind or any(_mentions(member, kind) for member in get_args(annotation))


_COMPARISONS = {
    "greater_than": ("is not above", "gt"),
    "greater_than_equal": ("is below", "ge"),
    "less_than": ("is not below", "lt"),
    "less_than_equal": ("is above", "le"),
}
_WANTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dataclass_type": "a mapping of settings",
}


def _sentence(fault: dict[str, Any]) -> str:
    kind, value = fault["type"], fault["input"]
    if kind in _COMPARISONS:
        words, key = _COMPARISONS[kind]
        return f"{show(value)} {words} {fault['ctx'][key]:g}"
    if kind == "unexpected_keyword_argument":
        return f"no such field{did_you_mean(fault['loc'][-1], _names(Phase) + _names(AugmentConfig))}"
    if kind == "int_type" and isinstance(value, float) and value.is_integer():
        return f"{show(value)} is a real number; write the whole number {int(value)}"
    if kind == "literal_error":
        options = fault["ctx"]["expected"].replace("'", "")
        return f"{show(value)} is not {options}{did_you_mean(str(value), options.replace(' or ', ', ').split(', '))}"
    if kind == "missing":
        return "is missing"
    return f"{show(value)} is not {_WANTED[kind]}" if kind in _WANTED else str(fault["msg"])


def _setting_faults(name: str, value: Any) -> list[Fault]:
    if name in TRAINING:
        return _faults(TrainConfig, name, value)
    if name == "subset":
        return _subset_faults(value)
    if name == "objective":
        return list(objective.faults(value))
    if name == "limits":
        return _mapping_faults(value, LIMITS, _limit_fault)
    return _mapping_faults(value, ("sampler", "pruner"), _strategy_fault) if name == "search" else []


def _subset_faults(value: Any) -> list[Fault]:
    if isinstance(value, float) and value.is_integer():
        return [((), f": {value} is a real number; write the whole number {int(value)}")]
    if isinstance(value, bool) or not isinstance(value, int) or value < MIN_SUBSET:
        return [((), f": {show(value)} is not a whole number of at least {MIN_SUBSET} images")]
    return []


def _mapping_faults(value: Any, known: tuple[str, ...], judge: Callable[[str, Any], str | None]) -> list[Fault]:
    """Return the unknown keys of a mapping and what `judge` finds wrong with the values of the known ones."""
    if not isinstance(value, dict):
        return [((), f": needs a mapping with {listing(known)}, not {show(value)}")]
    unknown = {key: f"no such key{did_you_mean(key, known)}" for key in value if key not in known}
    faults = unknown | {key: text for key in value if key in known and (text := judge(key, value[key]))}
    return [((key,), f".{show(key)}: {text}") for key, text in faults.items()]


def _limit_fault(_: str, limit: Any) -> str | None:
    return None if _is_number(limit) and limit > 0 else f"{show(limit)} is not a number above zero"


def _strategy_fault(kind: str, spec: Any) -> str | None:
    if not isinstance(spec.get("name") if isinstance(spec, dict) else spec, str):
        return f"needs a {kind}'s name, or a mapping with `name` and its options, not {show(spec)}"
    try:
        (strategies.sampler if kind == "sampler" else strategies.pruner)(spec)
    except ValueError as error:
        return str(error)
    return None


def _sum_problems(space: Space) -> Iterator[Problem]:
    """Yield where the epochs of periods and phases do not agree with `epochs`."""
    epochs = space.settings.get("epochs", TrainConfig().epochs)
    periods = space.settings.get("periods")
    if periods and (periods[-1] != epochs or any(first >= last for first, last in pairwise(periods))):
        yield space.origins["periods"].problem(f"periods: {show(periods)} does not rise to {epochs}, the epochs")
    phases = space.settings.get("phases")
    if phases and (total := sum(phase["epochs"] for phase in phases)) != epochs:
        yield space.origins["phases"].problem(f"phases: their epochs add up to {total}, not to {epochs}, the epochs")


def _strategy_problems(space: Space) -> Iterator[Problem]:
    """Yield why the sampler, the pruner and the space do not fit together."""
    sampler, pruner = strategies.of_settings(space.settings)
    periods = len(space.settings.get("periods") or range(space.settings.get("epochs", TrainConfig().epochs)))
    for kind, reason in strategies.misfits(sampler, pruner, space, periods):
        yield space.origins["search"].problem(f"search.{kind}: {reason}", kind)


def _net_problems(space: Space) -> Iterator[Problem]:
    """Yield a problem where not one of several nets drawn at random can exist."""
    draws = random.Random(0)  # noqa: S311
    for _ in range(1 if space.is_recipe else NETS_TRIED):
        params = space.sample(lambda _, distribution: distribution.draw(draws))
        config = from_json(with_params(training_settings(space), space.resolve(params)))
        try:
            plan_layers(config.model)
            return
        except ArchitectureError as error:
            reason = str(error)
    yield space.origins["model"].problem(f"model: no net can be built from these settings: {reason}")


@cache
def _adapter(cls: type) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


def _names(cls: type) -> list[str]:
    return [item.name for item in fields(cls)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
