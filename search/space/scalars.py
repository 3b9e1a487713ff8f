"""What an unquoted text in a YAML file means: null, true, a number, or itself.

YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema), with underscores inside whole numbers.
"""

from __future__ import annotations

import math
import re

from search.messages import show

MAX_INTEGER = 2**53
"""Whole numbers up to here are exact in JSON and as floats."""

Scalar = None | bool | int | float | str

_INTEGER = re.compile(r"[-+]?[0-9]+(_[0-9]+)*|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def resolve(text: str) -> Scalar:
    """Return the value that an unquoted text stands for.

    Raises:
        ValueError: a number that is not finite, or a whole one above `MAX_INTEGER`, in words for the user.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    if _FLOAT.fullmatch(text) or _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{show(text)} is not a finite number")
    return text


def _integer(text: str) -> int:
    # More digits than any use has would take long to convert.
    number = MAX_INTEGER + 1 if len(text) > 64 else int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if abs(number) > MAX_INTEGER:
        raise ValueError(f"{show(text)} is too large a whole number; the most is 2^53")
    return number
