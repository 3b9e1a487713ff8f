"""The meaning of an unquoted text in a YAML file: null, true, false, a number, or the text itself.

The rules are YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema), plus underscores in whole numbers.
"""

from __future__ import annotations

import math
import re

from search.messages import show

MAX_INTEGER = 2**53
"""The largest whole number that survives JSON and a conversion to float (IEEE 754 double precision)."""

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
    """Return the value of an unquoted text.

    Raises:
        ValueError: the number is not finite, or is a whole number above `MAX_INTEGER`; the message is for the user.
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


def is_quoted(value: object) -> bool:
    """Return whether a value is a text that would be a number, true or false without its quotes."""
    if not isinstance(value, str):
        return False
    try:
        return isinstance(resolve(value), int | float)
    except ValueError:
        return False


def _integer(text: str) -> int:
    # Converting decimal digits takes quadratic time; 64 of them are far beyond 2^53 already.
    number = MAX_INTEGER + 1 if len(text) > 64 else int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if abs(number) > MAX_INTEGER:
        raise ValueError(f"{show(text)} is too large; the largest whole number is 2^53")
    return number
