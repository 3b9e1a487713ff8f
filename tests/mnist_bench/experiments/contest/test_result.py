from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats as oracle  # type: ignore[import-untyped]

from mnist_bench.experiments.contest.result import (
    Comparison,
    comparisons,
    curves,
    failures,
    finding,
    ranks,
    shortfalls,
    standings,
)
from mnist_bench.experiments.contest.trace import Contest
from support.handmade_contest import RANDOM, TPE_ASHA, TWICE, clear, close, contest, finals, trace

COMPARISON = Comparison(
    first=TPE_ASHA, other=RANDOM, mean=0.0012, low=0.0005, high=0.0019, p_value=0.03, seeds_needed=8
)  # fmt: skip


def compared(made: Contest) -> list[Comparison]:
    return [one for one in comparisons(standings(made), made.images) if one is not None]


def test_curves_are_the_best_complete_so_far_at_each_hundredth_of_the_budget() -> None:
    one = trace((1.0, None), (2.0, 0.9), (3.0, 0.8), (5.05, 0.95), (10.5, 0.99), spent=20)
    found = curves(contest({RANDOM: [one], TWICE: [one]}))
    assert found.shape == (2, 1, 100)
    known = [math.nan] * 19 + [0.9] * 31 + [0.95] * 50
    np.testing.assert_array_equal(found[0, 0], known)
    twice = [math.nan] * 9 + [0.9] * 16 + [0.95] * 27 + [0.99] * 48  # the same at half the step; 10.5 is at 5.25
    np.testing.assert_array_equal(found[1, 0], twice)


def test_ranks_by_hand() -> None:
    values = np.array([[0.9, math.nan, 0.5], [0.8, 0.1, 0.5], [0.9, math.nan, 0.5]])
    assert ranks(values).tolist() == [[1.5, 2.5, 2], [3, 1, 2], [1.5, 2.5, 2]]


@given(values=st.lists(st.sampled_from([math.nan, 0.1, 0.5, 0.9]), min_size=1, max_size=8))
def test_ranks_agree_with_scipy(values: list[float]) -> None:
    filled = [-1 if math.isnan(value) else value for value in values]
    assert ranks(np.array(values)).tolist() == oracle.rankdata([-value for value in filled]).tolist()


def test_standings_by_hand() -> None:
    first, random, twice = standings(close())
    assert (first.entrant, random.entrant, twice.entrant) == (TPE_ASHA, RANDOM, TWICE)
    assert (first.trials, first.complete, twice.trials, twice.complete) == (3, 2, 4, 2)
    assert random.bests == (0.981, 0.979, 0.984)
    # By seed: 0.98 0.981 0.983, 0.981 0.979 0.982, 0.985 0.984 0.981.
    assert [row.final_rank for row in (first, random, twice)] == pytest.approx([2, 7 / 3, 5 / 3])
    # All alike for the first 49 hundredths, whether nothing is found or 0.9; as at the end for 51.
    on_the_way = [0.49 * 2 + 0.51 * rank for rank in (2, 7 / 3, 5 / 3)]
    assert [row.mean_rank for row in (first, random, twice)] == pytest.approx(on_the_way)


def test_a_search_without_a_complete_trial_is_last_and_not_compared() -> None:
    failed, fine = [trace((2, 0.9)), trace((11, 0.9))], [trace((2, 0.8)), trace((2, 0.8))]
    made = contest({TPE_ASHA: fine, RANDOM: failed, TWICE: fine})
    rows = standings(made)
    assert [row.bests for row in rows] == [(0.8, 0.8), (0.9, None), (0.8, 0.8)]
    assert rows[1].final_rank == 2  # the first with one seed, the last with the other
    first, second = comparisons(rows, 1000)
    assert (first, second is None) == (None, False)
    assert failures(made, rows) == [
        "random, seed 1: no trial is complete within the budget of 10 trainings; --trials makes it larger."
    ]
    nothing = comparisons(standings(contest({TPE_ASHA: failed, RANDOM: fine})), 1000)
    assert nothing == [None]
    assert finding(nothing, 2) == "Nothing to compare: too few searches completed a trial within the budget"


def test_comparisons_are_paired_by_seed_and_adjusted() -> None:
    random, twice = compared(clear())
    assert (random.first, random.other, twice.other) == (TPE_ASHA, RANDOM, TWICE)
    differences = [0.01, 0.011, 0.009, 0.01]
    expected = oracle.ttest_1samp(differences, 0)
    assert (random.mean, random.low, random.high) == pytest.approx((0.01, *expected.confidence_interval()))
    assert random.p_value == pytest.approx(2 * expected.pvalue)  # the smaller of two
    assert random.shown
    assert twice.mean == pytest.approx(-0.001)
    assert twice.shown
    assert twice.p_value > random.p_value


def test_what_is_not_shown_tells_how_many_seeds_would_show_it() -> None:
    random, twice = compared(close())
    assert [one.shown for one in (random, twice)] == [False, False]
    # 0.1, -0.2, -0.1 points less: mean 0.0667, deviation 0.1528, so 0.436 deviations, at a level of 2.5 %.
    assert random.mean == pytest.approx(0.002 / 3)
    assert random.seeds_needed == 53
    assert compared(finals({TPE_ASHA: [0.98, 0.981], TWICE: [0.981, 0.98]}))[0].seeds_needed is None


def test_verdicts_in_words() -> None:
    assert COMPARISON.words == (
        "tpe + asha finds 0.12 points more than random at the same budget [0.05, 0.19], p = 0.03"
    )
    worse = replace(COMPARISON, other=TWICE, mean=-0.0031, low=-0.005, high=-0.0012, p_value=0.00012)
    assert worse.words == (
        "tpe + asha finds 0.31 points less than random at double the budget [−0.50, −0.12], p < 0.001"
    )
    chance = replace(COMPARISON, mean=-0.00001, low=-0.002, p_value=0.61, seeds_needed=40)
    assert chance.words == (
        "tpe + asha against random: no difference shown (0.00 points [−0.20, 0.19], p = 0.61); "
        "would need about 40 seeds"
    )
    assert replace(chance, seeds_needed=None).words.endswith("; would need hundreds of seeds")


def test_the_heading_is_the_largest_difference_that_is_shown() -> None:
    assert finding(compared(clear()), 4) == "tpe + asha finds 1.00 points more than random at the same budget"
    assert finding(compared(close()), 3) == "No difference shown between tpe + asha and any other in 3 seeds"
    two = compared(finals({RANDOM: [0.98, 0.981], TWICE: [0.981, 0.98]}))
    assert finding(two, 2) == "No difference shown between random and the other in 2 seeds"


def test_searches_that_ended_early_are_told_of() -> None:
    assert shortfalls(close()) == []
    made = contest(
        {RANDOM: [trace((10, 0.9)), trace((9.6, 0.9))], TWICE: [trace((20, 0.9)), trace((3, 0.8), (12, 0.9))]}
    )
    assert shortfalls(made) == [
        "random, seed 1: the search ended after 10 of 10 trainings, at 1 trials; from there on its best stands still.",
        "random ×2, seed 1: the search ended after 12 of 20 trainings, at 2 trials; from there on its best stands "
        "still.",
    ]
