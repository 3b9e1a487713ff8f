"""The name of the value of another trainer's trials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from search.space.objective import Aim

UNNAMED = "value"


def value_name(spec: Mapping[str, Any]) -> str:
    """Return what the value of a study with this specification is called: the `objective` of its space, or "value"."""
    return Aim.of(spec["space"]["settings"]).metric or UNNAMED
