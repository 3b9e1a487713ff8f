"""The aim of a search, from its space's settings `objective` and `direction`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, assert_never

Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True, slots=True)
class Aim:
    """What a search optimizes.

    >>> Aim.of({"objective": ["loss", "macs"], "direction": "minimize"})
    Aim(direction='minimize', metric='loss', cost='macs')
    """

    direction: Direction  # of the value; a search maximizes unless the settings say otherwise
    metric: str | None  # the name of the value; None if the settings do not name it
    cost: str | None
    """The second objective, a name among a plan's facts that the search minimizes; None with one objective."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Aim:
        """Return the aim that the settings of a space describe."""
        objective = settings.get("objective")
        metric, cost = objective if isinstance(objective, list) else (objective, None)
        return cls("minimize" if settings.get("direction") == "minimize" else "maximize", metric, cost)


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
