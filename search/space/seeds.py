"""What a trial's seed follows from, by its space's setting `seeds`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Seeds = Literal["trial", "configuration"]
"""Whether a trial's seed follows from its number or from its configuration."""


def seeds_of(settings: Mapping[str, Any]) -> Seeds:
    """Return what the seeds of a search's trials follow from: the trial's number unless the settings say otherwise.

    The settings of another trainer's space may hold something else under this name.
    """
    return "configuration" if settings.get("seeds") == "configuration" else "trial"
