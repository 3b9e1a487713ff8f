"""Configurations as points."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from search.proposals.coordinates import Coordinates
from search.space.space import Space

SPACE = Space.of(
    {
        "name": "small",
        "m": {
            "depth": {"int": [1, 3]},
            "rate": {"float": [1e-4, 1e-2], "log": True},
            "kind": {"choice": ["a", "b", [1, 2]]},
            "extra": {"float": [0.0, 1.0], "when": {"depth": [2, 3]}},
            "one": {"int": [3, 3]},
        },
    }
)
COORDINATES = Coordinates(SPACE.distributions)


def params(depth: int = 1, rate: float = 1e-3, kind: Any = "a", extra: float | None = None) -> dict[str, Any]:
    found = {"m.depth": depth, "m.rate": rate, "m.kind": kind, "m.one": 3}
    return found if extra is None else {**found, "m.extra": extra}


@pytest.mark.parametrize(
    ("other", "squares"),
    [
        (params(), [0, 0, 0, 0]),
        (params(depth=3), [1, 0, 0, 0]),
        (params(rate=1e-4), [0, 0.25, 0, 0]),
        (params(kind=[1, 2]), [0, 0, 1, 0]),
        (params(depth=2, extra=0.5), [0.25, 0, 0, 1]),
        (params(depth=2, extra=1.0), [0.25, 0, 0, 1.25]),
    ],
)
def test_two_configurations_are_apart_in_each_range(other: dict[str, Any], squares: list[float]) -> None:
    points = [COORDINATES.of(params()), COORDINATES.of(other)]
    apart = COORDINATES.squares(np.array(points[:1]), np.array(points[1:]))
    assert apart[:, 0, 0] == pytest.approx(squares)
    assert COORDINATES.distances(np.array(points[:1]), np.array(points[1:]))[0, 0] == pytest.approx(sum(squares) ** 0.5)
