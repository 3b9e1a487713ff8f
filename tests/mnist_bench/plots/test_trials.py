"""Trials after the same training, and their parameters."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, strategies as st

from mnist_bench.plots.trials import Parameter, compare, jitter, parameters
from search.errors import StudyNotFoundError
from search.space.ranges import Choice, Distribution, FloatRange, IntRange, Levels
from support import handmade as made


def test_trials_are_compared_after_the_epochs_that_all_pruned_ones_were_trained() -> None:
    trials = [made.trial(1, curve=[0.9, 0.95]), made.trial(0, curve=[0.8, 0.81, 0.82, 0.83, 0.84, 0.85])]
    found = compare(made.searched(trials))
    assert [(trial.number, trial.value, trial.complete) for trial in found.trials] == [
        (0, 0.81, True), (1, 0.95, False)
    ]  # fmt: skip
    assert (found.done, found.best) == (2, 0)
    assert found.detail == "study conv-0: 2 trials, compared after 2 epochs"


def test_diverged_trials_are_compared_without_an_accuracy_and_crashed_ones_not_at_all() -> None:
    trials = [
        made.trial(0, curve=[0.9, 0.91]),
        made.trial(1, curve=[None]),
        made.trial(2, curve=[0.95, 0.96, None]),
        made.trial(3, curve=[0.97], state="FAIL"),
        made.trial(4, curve=[0.97], state="RUNNING"),
        made.trial(5, curve=[0.5, 0.6, 0.7], state="RUNNING"),
        made.trial(6, curve=[], state="FAIL"),
    ]
    found = compare(made.searched(trials))
    assert [(trial.number, trial.value) for trial in found.trials] == [(0, 0.91), (1, None), (2, 0.96), (5, 0.6)]
    assert (found.values, found.filled) == ([0.91, 0.96, 0.6], [0.91, 0.0, 0.96, 0.6])
    with pytest.raises(StudyNotFoundError, match="Study conv-0 has no trial with a value yet"):
        compare(made.searched([trials[1], trials[6]]))


ZOOMS = {"augment": {"zoom": {"float": [0, 1]}}, "model": {"zoom": {"float": [0, 1]}, "blocks": {"int": [1, 3]}}}
ONE_VALUE = {
    "blocks": {"int": [2, 2]},
    "kernel_size": {"choice": [3]},
    "filters": {"int": [8, 16]},
    "hidden_units": {"levels": [64]},
}


@pytest.mark.parametrize(
    ("sections", "params", "labels"),
    [
        # In the order of the space, without those that no trial has.
        (made.SECTIONS, made.params(2), ["batchnorm", "hidden_layers", "lr", "momentum"]),
        # A name that two sections have keeps its section.
        (
            ZOOMS,
            {"augment.zoom": 0.05, "model.zoom": 0.5, "model.blocks": 2},
            ["augment.zoom", "model.zoom", "blocks"],
        ),
        # A range of one value is no parameter.
        (
            {"model": ONE_VALUE},
            {"model.blocks": 2, "model.kernel_size": 3, "model.filters": 9, "model.hidden_units": 64},
            ["filters"],
        ),
    ],
)
def test_parameters_are_those_that_differ(sections: Any, params: dict[str, Any], labels: list[str]) -> None:
    study = made.searched([replace(made.trial(0, curve=[0.9]), params=params)], sections)
    assert [found.label for found in parameters(study)] == labels


def parameter(distribution: Distribution) -> Parameter:
    return Parameter(path="model.batchnorm", label="batchnorm", distribution=distribution)


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
