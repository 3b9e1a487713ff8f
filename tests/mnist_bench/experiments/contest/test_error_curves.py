from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from mnist_bench.experiments.contest.contest_record import Trace
from mnist_bench.experiments.contest.error_curves import STEPS, curve, curves, spent, standings
from support.experiments import RANDOM, TPE_ASHA, TWICE, close, contest, trace


def test_a_curve_is_the_error_of_the_current_choice_and_a_guess_before_the_first() -> None:
    one = trace((2.0, 0.1), (5.05, 0.05), (10.0, 0.06))
    found = curves(contest({RANDOM: [one], TWICE: [one]}), STEPS)
    assert found.shape == (2, 1, 100)
    np.testing.assert_array_equal(found[0, 0], [0.9] * 19 + [0.1] * 31 + [0.05] * 49 + [0.06])
    # The same at half the step: 5.05 lies between 2.50 and 2.55.
    np.testing.assert_array_equal(found[1, 0], [0.9] * 9 + [0.1] * 16 + [0.05] * 24 + [0.06] * 51)


def test_the_mean_curve_has_a_standard_error() -> None:
    made = contest({RANDOM: [trace((2.0, 0.04)), trace((4.0, 0.06))], TWICE: [trace(), trace((4.0, 0.06))]})
    found = curve(made, 0)
    assert found.spent.tolist() == pytest.approx((np.arange(100) + 1) / 10)
    assert found.mean.tolist() == pytest.approx([0.9] * 19 + [0.47] * 20 + [0.05] * 61)
    assert found.error.tolist()[-1] == pytest.approx(0.01)
    twice = curve(made, 1)
    assert (twice.spent[-1], twice.mean[-1]) == (20, pytest.approx(0.48))


def test_standings_by_hand() -> None:
    first, random, twice = standings(close(reference=(0.0165, 0.0003)))
    assert (first.entrant, random.entrant, twice.entrant) == (TPE_ASHA, RANDOM, TWICE)
    assert (first.spent, twice.spent, first.trials, first.complete) == (9.8, 19.6, 12, 4)
    assert random.errors == (0.019, 0.021, 0.016)
    deviation = math.sqrt((0.002**2 + 0.001**2 + 0.003**2) / 2)
    assert first.mean == pytest.approx((0.018, deviation / math.sqrt(3)))
    assert first.regret == pytest.approx((0.0015, math.hypot(deviation / math.sqrt(3), 0.0003)))
    assert standings(close())[0].regret is None


def test_eight_workers_share_the_work_of_one() -> None:
    assert standings(close())[0].efficiency == {8: pytest.approx(0.8)}  # 80 s alone, 12.5 s with eight
    untimed = contest({RANDOM: [trace((2.0, 0.1), seconds={})]})
    assert (standings(untimed)[0].seconds, standings(untimed)[0].efficiency) == ({}, {})


def test_the_entrant_of_a_search_without_a_choice_has_no_mean() -> None:
    failed, fine = [trace((2.0, 0.1)), trace()], [trace((2.0, 0.2)), trace((2.0, 0.2))]
    first, random = standings(contest({TPE_ASHA: fine, RANDOM: failed}))
    assert (first.errors, random.errors) == ((0.2, 0.2), (0.1, None))
    assert (first.found, random.found, random.mean) == ([0.2, 0.2], None, None)


times = st.lists(st.floats(0.01, 10), min_size=0, max_size=5).map(sorted)


@given(found=st.lists(times, min_size=1, max_size=4), steps=st.integers(1, 50))
def test_curves_are_what_a_loop_reads(found: list[list[float]], steps: int) -> None:
    traces: list[Trace] = [trace(*((at, 1 / (2 + number)) for number, at in enumerate(ats))) for ats in found]
    made = contest({RANDOM: traces})
    expected = [
        [([0.9] + [one.unseen for one in trace.choices if one.spent <= at])[-1] for at in spent(made, steps)]
        for trace in traces
    ]
    np.testing.assert_array_equal(curves(made, steps)[0], expected)
