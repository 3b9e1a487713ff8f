"""TrainConfig to plain JSON values and back, and its hash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import asdict
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import TypeAdapter, ValidationError

from mnist_bench.config import TrainConfig
from mnist_bench.errors import ConfigError
from search import canonical


def to_json(config: TrainConfig) -> dict[str, Any]:
    """Return `config` as dictionaries, lists and plain values, every field named."""
    plain: dict[str, Any] = _lists(asdict(config))
    return plain


def from_json(values: Mapping[str, Any]) -> TrainConfig:
    """Return the config that `values` describe; fields left out take their defaults.

    Raises:
        ConfigError: a field does not exist or does not allow its value, or periods or phases do not make up the epochs.
    """
    try:
        return _checked(_adapter().validate_json(canonical.dumps(values), strict=True, extra="forbid"))
    except ValidationError as error:
        raise ConfigError(_sentence(error)) from None
    except ValueError as error:
        raise ConfigError(f"the configuration holds a number that is not finite ({error})") from None


def config_hash(config: TrainConfig) -> str:
    """Return the SHA-256 of the config's JSON."""
    return canonical.sha256(to_json(config))


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


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted path, value) of every field of a nested mapping, in its order."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


@cache
def _adapter() -> TypeAdapter[TrainConfig]:
    return TypeAdapter(TrainConfig)


def _checked(config: TrainConfig) -> TrainConfig:
    periods = config.periods
    if periods and (any(first >= last for first, last in pairwise(periods)) or periods[-1] != config.epochs):
        raise ConfigError(f"periods: {list(periods)} do not rise to the {config.epochs} of epochs")
    phases = [phase.epochs for phase in config.phases]
    if phases and sum(phases) != config.epochs:
        raise ConfigError(f"phases: their epochs add up to {sum(phases)}, not to the {config.epochs} of epochs")
    return config


def _lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _lists(entry) for name, entry in value.items()}
    return [_lists(entry) for entry in value] if isinstance(value, tuple) else value


def _sentence(error: ValidationError) -> str:
    # Where a union fails, the longest place belongs to the member that came furthest.
    first = max(error.errors(include_url=False), key=lambda fault: len(fault["loc"]))
    if first["type"] == "unexpected_keyword_argument":
        return f"{_dotted(first['loc'])}: there is no such field"
    return f"{_dotted(first['loc'])}: {first['msg']}, not {first['input']!r}"


def _dotted(place: tuple[int | str, ...]) -> str:
    """Return the field's name; what pydantic adds for the members of a union has brackets or dashes and is left out."""
    return ".".join(str(part) for part in place if isinstance(part, int) or part.isidentifier())
