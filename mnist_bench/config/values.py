"""A configuration as plain values: its JSON and hash, a recipe's text, and every setting by its dotted path."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import cache
from itertools import pairwise
from types import MappingProxyType
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from mnist_bench.config.settings import Setting, TrainConfig
from mnist_bench.errors import ConfigError, UnknownSettingError
from search import canonical_json
from search.space.yaml_text import to_yaml
from search.stored_fields import dotted, stored, unknown, unknown_in
from search.trainer_api import Codec


def to_json(config: TrainConfig) -> dict[str, Any]:
    """Return `config` as in files and hashes: settings only if they differ from their defaults."""
    return stored(config)


def every_setting(config: TrainConfig) -> dict[str, Any]:
    """Return `config` as dictionaries, lists and plain values, every field named: to show and to compare."""
    plain: dict[str, Any] = _lists(asdict(config))
    return plain


def from_json(values: Mapping[str, Any]) -> TrainConfig:
    """Return the config that `values` describe; missing fields take their defaults.

    Raises:
        UnknownSettingError: a field does not exist.
        ConfigError: a field does not allow its value, or periods or phases do not make up the epochs.
    """
    try:
        return _checked(_adapter().validate_json(canonical_json.dumps(values), strict=True, extra="forbid"))
    except ValidationError as error:
        if name := unknown_in(error):
            raise UnknownSettingError(unknown(name)) from None
        raise ConfigError(_sentence(error)) from None
    except ValueError as error:
        raise ConfigError(f"the configuration contains a number that is not finite ({error})") from None


CODEC = Codec(to_json, from_json)
"""How a search writes and reads the configurations of nets."""


def config_hash(config: TrainConfig) -> str:
    """Return the SHA-256 of the config's JSON."""
    return canonical_json.sha256(to_json(config))


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
def _adapter() -> TypeAdapter[TrainConfig]:
    return TypeAdapter(TrainConfig)


def _checked(config: TrainConfig) -> TrainConfig:
    periods = config.periods
    if periods and (any(first >= last for first, last in pairwise(periods)) or periods[-1] != config.epochs):
        raise ConfigError(f"periods: {list(periods)} do not rise to {config.epochs}, the value of epochs")
    phases = [phase.epochs for phase in config.phases]
    if phases and sum(phases) != config.epochs:
        raise ConfigError(f"phases: their epochs add up to {sum(phases)}, not to {config.epochs}, the value of epochs")
    return config


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


def recipe_yaml(
    config: Mapping[str, Any], *, name: str, data: Mapping[str, Any] | None = None, is_portable: bool = False
) -> str:
    """Return the text of a recipe that `mnist-bench train` accepts: the settings that differ from their defaults.

    Args:
        config: a TrainConfig as plain JSON values.
        name: the recipe's name.
        data: the settings that choose the data set, see `DataChoice.settings`.
        is_portable: whether the file asks for portable precision; no other precision is named.
    """
    precision = {"precision": "portable"} if is_portable else {}
    return to_yaml({"name": name, **(data or {}), **precision, **config})


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """One setting of a trial."""

    path: str  # section and name, `optim.lr`; only the name if it is TrainConfig's own
    default: Any  # as a plain value
    about: str  # the docstring on one line, with the unit
    setting: Setting

    @property
    def name(self) -> str:
        """The path without its section."""
        return self.path.rpartition(".")[2]

    @property
    def group(self) -> str:
        """The group that an ablation changes it with."""
        return self.setting.group or self.name.replace("_", " ")

    def counts_in(self, config: TrainConfig) -> bool:
        """Return whether the setting does anything in a configuration."""
        return all(need.are_met(config) for need in self.setting.needs)


@cache
def sections() -> Mapping[str, type]:
    """Return the class of each section of TrainConfig by its name: model, augment, optim."""
    hints = get_type_hints(TrainConfig)
    return MappingProxyType(
        {name: kind for name, kind in hints.items() if isinstance(kind, type) and is_dataclass(kind)}
    )


@cache
def all_settings() -> Mapping[str, Declared]:
    """Return every setting by its dotted path, in the order of their declarations."""
    defaults = dict(flattened(every_setting(TrainConfig())))
    declared = [*declared_in(TrainConfig, "", defaults)]
    for section, cls in sections().items():
        declared += declared_in(cls, f"{section}.", defaults)
    return MappingProxyType({item.path: item for item in declared})


def setting_of(path: str) -> Setting:
    """Return the declaration of a setting; an empty one for an unknown path, as in studies of other trainers."""
    known = all_settings().get(path)
    return known.setting if known else Setting()


def declared_in(cls: type, prefix: str, defaults: Mapping[str, Any]) -> Iterator[Declared]:
    """Yield the settings that a class declares; `defaults` are plain values by path, and an entry without one is a
    section."""
    hints, docs = get_type_hints(cls, include_extras=True), field_docs(cls)
    for field in fields(cls):
        path = f"{prefix}{field.name}"
        if path in defaults:
            metadata = getattr(hints[field.name], "__metadata__", ())
            setting = next((item for item in metadata if isinstance(item, Setting)), Setting())
            yield Declared(path=path, default=defaults[path], about=docs.get(field.name, ""), setting=setting)


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
