"""Intervals and tests, by figures worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, strategies as st
from numpy.typing import NDArray
from scipy import stats  # type: ignore[import-untyped]

from mnist_bench import statistics as by_seed
from mnist_bench.statistics import (
    ROUNDING,
    all_pairs,
    effect_shown,
    fisher,
    holm,
    mcnemar,
    mean_and_deviation,
    paired,
    paired_difference,
    residual_variance,
    share_interval,
    t_interval,
    unpaired_difference,
    wilson,
)


@given(count=st.integers(1, 100_000), data=st.data())
def test_wilson_agrees_with_scipy(count: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, count))
    expected = stats.binomtest(successes, count).proportion_ci(0.95, method="wilson")
    assert wilson(successes, count) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(count=st.integers(1, 10_000), data=st.data())
def test_wilson_holds_the_share_and_stays_between_0_and_1(count: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, count))
    low, high = wilson(successes, count)
    assert 0 <= low <= successes / count <= high <= 1
    assert low < high


def nets(only_first: int, only_second: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which of 1,000 images and more two nets get right: so many the first alone, so many the second alone."""
    first = np.array([True] * 900 + [True] * only_first + [False] * only_second + [False] * 90)
    second = np.array([True] * 900 + [False] * only_first + [True] * only_second + [False] * 90)
    return first, second


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_agrees_with_scipy(left: int, right: int) -> None:
    expected = stats.binomtest(left, left + right).pvalue if left + right else 1.0
    assert mcnemar(*nets(left, right)) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_of_very_many_images_does_not_overflow() -> None:
    assert 0 < mcnemar(*nets(4_800, 5_200)) < 1e-4


def test_mcnemar_counts_only_images_on_which_the_two_differ() -> None:
    first, second = nets(9, 1)
    assert mcnemar(first, second) == mcnemar(second, first) == pytest.approx(22 / 1024)
    assert mcnemar(first, first) == 1.0


def test_holm_of_an_example_worked_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), max_size=30))
def test_holm_keeps_the_order_and_lies_between_raw_and_bonferroni(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for p, q in zip(p_values, adjusted, strict=True):
        assert p <= q <= min(1.0, p * len(p_values))
    ranked = [q for _, q in sorted(zip(p_values, adjusted, strict=True))]
    assert ranked == sorted(ranked)


def test_mean_and_deviation() -> None:
    assert mean_and_deviation([1.0, 2.0, 3.0]) == (2.0, 1.0)
    assert mean_and_deviation([0.5]) == (0.5, 0.0)


def test_students_interval_by_hand() -> None:
    # mean 63, deviation sqrt(20 / 3), and 3.182446 in the table for 3 degrees of freedom at 97.5%
    reach = 3.182446 * (20 / 3) ** 0.5 / 2
    assert t_interval([60, 64, 62, 66]) == pytest.approx((63 - reach, 63 + reach))
    assert t_interval([60]) is None


def test_equal_values_are_known_no_better_than_their_rounding() -> None:
    # 12.706205 in the table for 1 degree of freedom; rounding to multiples of 2 has a deviation of 2 / sqrt(12)
    reach = 12.706205 * 2 / 12**0.5 / 2**0.5
    assert t_interval([60, 60], step=2) == pytest.approx((60 - reach, 60 + reach))
    assert t_interval([60, 66], step=2) == t_interval([60, 66])
    found = share_interval([0.9948, 0.9948], step=1e-4)
    assert found == pytest.approx((0.9948 - reach * 5e-5, 0.9948 + reach * 5e-5))
    ends = share_interval([0.9999, 0.9999], step=1e-4)
    assert ends is not None
    assert 0.99 < ends[0] < 0.9999 < ends[1] < 1
    assert share_interval([1.0, 1.0], step=1e-4) is share_interval([0.9]) is None


def test_an_end_of_the_interval_of_shares_that_would_leave_0_to_1_is_that_of_the_log_odds_by_hand() -> None:
    # mean 0.75, standard error 0.25 / sqrt(3), odds 3, and 3.182446 in the table for 3 degrees of freedom at 97.5%
    shares = [1.0, 1.0, 0.5, 0.5]
    reach = 3.182446 * 0.25 / 3**0.5
    high = 3 * math.exp(reach / (0.75 * 0.25))
    assert share_interval(shares) == pytest.approx((0.75 - reach, high / (1 + high)), rel=1e-5)
    mirrored = share_interval([1 - share for share in shares])
    assert mirrored == pytest.approx((1 / (1 + high), 0.25 + reach), rel=1e-5)


def test_the_low_end_of_two_shares_close_to_1_is_students() -> None:
    found = share_interval([0.999, 1.0], step=1e-3)
    assert found is not None
    # 12.706205 in the table for 1 degree of freedom; the standard error of the mean is 0.0005
    assert found[0] == pytest.approx(0.9995 - 12.706205 * 0.0005)
    assert 0.9995 < found[1] < 1


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8))
@example([0.0, 4.5757080331398415e-105])
@example([0.0, 5e-324])
@example([1.0, 0.9999999999999999])
def test_the_interval_of_shares_holds_the_mean_and_neither_end(shares: list[float]) -> None:
    found = share_interval(shares)
    if found is not None:
        assert 0 < found[0] <= found[1] < 1
        assert found[0] - 1e-9 <= sum(shares) / len(shares) <= found[1] + 1e-9


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8))
def test_the_interval_of_shares_keeps_every_end_of_students_that_stays_inside(shares: list[float]) -> None:
    found, plain = share_interval(shares), t_interval(shares)
    assert plain is not None
    if found is not None:
        assert plain[0] <= 0 or found[0] == plain[0]
        assert plain[1] >= 1 or found[1] == plain[1]


