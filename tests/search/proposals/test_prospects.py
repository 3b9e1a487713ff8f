"""The feasible points of a Sobol sequence."""

from __future__ import annotations

from itertools import islice

import pytest

from search.errors import TooManyFailuresError
from search.proposals.prospects import Feasible, sobol
from support import search_fake as fake


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


def test_a_space_with_hardly_a_feasible_configuration_says_so() -> None:
    with pytest.raises(TooManyFailuresError, match="20,000 configurations in a row exceed the space"):
        Feasible(fake.space(), fake.Planner(widest=0), 0).first(1)


def test_what_was_looked_at_before_for_others_does_not_count() -> None:
    planner, looks = fake.Planner(widest=8), 40
    begun, anew = (Feasible(fake.space(), planner, 3) for _ in range(2))
    expected = [params for params in islice(sobol(fake.space(), 3), looks) if planner(params).feasible]
    begun.first(len(expected) + 20)  # as a search that has begun has
    assert [*begun.first(1000, looks)] == [*anew.first(1000, looks)] == expected
    assert len(begun.first(2, looks)) == 2
