"""Which periods are drawn, and the share of forgeries that a draw finds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from mnist_bench.certificates import draw
from support import handmade

AMONG = [(trial, period) for trial in range(10) for period in range(1, 5)]
ROOT = "5f" * 32


def test_a_seed_draws_the_same_periods_every_time_and_another_seed_others() -> None:
    drawn = draw.drawn(AMONG, 12, 7, ROOT)
    assert drawn == sorted({*drawn})
    assert len(drawn) == 12
    assert draw.drawn(AMONG[::-1], 12, 7, ROOT) == drawn
    assert drawn not in (draw.drawn(AMONG, 12, 8, ROOT), draw.drawn(AMONG, 12, 7, "6f" * 32))


def test_all_are_drawn_if_there_are_fewer() -> None:
    assert draw.drawn(AMONG, 60, 7, ROOT) == AMONG


def test_every_period_is_as_probable_as_the_others() -> None:
    counts = Counter(place for seed in range(400) for place in draw.drawn(AMONG, 10, seed, ROOT))
    assert len(counts) == len(AMONG)
    assert all(60 < count < 145 for count in counts.values())  # 100, with a deviation of 8.7


def test_new_seeds_differ_and_can_be_typed_again() -> None:
    seeds = {draw.new_seed() for _ in range(50)}
    assert len(seeds) == 50
    assert all(0 <= seed < draw.MAX_DRAW for seed in seeds)


def test_the_best_trial_and_an_end_by_memory_are_not_drawn_from() -> None:
    best, other = handmade.trial(0, periods=3), handmade.trial(1, periods=2)
    reports = (other.reports[0], replace(other.reports[1], value=None, end="out_of_memory"))
    study = handmade.study([best, replace(other, reports=reports), handmade.trial(2, periods=1)])
    assert draw.places(study, study.trials[0]) == [(1, 1), (2, 1)]


@pytest.mark.parametrize(
    ("periods", "forged", "drawn", "share"),
    [(400, 20, 60, 0.9645), (400, 1, 60, 0.15), (10, 0, 5, 0.0), (10, 1, 10, 1.0), (10, 6, 5, 1.0), (0, 0, 0, 0.0)],
)
def test_the_share_that_is_found(periods: int, forged: int, drawn: int, share: float) -> None:
    assert draw.share_found(periods, forged, drawn) == pytest.approx(share, abs=5e-5)


def test_the_share_is_that_of_draws() -> None:
    forged = {*AMONG[::13]}
    found = sum(bool(forged & {*draw.drawn(AMONG, 10, seed, ROOT)}) for seed in range(400)) / 400
    assert found == pytest.approx(draw.share_found(40, len(forged), 10), abs=0.09)
