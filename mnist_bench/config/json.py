"""TrainConfig to plain JSON values and back, its hash, and its text as a recipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import asdict
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import TypeAdapter, ValidationError

from mnist_bench.config.settings import TrainConfig
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
