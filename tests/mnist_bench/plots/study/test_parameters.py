from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, strategies as st

from mnist_bench.plots.study.parameters import Parameter, jitter, parameters
from search.space.ranges import Choice, Distribution, FloatRange, IntRange, Levels
from support import handmade as made


def parameter(distribution: Distribution) -> Parameter:
    return Parameter(path="model.batchnorm", label="batchnorm", distribution=distribution)


def test_parameters_come_in_the_order_of_the_space_without_those_that_no_trial_has() -> None:
    trials = [made.trial(number, curve=[0.9], params=made.params(number)) for number in (0, 2)]
    labels = [found.label for found in parameters(made.searched(trials))]
    assert labels == ["batchnorm", "hidden_layers", "lr", "momentum"]


def test_a_name_that_two_sections_have_keeps_its_section() -> None:
    sections = {"augment": {"zoom": {"float": [0, 1]}}, "model": {"zoom": {"float": [0, 1]}, "blocks": {"int": [1, 3]}}}
    params = {"augment.zoom": 0.05, "model.zoom": 0.5, "model.blocks": 2}
    study = made.searched([replace(made.trial(0, curve=[0.9]), params=params)], sections)
    assert [found.label for found in parameters(study)] == ["augment.zoom", "model.zoom", "blocks"]


def test_a_range_of_one_value_is_no_parameter() -> None:
    sections = {"model": {"blocks": {"int": [2, 2]}, "kernel_size": {"choice": [3]}, "filters": {"int": [8, 16]}}}
    sections["model"]["hidden_units"] = {"levels": [64]}
    params = {"model.blocks": 2, "model.kernel_size": 3, "model.filters": 9, "model.hidden_units": 64}
    study = made.searched([made.trial(0, curve=[0.9], params=params)], sections)
    assert [found.label for found in parameters(study)] == ["filters"]


@pytest.mark.parametrize(
    ("distribution", "value", "place"),
    [
        (FloatRange(1e-4, 1e-2, log=True), 1e-3, 0.5),
        (IntRange(8, 24, 8), 16, 0.5),
        (Levels((1, 2, 100)), 2, 0.5),
        (Levels((1, 2, 4, 8, 16, 32, 64)), 8, 1 / 9),
        (Levels((1, 2, 4, 8, 16, 32, 64), log=True), 8, 0.5),
        (Choice(("a", "b", "c")), "c", 1.0),
        (Choice(([8, 16], [8])), [8], 1.0),
        (Choice((1, True)), True, 1.0),
    ],
)
def test_places(distribution: Distribution, value: Any, place: float) -> None:
    assert parameter(distribution).place(value) == pytest.approx(place)


@pytest.mark.parametrize(
    ("distribution", "options", "log"),
    [
        (IntRange(8, 24, 8), (8, 16, 24), False),
        (IntRange(1, 6), (1, 2, 3, 4, 5, 6), False),
        (IntRange(1, 7), (), False),
        (IntRange(1, 3, log=True), (1, 2, 3), False),
        (Levels((0.5, 1, 9)), (0.5, 1, 9), False),
        (Levels(tuple(range(1, 8)), log=True), (), True),
        (FloatRange(0.1, 1, log=True), (), True),
    ],
)
def test_few_whole_numbers_or_levels_are_options_and_many_are_numbers(
    distribution: Distribution, options: tuple[Any, ...], *, log: bool
) -> None:
    found = parameter(distribution)
    assert (found.options, found.numbers, found.log) == (options, None if options else distribution, log)


@given(st.integers(0, 10**6))
def test_jitter_is_small_and_keeps_neighbours_apart(number: int) -> None:
    shifts = sorted(map(jitter, range(number, number + 50)))
    assert -0.5 <= shifts[0] < shifts[-1] < 0.5
    assert min(after - before for before, after in pairwise(shifts)) > 0.005
