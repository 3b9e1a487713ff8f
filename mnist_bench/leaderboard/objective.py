"""The value of another trainer's trials: its name, and whether a smaller one is better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from search.space import direction_of, metric_of

UNNAMED = "value"


def value_name(spec: Mapping[str, Any]) -> str:
    """Return what the value of a study with this specification is called: the `objective` of its space, or "value"."""
    return metric_of(spec["space"]["settings"]) or UNNAMED


def is_minimized(spec: Mapping[str, Any]) -> bool:
    """Return whether the search of this specification minimizes the value; it maximizes it by default."""
    return direction_of(spec["space"]["settings"]) == "minimize"
