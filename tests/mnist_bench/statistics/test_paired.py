from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats as oracle  # type: ignore[import-untyped]

from mnist_bench.statistics.paired import all_pairs, effect_shown, paired

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
        expected = oracle.ttest_1samp(values, 0)
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


def test_all_pairs_by_hand() -> None:
    # Mean differences 3, 4 and 1 less half a step in five; t with 4 degrees of freedom, multiplied by 3, 2 and 1.
    results = {7: (1, 2, 3, 4, 5), 2: (0, 0, 0, 0, 0), 4: (1, 1, 1, 1, 1)}
    error = math.sqrt(2.5 / 5)
    p_values = [2 * oracle.t.sf((mean - 0.1) / error, 4) for mean in (3, 2)]
    constant = 2 * oracle.t.sf((1 - 0.1) / math.sqrt(1 / 6 / 5), 4)  # the deviation that rounding causes
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


@pytest.mark.parametrize("pairs", [2, 5, 20, 90])
@pytest.mark.parametrize("level", [0.05, 0.007])
def test_the_effect_shown_has_the_power_that_it_says(pairs: int, level: float) -> None:
    noncentral = oracle.nct(pairs - 1, effect_shown(pairs, level) * math.sqrt(pairs))
    limit = oracle.t.isf(level / 2, pairs - 1)
    assert noncentral.sf(limit) + noncentral.cdf(-limit) == pytest.approx(0.8, abs=1e-4)
