"""What a search is for: the trainer's value alone, or that value and beside it a cost, as low as possible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def cost_of(settings: Mapping[str, Any]) -> str | None:
    """Return the cost that a space's settings minimise beside the value: a name among a plan's facts, else None.

    `objective: [val_accuracy, macs]` names it; the value itself is always maximised.
    """
    objective = settings.get("objective")
    return objective[1] if isinstance(objective, list) else None