@pytest.mark.parametrize(
    ("successes", "counts"),
    [((9944, 9921), (10000, 10000)), ((990, 4950), (1000, 5000)), ((0, 3), (5, 4)), ((7, 7), (7, 7)), ((1, 0), (1, 1))],
)
def test_fishers_test_is_that_of_scipy(successes: tuple[int, int], counts: tuple[int, int]) -> None:
    table = [successes, (counts[0] - successes[0], counts[1] - successes[1])]
    assert fisher(successes, counts) == pytest.approx(stats.fisher_exact(table).pvalue)


def test_a_paired_interval_leaves_out_zero_where_the_test_finds_a_difference() -> None:
    alike, apart = paired_difference(12, 9, 10_000), paired_difference(40, 9, 10_000)
    assert (alike.estimate, apart.estimate) == (0.0003, 0.0031)
    assert alike.low < 0 < alike.high
    assert 0 < apart.low < apart.estimate < apart.high
    first, second = np.ones(10_000, bool), np.ones(10_000, bool)
    first[:9], second[9:49] = False, False
    assert mcnemar(first, second) < 0.05


def test_intervals_cover_the_true_difference_in_19_of_20_samples() -> None:
    draws, covered, covered_paired = np.random.default_rng(0), 0, 0
    for _ in range(1000):
        first, second = int(draws.binomial(500, 0.97)), int(draws.binomial(300, 0.95))
        found = unpaired_difference((first, second), (500, 300))
        covered += found.low <= 0.02 <= found.high
        only_first, only_second, _ = draws.multinomial(500, [0.03, 0.01, 0.96])
        paired = paired_difference(int(only_first), int(only_second), 500)
        covered_paired += paired.low <= 0.02 <= paired.high
    assert 930 <= covered <= 980
    assert 930 <= covered_paired <= 980


def test_equal_shares_do_not_differ() -> None:
    found = unpaired_difference((10, 10), (10, 10))
    assert found.estimate == 0
    assert found.low < 0 < found.high
    assert paired_difference(0, 0, 1).estimate == 0


differences = st.lists(st.floats(-1, 1).map(lambda x: round(x, 4)), min_size=2, max_size=20)


def test_five_differences_by_hand() -> None:
    found = paired([1, 2, 3, 4, 5], step=0.001)
    assert (found.mean, found.deviation) == pytest.approx((3, math.sqrt(2.5)))
    assert found.p_value == pytest.approx(0.013236, abs=1e-6)  # t = 3 / sqrt(2.5 / 5) = 4.243, 4 degrees of freedom
    assert (found.low, found.high) == pytest.approx((3 - 2.776445 * math.sqrt(0.5), 3 + 2.776445 * math.sqrt(0.5)))


@given(values=differences)
def test_agrees_with_scipy_where_the_differences_differ(values: list[float]) -> None:
    found = paired(values, step=1e-9)
    if max(values) - min(values) > 1e-3:
        expected = stats.ttest_1samp(values, 0)
        assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)
        assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval()), abs=1e-9)


@given(values=differences, step=st.floats(1e-4, 0.1))
def test_the_interval_holds_the_mean_and_zero_wherever_p_is_large(values: list[float], step: float) -> None:
    found = paired(values, step)
    assert found.low < found.mean < found.high
    assert 0 <= found.p_value <= 1
    if abs(found.p_value - 0.05) > 1e-9:
        assert (found.low < 0 < found.high) == (found.p_value > 0.05)
    mirrored = paired([-value for value in values], step)
    assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low))


