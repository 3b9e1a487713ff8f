"""A configuration as the text of a recipe that `mnist-bench train` accepts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_WORD = re.compile(r"[A-Za-z_]+")
_NO_STRINGS = ("true", "false", "null")
"""Words that YAML does not take for text."""


def text(config: Mapping[str, Any], *, name: str, subset: int | None = None) -> str:
    """Return YAML with every field that stands in files (see `search.stored_fields`), so that older versions read it.

    Args:
        config: a TrainConfig as plain JSON values.
        name: of the recipe.
        subset: the number of training images, where it is not all.
    """
    return "\n".join(_lines({"name": name, "subset": subset, **config})) + "\n"


def _lines(values: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield f"{indent}{name}:"
            yield from _lines(value, indent + "  ")
        elif value not in (None, []):
            yield f"{indent}{name}: {_scalar(value)}"


def _scalar(value: Any) -> str:
    plain = isinstance(value, str) and _WORD.fullmatch(value) and value.lower() not in _NO_STRINGS
    return str(value) if plain else json.dumps(value)
