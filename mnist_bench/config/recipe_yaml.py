"""Writes a configuration as YAML: the text of a recipe that `mnist-bench train` accepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from search.space.yaml_text import to_yaml


def text(
    config: Mapping[str, Any], *, name: str, data: Mapping[str, Any] | None = None, is_portable: bool = False
) -> str:  # fmt: skip
    """Return YAML with the settings that differ from their defaults.

    Args:
        config: a TrainConfig as plain JSON values.
        name: the recipe's name.
        data: the settings that choose the data set, see `DataChoice.settings`.
        is_portable: whether the file asks for portable precision; no other precision is named.
    """
    about = {
        "name": name,
        **(data or {}),
        **({"precision": "portable"} if is_portable else {}),
    }
    return to_yaml({**about, **config})