def test_a_few_equal_differences_of_one_image_are_no_proof() -> None:
    # The deviation is 0.001 / sqrt(6) and t = sqrt(2) * sqrt(6), with one degree of freedom: Cauchy's distribution.
    assert paired([0.001, 0.001], step=0.001).p_value == pytest.approx(2 / math.pi * math.atan(1 / math.sqrt(12)))
    assert paired([0.0, 0.0, 0.0], step=0.001).p_value == 1


@pytest.mark.parametrize("pairs", [2, 5, 20, 90])
@pytest.mark.parametrize("level", [0.05, 0.007])
def test_the_effect_shown_has_the_power_that_it_says(pairs: int, level: float) -> None:
    noncentral = stats.nct(pairs - 1, effect_shown(pairs, level) * math.sqrt(pairs))
    limit = stats.t.isf(level / 2, pairs - 1)
    assert noncentral.sf(limit) + noncentral.cdf(-limit) == pytest.approx(0.8, abs=1e-4)


def test_all_pairs_by_hand() -> None:
    # Mean differences 3, 4 and 1 less half a step in five; t with 4 degrees of freedom, multiplied by 3, 2 and 1.
    results = {7: (1, 2, 3, 4, 5), 2: (0, 0, 0, 0, 0), 4: (1, 1, 1, 1, 1)}
    error = math.sqrt(2.5 / 5)
    p_values = [2 * stats.t.sf((mean - 0.1) / error, 4) for mean in (3, 2)]
    constant = 2 * stats.t.sf((1 - 0.1) / math.sqrt(1 / 6 / 5), 4)  # the deviation that rounding causes
    assert all_pairs(results, 1.0) == pytest.approx(
        {(7, 2): 2 * p_values[0], (7, 4): p_values[1], (2, 4): 3 * constant}, rel=1e-9
    )
    assert all_pairs({3: (1.0, 2.0)}, 1.0) == {}
    assert all_pairs({3: (1.0, 2.0), 5: (2.0, 1.0)}, 1.0) == {(3, 5): 1.0}


@pytest.mark.parametrize(
    ("candidates", "deviation"),
    [(4, 6.0), (2, 6.0), (2, 0.7)],  # the last varies by about a step
)
def test_of_equal_configurations_one_in_twenty_differs_at_most(candidates: int, deviation: float) -> None:
    errors = np.rint(np.random.default_rng(0).normal(60, deviation, (1500, candidates, 8)))
    false = 0
    for table, best in zip(errors.tolist(), errors.sum(axis=2).argmin(axis=1).tolist(), strict=True):
        p_values = all_pairs(dict(enumerate(table)), 1.0)
        false += any(p_value <= 0.05 for pair, p_value in p_values.items() if best in pair)
    assert false / len(errors) < 0.05


def test_a_run_that_did_not_end_leaves_no_mean() -> None:
    assert by_seed.finished([3, None, 0]) == [3, 0]
    assert by_seed.complete([3, None, 0]) is None
    assert by_seed.mean_if_complete([3, None, 0]) is None


def test_of_runs_that_finished_all_are_counted_even_those_without_an_error() -> None:
    assert by_seed.complete((3, 4, 0)) == by_seed.finished((3, 4, 0)) == [3, 4, 0]
    assert by_seed.mean_if_complete((3, 5, 0, 0)) == 2.0


def test_the_residual_variance_by_hand() -> None:
    # rows 1 2 6 and 3 4 2 about their means and the seeds': residuals -1 -1 2 and 1 1 -2
    assert residual_variance(np.array([[1.0, 2.0, 6.0], [3.0, 4.0, 2.0]])) == pytest.approx((12 / 2, 2))


def test_counts_that_agree_by_chance_have_the_variance_of_rounding() -> None:
    assert residual_variance(np.array([[60.0, 64.0], [50.0, 54.0], [40.0, 44.0]])) == (ROUNDING, 2)


def drawn(
    seed: int, *, spread: float = 0.01, noise: float = 0.005, bad: int = 0
) -> tuple[list[float], list[list[float]]]:
    """Return true errors and measured ones: 300 configurations, 3 seeds for a third of them and one for the others."""
    random = np.random.default_rng(seed)
    true = random.normal(0.1, spread, 300)
    true[:bad] = random.uniform(0.2, 0.9, bad)
    swings = np.where(np.arange(300) < bad, 0.03, noise)
    seeds = np.where(random.random(300) < 1 / 3, 3, 1)
    pairs = zip(true, swings, seeds, strict=True)
    return true.tolist(), [random.normal(error, swing, count).tolist() for error, swing, count in pairs]
