"""How often a contest is wrong, on a small scale: searches made by hand, and two that are replayed."""

from __future__ import annotations

import numpy as np
from null_contest import RANDOM, null, planted, replays

from mnist_bench.experiments.contest.record import Trace
from support import handmade_table
from support.handmade_contest import trace


def pool(mean: float, size: int = 120) -> list[Trace]:
    errors = np.random.default_rng(0).normal(mean, 0.001, size)
    return [trace((0.5, float(error))) for error in errors]


def test_a_claim_among_equals_is_rare_and_a_large_difference_is_found() -> None:
    alike = null(pool(0.02), 5, 60)
    assert (alike.claimed < 0.15, alike.right) == (True, 0.0)
    better = planted(pool(0.02), pool(0.015), 5, 20)
    assert (better.claimed, better.right) == (1, 1)
    assert 0.001 < better.would_be_shown < 0.004


def test_a_longer_search_goes_on_from_the_shorter_one() -> None:
    table = handmade_table.table()
    ((short,),) = replays(table, [RANDOM], [3], budget=5)
    ((long,),) = replays(table, [RANDOM], [3], budget=10)
    assert long.choices[: len(short.choices)] == short.choices
    assert short.spent <= 5 < long.spent <= 10
    assert short.trials <= long.trials
    assert all(0.01 < choice.unseen < 0.9 for choice in long.choices)
