"""Pruning played through, against what is expected of it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, strategies as st

from mnist_bench.preview.simulated_pruning import ImaginedTrial, periods_trained
from search.strategies.pruners import Asha, Hyperband, Median, NoPruner, Pruner, survivors

PRUNERS: list[Pruner] = [Asha(), Asha(min_resource=2), Hyperband(), Median(n_startup_trials=4), NoPruner()]


def drawn(rng: random.Random, number: int, periods: int, *, two_objectives: bool = False) -> list[ImaginedTrial]:
    return [
        ImaginedTrial(tuple(rng.random() for _ in range(periods)), rng.random() if two_objectives else None)
        for _ in range(number)
    ]


@pytest.mark.parametrize(
    ("pruner", "two_objectives"),
    [(Asha(), False), (Asha(), True), (Asha(reduction_factor=2), False), (NoPruner(), False)],
)
def test_random_values_leave_the_expected_survivors(pruner: Pruner, two_objectives: bool) -> None:
    rng, searches = random.Random(0), 300
    left = [0.0] * 4
    for _ in range(searches):
        for trained in periods_trained(drawn(rng, 30, 4, two_objectives=two_objectives), pruner, rng):
            for period in range(trained):
                left[period] += 1 / searches
    expected = survivors(30, pruner, 4, two_objectives=two_objectives)
    assert left == pytest.approx(expected, rel=0.15)


def test_the_median_pruner_stops_what_is_below_the_median_once_enough_are_complete() -> None:
    trials = [ImaginedTrial((value, value)) for value in (0.5, 0.6, 0.4, 0.7)]
    assert periods_trained(trials, Median(n_startup_trials=2), random.Random(0)) == [2, 2, 1, 2]
    assert periods_trained(trials, Median(n_startup_trials=3), random.Random(0)) == [2, 2, 2, 2]
    assert periods_trained(trials, Median(n_startup_trials=2, n_min_trials=3), random.Random(0)) == [2, 2, 2, 2]


def test_the_median_is_of_those_that_are_complete() -> None:
    trials = [ImaginedTrial((value, value)) for value in (0.5, 0.6, 0.4, 0.52)]
    # 0.4 was stopped: with it, the median would be 0.5.
    assert periods_trained(trials, Median(n_startup_trials=2), random.Random(0)) == [2, 2, 1, 1]


def test_hyperband_stops_fewer_than_its_first_bracket_would() -> None:
    rng = random.Random(0)
    trials = drawn(rng, 200, 9)
    assert sum(periods_trained(trials, Hyperband(), rng)) > sum(periods_trained(trials, Asha(), rng))


@given(st.sampled_from(PRUNERS), st.integers(0, 12), st.integers(2, 9), st.integers(0, 99))
def test_every_trial_ends_where_its_pruner_may_stop_it_or_at_its_end(
    pruner: Pruner, number: int, periods: int, seed: int
) -> None:
    rng = random.Random(seed)
    trained = periods_trained(drawn(rng, number, periods), pruner, rng)
    assert len(trained) == number
    assert all(ended == periods or (ended < periods and pruner.may_stop_at(ended)) for ended in trained)
