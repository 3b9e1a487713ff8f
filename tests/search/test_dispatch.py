"""A search whose workers die: what is tried again, with how much time, and whose name stands in the message."""

from __future__ import annotations

from pathlib import Path

import pytest

import search_fake as fake
from scripted import Clock, Scripted, killed
from search.errors import WorkerError
from search.executors import Job, Outcome


def test_a_lost_period_is_tried_again_later_and_with_twice_the_time(clock: Clock, tmp_path: Path) -> None:
    def fails(job: Job) -> Outcome | None:
        tries = [other for _, other in executor.started if (other.trial, other.period) == (0, 1)]
        return killed(job) if (job.trial, job.period) == (0, 1) and len(tries) < 3 else None

    executor = Scripted(clock, fails)
    assert fake.run(tmp_path, goal=3, executor=executor).reached
    tries = [(at, job.stall_seconds) for at, job in executor.started if (job.trial, job.period) == (0, 1)]
    assert [stall for _, stall in tries] == [60, 120, 240]
    starts = [at for at, _ in tries]
    assert starts[1] - starts[0] >= 0.2
    assert starts[2] - starts[1] >= 0.4


def test_workers_that_always_die_end_the_search_with_the_trials_number(clock: Clock, tmp_path: Path) -> None:
    executor = Scripted(clock, killed)
    with pytest.raises(WorkerError, match=r"^20 workers in a row died over trial \d, period 1: SIGKILL\.$"):
        fake.run(tmp_path, executor=executor)
