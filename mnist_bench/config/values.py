"""A configuration as plain values: its JSON and hash, a recipe's text, and every setting by its dotted path."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import asdict, fields, is_dataclass, replace
from functools import cache
from itertools import pairwise
from types import MappingProxyType
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from mnist_bench.config.settings import Setting, TrainConfig
from mnist_bench.errors import ConfigError, UnknownSettingError
from search import canonical_json
from search.messages import show
from search.space.yaml_text import to_yaml
from search.stored_fields import dotted, stored, unknown, unknown_in
from search.trainer_api import Codec


def to_json(config: TrainConfig) -> dict[str, Any]:
    """Return `config` as in files and hashes: settings only if they differ from their defaults."""
    return stored(config)


def from_json(values: Mapping[str, Any]) -> TrainConfig:
    """Return the config that `values` describe; missing fields take their defaults."""
    try:
        config: TrainConfig = _adapter().validate_json(canonical_json.dumps(values), strict=True, extra="forbid")
    except ValidationError as error:
        if name := unknown_in(error):
            raise UnknownSettingError(unknown(name)) from None
        raise ConfigError(_sentence(error)) from None
    except ValueError as error:
        raise ConfigError(f"the configuration contains a number that is not finite ({error})") from None
    if found := next(disagreements(values), None):
        raise ConfigError(f"{found[0]}: {found[1]}")
    return config


CODEC = Codec(to_json, from_json)  # how a search writes and reads the configurations of nets


def disagreements(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the settings, `periods` or `phases`, whose epochs do not agree with `epochs`, and why."""
    epochs, periods, phases = (
        values.get(name, getattr(TrainConfig(), name)) for name in ("epochs", "periods", "phases")
    )
    if periods and (periods[-1] != epochs or any(first >= last for first, last in pairwise(periods))):
        yield "periods", f"{show(periods)} does not rise to {epochs}, the epochs"
    if phases and (total := sum(phase["epochs"] for phase in phases)) != epochs:
        yield "phases", f"their epochs add up to {total}, not to {epochs}, the epochs"


def config_hash(config: TrainConfig) -> str:
    """Return the SHA-256 of the config's JSON."""
    return canonical_json.sha256(to_json(config))


def recipe_yaml(
    config: Mapping[str, Any], *, name: str, data: Mapping[str, Any] | None = None, is_portable: bool = False
) -> str:
    """Return the text of a recipe that `mnist-bench train` accepts: the settings that differ from their defaults.

    `data` are the settings that choose the data set, see `DataChoice.settings`. No precision is named but portable.
    """
    precision = {"precision": "portable"} if is_portable else {}
    return to_yaml({"name": name, **(data or {}), **precision, **config})


def settings_of(config: TrainConfig) -> dict[str, Any]:
    """Return the plain value of every setting by its dotted path: to show and to compare."""
    return dict(flattened(_lists(asdict(config))))


def with_params(base: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of the nested `base` in which each parameter, named `section.field` or `field`, has its value."""
    values: dict[str, Any] = deepcopy(dict(base))
    for name, value in params.items():
        *sections, field = name.split(".")
        inner = values
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[field] = value
    return values


def flattened(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted path, value) of every field of a nested mapping, in its order."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


@cache
def sections() -> Mapping[str, type]:
    """Return the class of each section of TrainConfig by its name: model, augment, optim."""
    hints = get_type_hints(TrainConfig)
    return MappingProxyType(
        {name: kind for name, kind in hints.items() if isinstance(kind, type) and is_dataclass(kind)}
    )


@cache
def all_settings() -> Mapping[str, Setting]:
    """Return every setting by its dotted path, in the order of their declarations."""
    defaults = settings_of(TrainConfig())
    found: dict[str, Setting] = {}
    for prefix, cls in {"": TrainConfig, **{f"{name}.": cls for name, cls in sections().items()}}.items():
        found |= declared_in(cls, prefix, defaults)
    return MappingProxyType(found)


def declared_in(cls: type, prefix: str, defaults: Mapping[str, Any]) -> dict[str, Setting]:
    """Return the settings that a class declares; `defaults` are by path, and an entry without one is a section."""
    hints, docs = get_type_hints(cls, include_extras=True), field_docs(cls)
    found: dict[str, Setting] = {}
    for field in fields(cls):
        path, metadata = f"{prefix}{field.name}", getattr(hints[field.name], "__metadata__", ())
        if path in defaults:
            declared = next((item for item in metadata if isinstance(item, Setting)), Setting())
            found[path] = replace(declared, path=path, default=defaults[path], about=docs.get(field.name, ""))
    return found


def setting_of(path: str) -> Setting:
    """Return a setting; one without a declaration for an unknown path, as in studies of other trainers."""
    return all_settings().get(path) or Setting(path=path)


@cache
def field_docs(cls: type) -> dict[str, str]:
    """Return the text under each field of `cls` on one line, by the field's name, from the class's source.

    Of an inherited field it is the base's, unless the class declares the field again. There is none if Python finds no
    source, as for a class that `make_dataclass` made.
    """
    docs: dict[str, str] = {}
    for declaring in filter(is_dataclass, reversed(cls.__mro__)):
        try:
            # A class that stands inside another, or in a function, is indented.
            tree = ast.parse(textwrap.dedent(inspect.getsource(declaring)))
        except (OSError, TypeError, SyntaxError):
            continue
        body = next(node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
        for pair in pairwise(body):
            match pair:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    docs[name] = " ".join(text.split())
    return docs


@cache
def _adapter() -> TypeAdapter[TrainConfig]:
    return TypeAdapter(TrainConfig)


def _lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _lists(entry) for name, entry in value.items()}
    return [_lists(entry) for entry in value] if isinstance(value, tuple) else value


def _sentence(error: ValidationError) -> str:
    # Where a union fails, the longest place belongs to the member that came furthest.
    first = max(error.errors(include_url=False), key=lambda fault: len(fault["loc"]))
    if first["type"] == "unexpected_keyword_argument":
        return f"{dotted(first['loc'])}: there is no such field"
    return f"{dotted(first['loc'])}: {first['msg']}, not {first['input']!r}"
