"""A SHA-256 inside a JSON object, over everything else in it: what was damaged since it was written is not believed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from search import canonical_json

KEY = "sha256"


def seal(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with their seal, in place of one that they have; they are those of JSON, or of dataclasses."""
    content = {key: value for key, value in values.items() if key != KEY}
    as_read = json.loads(json.dumps(content))  # tuples are lists then, and every key is a text
    return {**content, KEY: canonical_json.sha256(as_read)}


def unseal(text: bytes | str) -> str:
    """Return a JSON object without its seal; one that has none, as those written by hand, is returned as it is.

    Raises:
        ValueError: it is no JSON object, or the seal is not that of its content.
    """
    try:
        values = json.loads(text, parse_constant=canonical_json.finite, parse_float=canonical_json.finite)
        if not isinstance(values, dict):
            raise ValueError("it is no JSON object")
        found = values.pop(KEY, None)
        if found is not None and found != canonical_json.sha256(values):
            raise ValueError(
                f"its content is not that of its {KEY}: damaged, or changed by hand and {KEY} not left out"
            )
        return json.dumps(values)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
