"""The statistics of a table, beside those that were known when it was made, and beside simple ways to compute them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr  # type: ignore[import-untyped]

from mnist_bench.tables import RecordedBenchmark, table_card as card
from support import handmade_table


def test_the_deviation_from_seed_to_seed_is_that_with_which_the_table_was_made() -> None:
    table = handmade_table.table(seeds=30, noise=0.004)
    found = card.card_of(table)
    # Of a row: the noise, and the binomial deviation of an error of about 4%.
    assert found.all.deviation == pytest.approx((0.004**2 + 0.04 * 0.96 / 10_000) ** 0.5, rel=0.1)
    assert found.all.unseen_deviation == pytest.approx((0.004**2 + 0.04 * 0.96 / 20_000) ** 0.5, rel=0.1)
    assert found.all.repeated == 81
    noise = card.noise_of(table)
    best = min(noise.best_third)
    assert len(noise.best_third) == found.best_third.points == 30
    assert noise.of_difference(best) == pytest.approx(2**0.5 * (found.best_third.deviation or 0))


def test_each_figure_is_what_a_plain_way_to_compute_it_gives() -> None:
    table = handmade_table.table()
    found = card.card_of(table)
    curves = [table.curve(point, 0) for point in range(90)]
    errors = np.array([curve.errors for curve in curves]) / 10_000
    diverged = np.array([curve.diverged for curve in curves])
    ranked = np.where(diverged[:, None], 1.0, errors)
    assert found.diverged == diverged.mean() == 0.1
    assert found.best == errors.min()
    assert found.costs == (0.4, 0.8, 0.8)
    assert found.all.error == pytest.approx(np.median(errors[~diverged, -1]))
    median = np.median(errors[~diverged, -1])
    assert found.all.floor == pytest.approx((median * (1 - median) / 10_000) ** 0.5)
    for period in range(3):
        expected = spearmanr(ranked[:, period], ranked[:, -1]).statistic
        assert found.all.correlations[period] == pytest.approx(expected)
    third = np.sort(np.argsort(ranked[:, -1], kind="stable")[:30])
    expected = spearmanr(ranked[third, 0], ranked[third, -1]).statistic
    assert found.best_third.correlations[0] == pytest.approx(expected)
    limit = errors.min() + 2 * 2**0.5 * (found.best_third.deviation or 0)
    assert found.within_noise == (errors[:, -1] <= limit).sum()


def test_tables_are_compared_over_the_points_that_they_share() -> None:
    table, other = handmade_table.table(), handmade_table.table(name="other", noise=0.01, seeds=1)
    half = handmade_table.with_points(other, range(45, 90))
    (shared,) = card.card_of(table, [half]).shared
    assert (shared.table, shared.points) == ("other", 45)
    ends = [[each.curve(point, 0) for point in range(45, 90)] for each in (table, other)]
    left, right = ([1.0 if curve.diverged else curve.errors[-1] / 1e4 for curve in curves] for curves in ends)
    assert shared.correlation == pytest.approx(spearmanr(left, right).statistic)
    (same,) = card.card_of(table, [table]).shared
    assert same.correlation == same.best_correlation == pytest.approx(1)


def test_what_one_seed_cannot_tell_is_left_open() -> None:
    table = handmade_table.table(seeds=1)
    found = card.card_of(table)
    assert found.all.deviation is None
    assert found.all.repeated == 0
    assert card.noise_of(table).of_difference(0) is None
    texts = card.table_of(found).texts()
    assert ["seed to seed, seen images", "–", "–"] in texts


def test_a_table_in_which_all_diverged_has_a_card() -> None:
    table = handmade_table.table(seeds=1)
    lost = replace(
        table.arrays, errors=np.full_like(table.arrays.errors, -1), unseen=np.full_like(table.arrays.unseen, -1)
    )
    found = card.card_of(RecordedBenchmark(table.about, lost))
    assert found.diverged == 1
    assert found.best is None
    assert found.within_noise == 0
    assert found.all.correlations == (None, None, None)
    assert card.table_of(found).texts()
