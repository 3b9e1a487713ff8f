"""Intervals and tests, by figures worked out by hand, against SciPy's, and by how often they err."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, strategies as st
from scipy import stats  # type: ignore[import-untyped]

from mnist_bench.statistics import (
    all_pairs,
    complete,
    discordant,
    effect_shown,
    finished,
    holm,
    mcnemar,
    mean_and_deviation,
    mean_if_complete,
    paired,
    paired_difference,
    share_interval,
    t_interval,
    wilson,
)

# Shares of images


@given(count=st.integers(1, 100_000), data=st.data())
def test_wilson_agrees_with_scipy_holds_the_share_and_stays_between_0_and_1(count: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, count))
    expected = stats.binomtest(successes, count).proportion_ci(0.95, method="wilson")
    low, high = wilson(successes, count)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert 0 <= low <= successes / count <= high <= 1
    assert low < high


@given(st.integers(0, 400), st.integers(0, 400))
@example(9, 1)
@example(4_800, 5_200)
def test_mcnemar_agrees_with_scipy(left: int, right: int) -> None:
    expected = stats.binomtest(left, left + right).pvalue if left + right else 1.0
    assert mcnemar(left, right) == mcnemar(right, left) == pytest.approx(expected, rel=1e-9)


def test_only_images_on_which_one_of_two_is_right_count() -> None:
    first, second = (np.array([*map(bool, bits)]) for bits in ([1, 1, 1, 0, 0, 1], [1, 0, 0, 1, 0, 1]))
    assert discordant(first, second) == (2, 1)


@pytest.mark.parametrize(("only_first", "estimate"), [(12, 0.0003), (40, 0.0031)])
def test_a_paired_interval_leaves_out_zero_where_the_test_finds_a_difference(only_first: int, estimate: float) -> None:
    found = paired_difference(only_first, 9, 10_000)
    assert found.estimate == estimate
    assert found.low < found.estimate < found.high
    assert (found.low > 0) == (mcnemar(only_first, 9) < 0.05)
    equal = paired_difference(0, 0, 1)
    assert equal.low < equal.estimate == 0 < equal.high


def test_a_paired_interval_covers_the_true_difference_in_19_of_20_samples() -> None:
    draws, covered = np.random.default_rng(0), 0
    for _ in range(1000):
        only_first, only_second, _ = draws.multinomial(500, [0.03, 0.01, 0.96]).tolist()
        found = paired_difference(only_first, only_second, 500)
        covered += found.low <= 0.02 <= found.high
    assert 930 <= covered <= 980


# Many comparisons


def test_holm_of_an_example_worked_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


@given(st.lists(st.floats(0, 1), max_size=30))
def test_holm_keeps_the_order_and_lies_between_raw_and_bonferroni(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for p, q in zip(p_values, adjusted, strict=True):
        assert p <= q <= min(1.0, p * len(p_values))
    ranked = [q for _, q in sorted(zip(p_values, adjusted, strict=True))]
    assert ranked == sorted(ranked)


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


# Figures over seeds


@pytest.mark.parametrize(("figures", "mean"), [([3, None, 0], None), ([3, 5, 0, 0], 2.0)])
def test_a_run_that_did_not_end_leaves_no_mean_and_of_others_all_count(
    figures: list[int | None], mean: float | None
) -> None:
    assert finished(figures) == [figure for figure in figures if figure is not None]
    assert (complete(figures), mean_if_complete(figures)) == (None if mean is None else figures, mean)


@pytest.mark.parametrize(("values", "found"), [([1.0, 2.0, 3.0], (2.0, 1.0)), ([0.5], (0.5, 0.0))])
def test_mean_and_deviation(values: list[float], found: tuple[float, float]) -> None:
    assert mean_and_deviation(values) == found


T_1, T_3 = 12.706205, 3.182446
"""Student's 97.5% points for 1 and 3 degrees of freedom, from a table."""
ROUNDED = T_1 * 2 / 12**0.5 / 2**0.5  # rounding to multiples of 2 has a deviation of 2 / sqrt(12)


