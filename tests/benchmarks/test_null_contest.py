"""How often a contest is wrong, on a small scale: searches made by hand, and two that are replayed."""

from __future__ import annotations

import numpy as np
from null_contest import null, planted, searches

from mnist_bench.experiments.contest.contest_record import Trace
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


def test_searches_are_replayed_within_their_budget() -> None:
    (short,), (long,) = (searches(handmade_table.table(), [3], budget) for budget in (5, 10))
    assert long.choices[: len(short.choices)] == short.choices
    assert short.spent <= 5 < long.spent <= 10
