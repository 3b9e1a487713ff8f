"""Configurations as points."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest

from search.errors import TooManyFailuresError
from search.proposals import prospects
from search.proposals.coordinates import Coordinates
from search.proposals.prospects import Feasible, sobol
from search.space.space import Space
from support import search_fake as fake

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


def test_the_feasible_ones_come_in_the_order_of_the_sequence() -> None:
    planner = fake.Planner(widest=24)
    points = [*islice(sobol(fake.space(), 3), 300)]
    expected = [params for params in points if planner(params).feasible]
    feasible = Feasible(fake.space(), planner, 3)
    assert [*feasible.first(5)] == expected[:5]
    assert [*feasible.first(60)] == expected[:60]
    assert [*feasible.first(2)] == expected[:2]


def test_they_cover_what_is_feasible() -> None:
    params = Feasible(fake.space(), fake.Planner(widest=24), 0).first(90)
    for width in (8, 16, 24):
        assert 24 <= sum(each["model.width"] == width for each in params) <= 36
    assert all(("model.extra" in each) == (each["model.depth"] > 1) for each in params)


def test_a_space_with_hardly_a_feasible_configuration_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TooManyFailuresError, match="20,000 configurations in a row exceed the space"):
        Feasible(fake.space(), fake.Planner(widest=0), 0).first(1)
    monkeypatch.setattr(prospects, "MAX_INFEASIBLE_POINTS", 60)  # in a row, not in all
    assert len(Feasible(fake.space(), fake.Planner(widest=8), 0).first(30)) == 30


def test_what_was_looked_at_before_for_others_does_not_count() -> None:
    planner, looks = fake.Planner(widest=8), 40
    begun, anew = (Feasible(fake.space(), planner, 3) for _ in range(2))
    expected = [params for params in islice(sobol(fake.space(), 3), looks) if planner(params).feasible]
    begun.first(len(expected) + 20)  # as a search that has begun has
    assert [*begun.first(1000, looks)] == [*anew.first(1000, looks)] == expected
    assert len(begun.first(2, looks)) == 2
