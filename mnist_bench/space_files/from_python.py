"""Spaces and recipes written in Python, as equivalent space files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

from mnist_bench.config.json import recipe_yaml, to_json
from mnist_bench.config.settings import TrainConfig
from search.errors import UsageError
from search.messages import show
from search.space import yaml_text
from search.space.yaml_text import Document, to_yaml

SOURCE = "space"
"""The name in messages of a space without a file, and its own name if it gives none."""


def document(values: Mapping[str, Any] | TrainConfig, source: str = SOURCE) -> Document:
    """Return the document of an equivalent file; messages name fields in it, and no lines.

    Any mapping, list, tuple, number, text, boolean or None will do, NumPy's numbers too.

    Raises:
        UsageError: a file cannot hold a value, or a key is not a text; the message names the place.
        SpaceError: the file would be refused: it would be too large or too deep, or hold control characters.
    """
    if not isinstance(values, Mapping | TrainConfig):
        raise UsageError(
            f"{show(repr(values))} is not a space; give a file's path or name, a mapping or a configuration."
        )
    if isinstance(values, TrainConfig):
        text = recipe_yaml(_plain_mapping(to_json(values), source, ()), name=source)
    else:
        text = to_yaml(_plain_mapping(values, source, ()))
    return Document.of(source, yaml_text.parse(text, source).value)


def _plain_mapping(values: Mapping[Any, Any], source: str, path: tuple[str, ...]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for key, value in values.items():
        if not isinstance(key, str):
            raise UsageError(f"{_place(source, path)}key {show(repr(key))} is not a text; a field needs a name.")
        plain[key] = _plain(value, source, (*path, key))
    return plain


def _plain(value: object, source: str, path: tuple[str, ...]) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real) and math.isfinite(value):
        return float(value)
    if isinstance(value, Mapping):
        return _plain_mapping(value, source, path)
    if isinstance(value, list | tuple):
        return [_plain(item, source, path) for item in value]
    raise UsageError(
        f"{_place(source, path)}{show(repr(value))} cannot be in a space file; write a number that is finite, a text, "
        "true or false, a list or a mapping."
    )


def _place(source: str, path: tuple[str, ...]) -> str:
    return f"{source}: {'.'.join(path)}: " if path else f"{source}: "
