from __future__ import annotations

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from mnist_bench.statistics.inference import mcnemar
from mnist_bench.statistics.two_shares import fisher, paired_difference, unpaired_difference


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