@pytest.mark.parametrize(
    ("values", "step", "mean", "reach"),
    [
        ([60, 64, 62, 66], 0, 63, T_3 * (20 / 3) ** 0.5 / 2),  # their deviation is sqrt(20 / 3)
        ([60, 60], 2, 60, ROUNDED),
        ([60, 66], 2, 63, T_1 * 3),
    ],
)
def test_students_interval_by_hand(values: list[float], step: float, mean: float, reach: float) -> None:
    assert t_interval(values, step=step) == pytest.approx((mean - reach, mean + reach))


def log_odds(mean: float, error: float) -> float:
    """Return the high end of the interval of four shares, by their mean's log odds."""
    odds = mean / (1 - mean) * math.exp(T_3 * error / (mean * (1 - mean)))
    return odds / (1 + odds)


@pytest.mark.parametrize(
    ("shares", "step", "low", "high"),
    [
        ([0.9948, 0.9948], 1e-4, 0.9948 - ROUNDED * 5e-5, 0.9948 + ROUNDED * 5e-5),
        # The mean is 0.75 with the standard error 0.25 / sqrt(3). An end that would leave 0 to 1 is that of log odds.
        ([1.0, 1.0, 0.5, 0.5], 0, 0.75 - T_3 * 0.25 / 3**0.5, log_odds(0.75, 0.25 / 3**0.5)),
        ([0.0, 0.0, 0.5, 0.5], 0, 1 - log_odds(0.75, 0.25 / 3**0.5), 0.25 + T_3 * 0.25 / 3**0.5),
    ],
)
def test_the_interval_of_shares_by_hand(shares: list[float], step: float, low: float, high: float) -> None:
    assert share_interval(shares, step=step) == pytest.approx((low, high), rel=1e-5)


def test_a_single_value_and_shares_without_an_error_have_no_interval() -> None:
    assert t_interval([60]) is share_interval([0.9]) is share_interval([1.0, 1.0], step=1e-4) is None


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8))
@example([0.0, 4.5757080331398415e-105])
@example([0.0, 5e-324])
@example([1.0, 0.9999999999999999])
@example([0.999, 1.0])
def test_the_interval_of_shares_holds_the_mean_and_every_end_of_students_that_stays_inside(shares: list[float]) -> None:
    found, plain = share_interval(shares), t_interval(shares)
    assert plain is not None
    if found is not None:
        assert 0 < found[0] <= found[1] < 1
        assert found[0] - 1e-9 <= sum(shares) / len(shares) <= found[1] + 1e-9
        assert plain[0] <= 0 or found[0] == plain[0]
        assert plain[1] >= 1 or found[1] == plain[1]


# Differences


def test_five_differences_by_hand() -> None:
    found = paired([1, 2, 3, 4, 5], step=0.001)
    assert (found.mean, found.deviation) == pytest.approx((3, math.sqrt(2.5)))
    assert found.p_value == pytest.approx(0.013236, abs=1e-6)  # t = 3 / sqrt(2.5 / 5) = 4.243, 4 degrees of freedom
    assert (found.low, found.high) == pytest.approx((3 - 2.776445 * math.sqrt(0.5), 3 + 2.776445 * math.sqrt(0.5)))


@given(st.lists(st.floats(-1, 1).map(lambda x: round(x, 4)), min_size=2, max_size=20), st.floats(1e-4, 0.1))
def test_differences_agree_with_scipy_and_the_interval_holds_zero_wherever_p_is_large(
    values: list[float], step: float
) -> None:
    if max(values) - min(values) > 1e-3:
        fine, expected = paired(values, step=1e-9), stats.ttest_1samp(values, 0)
        assert fine.p_value == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)
        assert (fine.low, fine.high) == pytest.approx(tuple(expected.confidence_interval()), abs=1e-9)
    found, mirrored = paired(values, step), paired([-value for value in values], step)
    assert found.low < found.mean < found.high
    assert 0 <= found.p_value <= 1
    if abs(found.p_value - 0.05) > 1e-9:
        assert (found.low < 0 < found.high) == (found.p_value > 0.05)
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
