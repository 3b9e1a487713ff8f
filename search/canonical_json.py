"""One spelling for every value that is hashed: canonical JSON and its SHA-256."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any


def dumps(value: Any) -> str:
    """Return the only JSON text of `value`: sorted keys, no spaces, floats in their shortest exact form; ValueError if
    a number is not finite."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def fault(value: Any) -> Exception | None:
    """Return the error that keeps a value from being plain JSON (texts, finite numbers, true, false, null, lists and
    mappings of them); None if it is."""
    try:
        dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        return error
    return None


def sha256(value: Any) -> str:
    """Return the SHA-256 of `value`'s canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(dumps(value).encode()).hexdigest()


def parse_finite(text: str) -> float:
    """Return a number of a JSON text, for `json.loads` to call: Python itself takes NaN, Infinity and 1e999, too;
    ValueError if it is not finite."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is not a finite number")
    return number
