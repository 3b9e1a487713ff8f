"""The aim of a search, from its space's settings `objective` and `direction`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, assert_never

Direction = Literal["minimize", "maximize"]


def direction_of(settings: Mapping[str, Any]) -> Direction:
    """Return whether a search minimizes or maximizes its value: it maximizes unless the settings say otherwise."""
    return "minimize" if settings.get("direction") == "minimize" else "maximize"


def metric_of(settings: Mapping[str, Any]) -> str | None:
    """Return the name of the value, which is the first objective; None if the settings do not name it.

    >>> metric_of({"objective": "loss"}), metric_of({"objective": ["loss", "macs"]}), metric_of({})
    ('loss', 'loss', None)
    """
    objective = settings.get("objective")
    return objective[0] if isinstance(objective, list) else objective


def cost_of(settings: Mapping[str, Any]) -> str | None:
    """Return the second objective, a name among a plan's facts that the search minimizes; None with one objective.

    `objective: [val_accuracy, macs]` sets it. `direction` is that of the first objective alone.
    """
    objective = settings.get("objective")
    return objective[1] if isinstance(objective, list) else None


def score(value: float, direction: Direction) -> float:
    """Return a value so that the higher of two is the better one: minus the value if it is minimized.

    The score of a score is the value.
    """
    match direction:
        case "maximize":
            return value
        case "minimize":
            return -value
        case _:
            assert_never(direction)
