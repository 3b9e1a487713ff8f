"""Lists of what to try first."""

from __future__ import annotations

import numpy as np
from hypothesis import given, strategies as st

from mnist_bench.start_lists.portfolio import portfolio
from search.proposals.coordinates import Coordinates
from search.space.space import Space

SPACE = Space.of({"name": "wide", "m": {name: {"float": [0.0, 1.0]} for name in "ab"}})
COORDINATES = Coordinates(SPACE.distributions)


def params(a: float, b: float) -> dict[str, float]:
    return {"m.a": a, "m.b": b}


def test_the_best_comes_first_and_another_good_one_before_its_copy() -> None:
    configurations = [params(0.5, 0.5), params(0.51, 0.5), params(0.1, 0.9), params(0.9, 0.1)]
    assert portfolio(configurations, [1.0, 1.01, 1.1, 3.0], COORDINATES, 3) == [0, 2, 1]


def test_without_diversity_to_gain_the_order_is_that_of_the_losses() -> None:
    draws = np.random.default_rng(0)
    configurations = [params(*draws.random(2).tolist()) for _ in range(200)]
    losses = [float(number) for number in range(200)]
    chosen = portfolio(configurations, losses, COORDINATES, 5)
    assert chosen[0] < 10
    assert max(chosen) < 100


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(-10, 10)), max_size=8), st.integers(0, 10))
def test_no_configuration_comes_twice(drawn: list[tuple[float, float, float]], number: int) -> None:
    chosen = portfolio([params(a, b) for a, b, _ in drawn], [loss for *_, loss in drawn], COORDINATES, number)
    assert len(chosen) == len(set(chosen)) == min(number, len(drawn))
