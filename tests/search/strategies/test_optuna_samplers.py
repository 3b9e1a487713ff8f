"""Ranges as Optuna takes them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from search.space.ranges import Choice, FloatRange, IntRange, Levels
from search.space.space import Space
from search.space.yaml_text import parse
from search.strategies.optuna_samplers import OptunaRanges
from search.strategies.optuna_study import OptunaStudy
from search.strategies.pruners import NoPruner
from search.strategies.samplers import Random

OPTIONS = ([3, 5], "relu", None, 2)
LISTS = Choice(OPTIONS)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (IntRange(8, 32, 8), IntDistribution(8, 32, step=8)),
        (IntRange(1, 512, log=True), IntDistribution(1, 512, log=True)),
        (FloatRange(0.0, 0.3), FloatDistribution(0.0, 0.3)),
        (FloatRange(1e-4, 0.1, log=True), FloatDistribution(1e-4, 0.1, log=True)),
        (Levels((1e-4, 1e-3, 0.1), log=True), IntDistribution(0, 2)),
        (Levels((64,)), IntDistribution(0, 0)),
        (LISTS, CategoricalDistribution(["[3,5]", "relu", None, 2])),
    ],
)
def test_distributions(ours: Any, theirs: object) -> None:
    assert ours.to_optuna() == theirs


def test_a_trial_that_is_read_back_has_its_parameters_in_the_order_in_which_they_are_sampled() -> None:
    """An own sampler may go by it, and must decide after a restart as it would have without one."""
    text = "a: {k: {int: [1, 2]}, x: {float: [0, 1], when: {k: 1}}, z: {float: [0, 1]}}"
    space = Space.from_document(parse(text, "f.yaml"))
    study = OptunaStudy(name="f", space=space, sampler=Random(), pruner=NoPruner(), periods=1, seed=0)
    params = study.ask(0, {"a.k": 1, "a.x": 0.5, "a.z": 0.5})
    assert list(params) == list(OptunaRanges(space).stored(dict(sorted(params.items())))) == ["a.k", "a.z", "a.x"]


@given(st.lists(st.integers(-99, 99) | st.floats(-99, 99), min_size=1, max_size=9, unique=True))
def test_levels_are_stored_as_their_indices_and_come_back_as_they_were_written(numbers: list[float]) -> None:
    levels = Levels(tuple(sorted(numbers)))
    stored = [levels.encode(level) for level in levels.values]
    assert stored == list(range(len(numbers)))
    assert [repr(levels.decode(index)) for index in stored] == [repr(level) for level in levels.values]


@pytest.mark.parametrize(
    ("ours", "value"), [(IntRange(1, 9), 3), (FloatRange(0.0, 1.0), 0.3), *((LISTS, option) for option in OPTIONS)]
)
def test_values_come_back(ours: Any, value: object) -> None:
    assert ours.decode(ours.encode(value)) == value


@pytest.mark.parametrize(("value", "option"), [([3.0, 5], "[3,5]"), (2.0, 2), ("relu", "relu"), (None, None)])
def test_an_option_that_is_written_otherwise_is_the_same_option(value: Any, option: Any) -> None:
    assert LISTS.contains(value)
    assert repr(LISTS.encode(value)) == repr(option)
