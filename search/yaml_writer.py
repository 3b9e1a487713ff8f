"""Plain values as YAML text, from which `search.space.yaml_reader` reads the same values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_NO_TEXT = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")
"""Words that this project's reader, or one of YAML 1.1, does not take for text."""
_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+")


def text(values: Mapping[str, Any]) -> str:
    """Return a line for each value; mappings at the top are sections, with a line for each of their fields.

    >>> print(text({"epochs": 3, "model": {"filters": [8, 16], "units": {"int": [8, 64]}}}), end="")
    epochs: 3
    model:
      filters: [8, 16]
      units: {int: [8, 64]}
    """
    return "".join(f"{line}\n" for line in _lines(values))


def _lines(values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield f"{_key(name)}:"
            yield from (f"  {_key(field)}: {_inline(form)}" for field, form in value.items())
        else:
            yield f"{_key(name)}: {_inline(value)}"


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_key(key)}: {_inline(item)}' for key, item in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_inline, value))}]"
    if isinstance(value, str) and _WORD.fullmatch(value) and value.lower() not in _NO_TEXT:
        return value
    return "".join(map(_spelt, json.dumps(value, ensure_ascii=False)))


def _spelt(character: str) -> str:
    """Return a character, escaped if a terminal might obey it: JSON escapes only the characters below a space."""
    if character.isprintable():
        return character
    return f"\\u{ord(character):04x}" if ord(character) < 1 << 16 else f"\\U{ord(character):08x}"


def _key(name: str) -> str:
    return name if _PATH.fullmatch(name) else _inline(name)
