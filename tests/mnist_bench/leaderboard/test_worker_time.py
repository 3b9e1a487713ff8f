"""Where the workers' time went."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from mnist_bench.leaderboard.worker_time import Pause, worker_time_of
from search.errors import StudyNotFoundError
from search.event_log.records import TrialRecord
from support import handmade
from support.handmade import EPOCHS, Run, study, trial

START = 1_800_000_000.0
"""Runs are given in seconds since then."""


def ran(number: int, *runs: Run, wrong: int = 9, state: Any = "COMPLETE") -> TrialRecord:
    """Return a trial whose periods, of an epoch each, ran there and then; a complete one was to have no other."""
    since = [(worker, START + start, seconds, START + handled) for worker, start, seconds, handled in runs]
    return trial(number, range(wrong), runs=since, state=state, planned=len(runs) if state == "COMPLETE" else EPOCHS)


def test_periods_stand_on_one_clock_with_their_trials_ends() -> None:
    found = worker_time_of(
        study([
            ran(0, (0, 5.0, 4.0, 9.0), wrong=3),
            ran(1, (3, 6.0, 2.0, 8.0), wrong=9),
            ran(2, (0, 9.5, 1.0, 10.5), state="PRUNED"),
            ran(3, (3, 8.0, 3.0, 11.0), state="FAIL"),
        ])
    )  # fmt: skip
    assert [(p.worker, p.trial, p.kind, p.start, p.end) for p in found.periods] == [
        (0, 0, "best", 0.0, 4.0), (3, 1, "complete", 1.0, 3.0), (3, 3, "other", 3.0, 6.0), (0, 2, "pruned", 4.5, 5.5)
    ]  # fmt: skip
    assert (found.workers, found.span, found.best) == ((0, 3), 6.0, 0)
    assert found.available == 12
    assert found.busy("best") == 4
    assert found.idle == 2
    assert found.pauses == ()


@pytest.mark.parametrize(
    ("trials", "ordering", "idle"),
    [
        # #1 is delivered at 4 s and waits for #0 until 10 s; worker 1 gets #2 at 7 s, so it idled for 3 s.
        ([ran(0, (0, 0.0, 10.0, 10.0)), ran(1, (1, 0.0, 4.0, 10.1)), ran(2, (1, 7.0, 3.5, 11.0))], 3, 3.5),
        # The periods come in the logical order; the driver's own time after 4 s is no waiting either.
        ([ran(0, (0, 0.0, 4.0, 5.0)), ran(1, (1, 0.0, 6.0, 6.0)), ran(2, (0, 9.0, 1.0, 10.0))], 0, 5 + 4),
        # #1 and #2 wait for #0 from 2 s and 3 s to 8 s; workers 1 and 2 idle for 6 s and 5 s, each counted once.
        ([ran(0, (0, 0.0, 8.0, 8.0)), ran(1, (1, 0.0, 2.0, 8.0)), ran(2, (2, 0.0, 3.0, 8.1))], 6 + 5, 6 + 5),
    ],
)
def test_the_order_costs_what_workers_idle_while_a_delivered_period_waits(
    trials: list[TrialRecord], ordering: float, idle: float
) -> None:
    found = worker_time_of(study(trials))
    assert (found.ordering, found.idle) == pytest.approx((ordering, idle))


def test_pauses_are_left_out_and_told() -> None:
    trials = [ran(0, (0, 0.0, 10.0, 10.0), (0, 1010.0, 5.0, 1015.0)), ran(1, (1, 1012.0, 5.0, 1017.0))]
    found = worker_time_of(study(trials))
    assert found.pauses == (Pause(at=10.0, seconds=1000.0),)
    assert [(p.start, p.end) for p in found.periods] == [(0, 10), (10, 15), (12, 17)]
    assert (found.available, found.idle) == (10 * 1 + 7 * 2, 4)


@pytest.mark.parametrize(
    ("trials", "pauses"),
    [
        ([ran(0, (0, 0.0, 1.0, 1.0), (0, 31.0, 1.0, 32.0))], 0),
        ([ran(0, (0, 0.0, 1.0, 1.0), (0, 31.5, 1.0, 32.5))], 1),
        # A long period of another worker bridges what is no pause.
        ([ran(0, (0, 1.0, 1.0, 100.0), (0, 99.0, 1.0, 101.0)), ran(1, (1, 0.0, 100.0, 100.0))], 0),
    ],
)
def test_more_than_thirty_seconds_in_which_nothing_runs_are_a_pause(trials: list[TrialRecord], pauses: int) -> None:
    assert len(worker_time_of(study(trials)).pauses) == pauses


def test_pruning_saves_the_other_epochs_at_each_trials_own_pace() -> None:
    """#1 stopped after 1 of 6 epochs of 2 s, #2 after 2 of 6 of 3 s: 5 * 2 + 4 * 3 s; failed trials save nothing."""
    found = worker_time_of(
        study([
            ran(0, *((0, 10.0 * n, 1.0, 10.0 * n + 1) for n in range(6))),
            ran(1, (1, 0.0, 2.0, 2.0), state="PRUNED"),
            ran(2, (1, 2.0, 3.0, 5.0), (1, 5.0, 3.0, 8.0), state="PRUNED"),
            ran(3, (1, 8.0, 3.0, 11.0), state="FAIL"),
        ])
    )  # fmt: skip
    assert found.saved == pytest.approx(22)


TIMED = ran(0, (0, 0.0, 4.0, 5.0))
OLD = "by a version that did not record what ran where and when"


@pytest.mark.parametrize(
    ("trials", "words"),
    [
        ([ran(0, (0, 5.0, 0.0, 5.0)), ran(1, (1, 5.0, 0.0, 5.0))], "conv-0 was trained in less time than a clock can"),
        ([handmade.with_reports(TIMED, worker=None)], OLD),
        ([handmade.with_reports(TIMED, started=None)], OLD),
        ([handmade.with_reports(TIMED, handled=None)], OLD),
        ([trial(0, periods=0, state="RUNNING")], "no report yet"),
    ],
)
def test_without_times_there_is_nothing_to_tell(trials: list[TrialRecord], words: str) -> None:
    with pytest.raises(StudyNotFoundError, match=words):
        worker_time_of(study(trials))


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0.01, 50), st.floats(0, 99)), min_size=1, max_size=30))
def test_the_parts_make_up_the_whole(drawn: list[tuple[int, float, float]]) -> None:
    free = dict.fromkeys(range(4), 0.0)
    trials = []
    for number, (worker, seconds, idle) in enumerate(drawn):
        start = free[worker] + idle
        free[worker] = start + seconds
        trials.append(ran(number, (worker, start, seconds, free[worker] + number), state="PRUNED"))
    found = worker_time_of(study(trials))
    assert 0 <= found.ordering <= found.idle + 1e-5
    assert found.available <= len(found.workers) * found.span + 1e-5
    assert found.busy("pruned") == pytest.approx(sum(seconds for _, seconds, _ in drawn), abs=1e-4)
