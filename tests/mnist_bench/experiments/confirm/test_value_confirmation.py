from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.errors import Stopped
from mnist_bench.experiments.confirm.confirming import ConfirmOptions, confirm_study
from mnist_bench.experiments.confirm.results import SEEDS, Confirmed
from mnist_bench.experiments.confirm.runs import last_value, smallest_step
from mnist_bench.experiments.grid import Observer
from mnist_bench.experiments.own_trainer import OwnCode
from search.errors import FingerprintError, StudyLockedError
from search.executors.protocol import Done, Executor, Job, Outcome
from search.study.studies import StoredStudy
from search.trainer_api import Report
from support import experiments, handmade as made

Value = Callable[[float, random.Random], float | None]
"""Returns a run's value, given its rate and the random numbers of its seed."""


class Trained(Executor):
    """An executor that trains at once, and counts."""

    workers = 1

    def __init__(self, value: Value, canary: str = "77c0") -> None:
        self.value, self.canary, self.jobs, self.stalls = value, canary, 0, set[float]()
        self.job: Job | None = None

    def start(self) -> Mapping[str, Any]:
        return {"check": self.canary}

    def idle(self) -> int:
        return 0 if self.job else 1

    def submit(self, job: Job) -> None:
        self.job = job
        self.stalls.add(job.stall_seconds)

    def wait(self, timeout: float) -> list[Outcome]:
        job, self.job = self.job, None
        if job is None:
            return []
        self.jobs += 1
        value = self.value(job.config["ridge.rate"], random.Random(job.seed))
        report = Report(value=value, metrics={}, weights="", seconds=0.01, end="diverged" if value is None else None)
        return [Done(job=job, report=report, state=b"state")]

    def stop(self) -> None: ...


Confirm = Callable[..., tuple[Confirmed, Trained]]


@pytest.fixture
def confirm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Confirm:
    """Return a function that confirms a study whose runs have these values."""

    def run(
        value: Value,
        study: StoredStudy | None = None,
        canary: str = "77c0",
        observer: Observer | None = None,
        **options: Any,
    ) -> tuple[Confirmed, Trained]:
        executor = Trained(value, canary)
        monkeypatch.setattr("mnist_bench.experiments.own_trainer.executor_for", lambda *given: executor)
        asked = ConfirmOptions(code=OwnCode(trainer="ridge.py:Trainer"), **options)
        kept = made.kept_in(tmp_path, study or four())
        return confirm_study(kept, asked, observer or Observer()), executor

    return run


def four(**more: Any) -> StoredStudy:
    """Return a study of four complete trials, of which #3 is best, and one pruned."""
    trials = [made.value_trial(n, [float(n)] * made.VALUE_PERIODS) for n in range(4)]
    return made.value_study([*trials, made.value_trial(4, [9.0])], **more)


def noisy(rate: float, draws: random.Random) -> float:
    return math.log2(rate / 0.001) + draws.gauss(0, 0.01)


ALL = 4 * SEEDS * made.VALUE_PERIODS
"""Reports of the runs of all candidates."""


def test_the_best_mean_wins_and_the_others_are_significantly_worse(confirm: Confirm) -> None:
    found, executor = confirm(noisy)
    assert (found.winner, found.cheapest, found.tied, found.has_winner) == (3, 3, (3,), True)
    assert [(row.number, row.searched, len(row.results)) for row in found.candidates] == [
        (number, number, SEEDS) for number in (3, 2, 1, 0)
    ]
    assert (found.of_nets, found.finals) == (False, ())
    fresh = found.fresh(3)
    assert fresh is not None
    assert fresh.mean == pytest.approx(3, abs=0.05)
    assert executor.jobs == ALL


def test_a_smaller_value_wins_if_the_study_minimizes_it(confirm: Confirm) -> None:
    found, _ = confirm(noisy, four(settings={"direction": "minimize", "objective": "loss"}))
    assert (found.winner, found.name, found.minimized) == (0, "loss", True)


def test_a_report_of_an_objective_may_take_any_time(confirm: Confirm) -> None:
    _, executor = confirm(noisy)
    assert max(executor.stalls) < math.inf
    study = four(name="descent-0")
    study.spec["context"]["objective"] = {}
    _, executor = confirm(noisy, study)
    assert executor.stalls == {math.inf}


def test_a_configuration_with_a_run_that_diverges_is_not_selected(confirm: Confirm) -> None:
    found, _ = confirm(lambda rate, draws: None if rate > 0.004 and draws.random() < 0.5 else noisy(rate, draws))
    assert None in found.candidate(3).results
    assert found.candidate(3).p_value is None
    assert (found.winner, found.tied, found.has_winner) == (2, (2,), False)


def test_an_earlier_confirmation_is_returned_and_earlier_runs_are_not_trained_again(confirm: Confirm) -> None:
    first, _ = confirm(noisy)
    again, executor = confirm(noisy)
    assert (again, executor.jobs) == (first, 0)
    fewer, executor = confirm(noisy, top=2)
    assert ([row.number for row in fewer.candidates], fewer.winner, executor.jobs) == ([3, 2], 3, 0)


def test_a_stopped_confirmation_is_resumed(confirm: Confirm) -> None:
    asked = count(1)
    with pytest.raises(Stopped):
        confirm(noisy, observer=experiments.Stopping(lambda runs: next(asked) > 9))
    found, resumed = confirm(noisy)
    assert found.winner == 3
    assert 0 < resumed.jobs < ALL


def test_a_machine_that_computes_differently_and_a_live_study_are_refused(confirm: Confirm) -> None:
    with pytest.raises(FingerprintError, match="was searched on a machine that gives different"):
        confirm(noisy, canary="other")
    with pytest.raises(StudyLockedError, match="is being searched"):
        confirm(noisy, replace(four(), live=True))


def test_a_run_that_diverges_late_has_no_value() -> None:
    fine = Report(value=0.5, metrics={}, weights="", seconds=1.0)
    assert last_value([fine, replace(fine, value=0.25)]) == 0.25
    assert last_value([fine, replace(fine, value=0.25, end="diverged")]) is None


def test_values_count_in_their_smallest_step() -> None:
    shares = [errors / 300 for errors in (3, 7, 5, 5)]
    assert smallest_step(shares) == pytest.approx(2 / 300)
    assert smallest_step([0.1 + 0.2, 0.3, None]) == 1.0  # equal but for the rounding of floats
    assert smallest_step([1e300, 1.0, 1.5]) == 0.5
