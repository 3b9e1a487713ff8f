from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from mnist_bench.statistics import by_seed
from mnist_bench.statistics.by_seed import ROUNDING, reference, residual_variance


def test_a_run_that_did_not_end_leaves_no_mean() -> None:
    assert by_seed.finished([3, None, 0]) == [3, 0]
    assert by_seed.complete([3, None, 0]) is None
    assert by_seed.mean([3, None, 0]) is None


def test_of_runs_that_finished_all_are_counted_even_those_without_an_error() -> None:
    assert by_seed.complete((3, 4, 0)) == by_seed.finished((3, 4, 0)) == [3, 4, 0]
    assert by_seed.mean((3, 5, 0, 0)) == 2.0


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


@pytest.mark.parametrize("bad", [0, 60])
def test_the_winners_posterior_mean_is_nearly_unbiased_where_the_raw_minimum_is_too_low(bad: int) -> None:
    luck, raw_luck, covered = [], [], []
    for seed in range(100):
        true, errors = drawn(seed, bad=bad)
        found = reference(errors)
        luck.append(found.mean - true[found.index])
        covered.append(abs(luck[-1]) < 2 * found.error)
        means = [float(np.mean(one)) for one in errors]
        raw_luck.append(min(means) - true[means.index(min(means))])
    assert np.mean(raw_luck) < -0.004
    assert abs(np.mean(luck)) < 0.0012  # a quarter of the noise of one seed
    assert np.mean(covered) > 0.9


def test_where_all_are_equal_the_reference_is_their_mean() -> None:
    luck = [reference(drawn(seed, spread=0.0)[1]).mean - 0.1 for seed in range(50)]
    assert abs(np.mean(luck)) < 0.002
    assert np.mean([min(map(min, drawn(seed, spread=0.0)[1])) - 0.1 for seed in range(50)]) < -0.012


def test_ties_do_not_make_the_common_mean_certain() -> None:
    found = reference([[0.02, 0.021], [0.02, 0.021], [0.03, 0.031]])
    assert found.error == pytest.approx((0.0005**2 * 2 / 2 / 3) ** 0.5)  # of one mean of two seeds, over three


def test_one_with_a_single_seed_shrinks_more() -> None:
    errors = [[0.05 + step / 1000 + apart for apart in (-0.004, 0.0, 0.004)] for step in range(20)]
    sure, lucky = reference([[0.041, 0.045, 0.037], *errors]), reference([[0.041], *errors])
    assert (sure.index, lucky.index) == (0, 0)
    assert 0.041 < sure.mean < lucky.mean
    assert sure.error < lucky.error
    assert reference([[0.0405], [0.041, 0.045, 0.037], *errors]).index == 1


def test_without_a_second_seed_nothing_is_known_of_the_noise() -> None:
    with pytest.raises(ValueError, match="no configuration has two seeds"):
        reference([[0.1], [0.2]])


@given(errors=st.lists(st.lists(st.floats(0, 0.9), min_size=2, max_size=4), min_size=1, max_size=12))
def test_the_reference_is_never_below_the_lowest_mean(errors: list[list[float]]) -> None:
    found = reference(errors)
    means = [float(np.mean(one)) for one in errors]
    assert found.error >= 0
    assert found.index in range(len(errors))
    assert found.mean >= min(min(means), float(np.quantile(means, 0.05))) - 1e-9
