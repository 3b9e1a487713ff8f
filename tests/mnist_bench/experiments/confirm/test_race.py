"""The race's statistics: figures worked out by hand, and what simulated races come to."""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from types import ModuleType

import pytest
from hypothesis import given, strategies as st

from mnist_bench.experiments.confirm import race
from support.paths import ROOT


@pytest.fixture
def null_race(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the benchmark whose figures are published."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("null_race")


def tail(statistic: float) -> float:
    """Return the upper tail of Student's t with one degree of freedom."""
    return 0.5 - math.atan(statistic) / math.pi


def test_two_candidates_and_two_seeds_by_hand() -> None:
    # means 62 and 74, residuals of 1 with 1 degree of freedom: variance 4, t = 12 / sqrt(2 * 4 / 2) = 6;
    # 1 other, 3 looks, Holm over 2; the pair's own differences, 10 and 14, have the same variance, 2 * 4
    found = race.worse({7: [60, 64], 3: [70, 78]})
    assert found == pytest.approx({7: 1.0, 3: tail(6) * max(1 * 3 * 2, race.LEVEL / race.OWN_LEVEL)})


def test_seeds_that_agree_by_chance_make_nothing_certain() -> None:
    found = race.worse({0: [60, 60], 1: [66, 66]})
    assert found[1] == pytest.approx(tail(6 * math.sqrt(12)) * race.LEVEL / race.OWN_LEVEL)
    assert found[1] > race.LEVEL


WORSE_WITH_EVERY_SEED = {3: [37, 35, 35, 41, 39, 44, 37, 39], 7: [81, 67, 71, 62, 45, 87, 68, 79]}
NEAR = {number: [38 + (number * seed) % 7 for seed in range(8)] for number in (10, 11, 12, 13)}
BYSTANDERS: dict[str, list[int]] = {
    "like the others": [40, 36, 41, 39, 37, 42, 38, 40],
    "one seed did not learn": [41, 38, 294, 40, 37, 43, 36, 39],
    "no seed like another": [60, 500, 90, 1200, 70, 300, 65, 800],
}


@pytest.mark.parametrize("bystander", BYSTANDERS)
def test_no_bystander_keeps_one_in_the_race_that_is_worse_with_every_seed(bystander: str) -> None:
    found = race.worse({**NEAR, **WORSE_WITH_EVERY_SEED, 2: BYSTANDERS[bystander]})
    assert found[7] <= race.LEVEL
    assert all(found[number] > 0.5 for number in NEAR)


def test_others_lend_no_certainty_to_a_pair_that_has_none_of_its_own() -> None:
    steady = {number: [100, 101, 99, 100] for number in range(6)}
    found = race.worse({**steady, 6: [60, 58, 160, 90]})
    assert min(found.values()) > race.LEVEL


@pytest.mark.parametrize("errors", [{}, {4: [60, 64]}])
def test_without_another_nobody_is_worse(errors: dict[int, list[int]]) -> None:
    assert race.worse(errors) == dict.fromkeys(errors, 1.0)


tables = st.integers(2, 4).flatmap(
    lambda seeds: st.lists(st.lists(st.integers(0, 300), min_size=seeds, max_size=seeds), min_size=2, max_size=6)
)


@given(tables, st.integers(0, 50))
def test_the_order_and_what_a_seed_does_to_all_change_nothing(table: list[list[int]], bad_seed: int) -> None:
    found = race.worse(dict(enumerate(table)))
    assert all(0 <= p <= 1 for p in found.values())
    assert found[min(found, key=lambda number: sum(table[number]))] == 1
    backwards = {number: table[number] for number in reversed(range(len(table)))}
    assert race.worse(backwards) == pytest.approx(found, rel=1e-6, abs=1e-9)
    worse_seed = {number: [errors[0] + bad_seed, *errors[1:]] for number, errors in enumerate(table)}
    assert race.worse(worse_seed) == pytest.approx(found, rel=1e-6, abs=1e-9)


class Table:
    """Hands out errors, and notes what it was asked for."""

    def __init__(self, errors: dict[int, list[int | None]]) -> None:
        self.errors = errors
        self.asked: list[tuple[tuple[int, ...], int]] = []

    def __call__(self, racing: Sequence[int], seeds: int) -> dict[int, list[int | None]]:
        self.asked.append((tuple(racing), seeds))
        return {number: self.errors[number][:seeds] for number in racing}


CLEAR: dict[int, list[int | None]] = {
    5: [60, 62, 58, 60, 61, 59, 60, 60],
    2: [61, 60, 60, 59, 62, 58, 61, 60],
    9: [300, 302, 298, 300, 300, 300, 300, 300],
}


def test_whom_the_test_drops_trains_no_more_and_the_rest_are_tied() -> None:
    table = Table(CLEAR)
    ended = race.run([5, 2, 9], table)
    assert table.asked == [((5, 2, 9), 1), ((5, 2, 9), 2), ((5, 2), 4), ((5, 2), 8)]
    assert ended.racing == [5, 2]
    assert list(ended.dropped) == [9]
    assert ended.dropped[9].seeds == 2
    assert ended.errors[9] == (300, 302)
    assert (ended.seeds, ended.judged, ended.cut) == (8, True, False)


NOISE = [1, -2, 2, 0, -1, 2, -3, 1]
"""Of a candidate against another, from seed to seed."""


@pytest.mark.parametrize(("behind", "p_value", "stays"), [(2, 0.0710, True), (3, 0.0098, False)])
def test_five_in_a_hundred_is_the_bar_of_a_drop(behind: int, p_value: float, stays: bool) -> None:
    first = [60, 62, 58, 60, 61, 59, 60, 60]
    errors = {5: first, 2: [e + behind + noise for e, noise in zip(first, NOISE, strict=True)]}
    assert race.worse(errors)[2] == pytest.approx(p_value, abs=1e-4)
    ended = race.run([5, 2], lambda racing, seeds: {number: errors[number][:seeds] for number in racing})
    assert (2 in ended.racing) == stays


def test_one_seed_drops_nobody() -> None:
    ended = race.run([5, 2, 9], Table(CLEAR), goes_on=lambda so_far, seeds: False)
    assert (ended.racing, ended.seeds, ended.judged, ended.cut) == ([5, 2, 9], 1, False, True)


def test_it_is_asked_before_each_round_but_the_first() -> None:
    heard: list[tuple[int, int]] = []

    def goes_on(so_far: race.Race, seeds: int) -> bool:
        heard.append((so_far.seeds, seeds))
        return seeds < 8

    ended = race.run([5, 2], Table(CLEAR), goes_on)
    assert heard == [(1, 2), (2, 4), (4, 8)]
    assert (ended.seeds, ended.cut) == (4, True)


def test_a_run_without_an_end_drops_its_candidate_and_stays_out_of_the_variance() -> None:
    ended = race.run([5, 2, 9], Table({**CLEAR, 2: [61, None, 60, 59, 62, 58, 61, 60]}))
    assert ended.dropped[2] == race.Dropped(seeds=2, p_value=None)
    assert ended.dropped[9].p_value == pytest.approx(race.worse({5: [60, 62], 9: [300, 302]})[9])
    assert ended.racing == [5]


def test_where_nobody_is_left_it_ends() -> None:
    table = Table({1: [None] * 8})
    ended = race.run([1], table)
    assert (ended.racing, table.asked) == ([], [((1,), 1)])


@pytest.mark.parametrize("spread", ["normal", "skewed", "shared", "unequal", "collapsed"])
def test_copies_of_one_configuration_seldom_name_a_winner(null_race: ModuleType, spread: str) -> None:
    draw = null_race.normal(6.0) if spread == "normal" else getattr(null_race, spread)
    found = null_race.simulate(draw, [0] * 8, 100)
    assert found.named <= 0.05
    assert found.any_dropped <= 0.05


def test_a_gap_of_two_and_a_half_deviations_is_found_and_the_best_stays(null_race: ModuleType) -> None:
    found = null_race.simulate(null_race.normal(6.0), [0, *[15] * 7], 100)
    assert found.dropped > 0.9
    assert found.best_dropped <= 0.05


@pytest.mark.parametrize("bystander", ["tenfold", "collapsed"])
def test_a_bystander_that_swings_changes_few_verdicts_about_the_others(null_race: ModuleType, bystander: str) -> None:
    gaps = [0, *[15] * 6, 20]
    quiet = null_race.simulate(null_race.normal(6.0), gaps, 100)
    beside = null_race.simulate(getattr(null_race, bystander), gaps, 100)
    assert beside.dropped > quiet.dropped - 0.05
