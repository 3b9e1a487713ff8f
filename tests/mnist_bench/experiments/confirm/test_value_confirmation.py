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
from mnist_bench.experiments.confirm.confirming import RaceOptions, confirm_values
from mnist_bench.experiments.confirm.results import ConfirmedValues, load
from mnist_bench.experiments.confirm.runs import last_value, losses, smallest_step
from mnist_bench.experiments.grid import Observer
from mnist_bench.experiments.own_trainer import OwnCode
from search.errors import FingerprintError, SearchError, StudyLockedError
from search.executors.protocol import Done, Executor, Job, Outcome
from search.study.studies import StoredStudy
from search.trainer_api import Report
from support import handmade as made, stopping

Value = Callable[[float, random.Random], float | None]
"""Returns a run's value, given its rate and the random numbers of its seed."""


class Trained(Executor):
    """An executor that trains at once, and counts."""

    workers = 1

    def __init__(self, value: Value, canary: str = "77c0") -> None:
        self.value, self.canary, self.jobs = value, canary, 0
        self.job: Job | None = None

    def start(self) -> Mapping[str, Any]:
        return {"check": self.canary}

    def idle(self) -> int:
        return 0 if self.job else 1

    def submit(self, job: Job) -> None:
        self.job = job

    def wait(self, timeout: float) -> list[Outcome]:
        job, self.job = self.job, None
        if job is None:
            return []
        self.jobs += 1
        value = self.value(job.config["ridge.rate"], random.Random(job.seed))
        report = Report(value=value, metrics={}, weights="", seconds=0.01, end="diverged" if value is None else None)
        return [Done(job=job, report=report, state=b"state")]

    def stop(self) -> None: ...


Confirm = Callable[..., tuple[ConfirmedValues, Trained]]


@pytest.fixture
def confirm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Confirm:
    """Return a function that confirms a study whose runs have these values."""

    def run(
        value: Value,
        study: StoredStudy | None = None,
        canary: str = "77c0",
        observer: Observer | None = None,
        **options: Any,
    ) -> tuple[ConfirmedValues, Trained]:
        executor = Trained(value, canary)
        monkeypatch.setattr("mnist_bench.experiments.own_trainer.executor_for", lambda *given: executor)
        asked = RaceOptions(code=OwnCode(trainer="ridge.py:Trainer"), **options)
        kept = made.kept_in(tmp_path, study or four())
        return confirm_values(kept, asked, observer or Observer()), executor

    return run


def four(**more: Any) -> StoredStudy:
    """Return a study of four complete trials, of which #3 is best, and one pruned."""
    trials = [made.value_trial(n, [float(n)] * made.VALUE_PERIODS) for n in range(4)]
    return made.value_study([*trials, made.value_trial(4, [9.0])], **more)


def noisy(rate: float, draws: random.Random) -> float:
    return math.log2(rate / 0.001) + draws.gauss(0, 0.01)


def test_clearly_worse_configurations_are_dropped_and_the_best_mean_wins(confirm: Confirm) -> None:
    found, executor = confirm(noisy)
    assert (found.winner, found.leader, found.tied, found.has_winner) == (3, None, (3,), True)
    assert [row.number for row in found.candidates] == [3, 2, 1, 0]
    assert {row.dropped_after for row in found.candidates if row.number != 3} == {2}
    assert [row.search_value for row in found.candidates] == [3, 2, 1, 0]
    fresh = found.fresh(3)
    assert fresh is not None
    assert fresh.mean == pytest.approx(3, abs=0.05)
    assert executor.jobs == (4 * 2 + 6) * made.VALUE_PERIODS


def test_a_smaller_value_wins_if_the_study_minimizes_it(confirm: Confirm) -> None:
    found, _ = confirm(noisy, four(settings={"direction": "minimize", "objective": "loss"}))
    assert (found.winner, found.name, found.minimized) == (0, "loss", True)


def test_configurations_that_do_not_differ_are_tied(confirm: Confirm) -> None:
    found, _ = confirm(lambda rate, draws: random.Random(f"{rate} {draws.random()}").gauss(0, 1))
    assert len(found.tied) == 4
    assert (found.seeds, found.judged, found.has_winner) == (8, True, False)


def test_a_run_that_diverges_ends_the_race_of_its_configuration(confirm: Confirm) -> None:
    found, _ = confirm(lambda rate, draws: None if rate > 0.004 else noisy(rate, draws))
    dropped = found.candidate(3)
    assert (dropped.values, dropped.dropped_after, dropped.p_value) == ((None,), 1, None)
    assert (found.winner, found.has_winner) == (2, False)


def test_without_a_run_that_finishes_there_is_nothing_to_confirm(confirm: Confirm) -> None:
    with pytest.raises(SearchError, match="None of the candidates trains to its end"):
        confirm(lambda rate, draws: None, top=2)


def test_an_earlier_confirmation_is_returned_and_earlier_runs_are_not_trained_again(confirm: Confirm) -> None:
    first, _ = confirm(noisy)
    again, executor = confirm(noisy)
    assert (again, executor.jobs) == (first, 0)
    fewer, executor = confirm(noisy, top=2)
    assert (fewer.winner, executor.jobs) == (3, 0)


def test_a_stopped_confirmation_is_resumed(confirm: Confirm) -> None:
    asked = count(1)
    with pytest.raises(Stopped):
        confirm(noisy, observer=stopping.Stopping(lambda runs: next(asked) > 9))
    found, resumed = confirm(noisy)
    assert found.winner == 3
    assert 0 < resumed.jobs < (4 * 2 + 6) * made.VALUE_PERIODS


def test_a_budget_ends_the_race_and_without_a_test_there_is_a_leader(confirm: Confirm) -> None:
    found, _ = confirm(noisy, budget=0.5)  # in the search, a report took half a second
    assert (found.winner, found.leader, found.cut, found.seeds, found.judged) == (None, 3, True, 1, False)
    longer, _ = confirm(noisy, budget=1000)
    assert (longer.winner, longer.cut) == (3, False)


def test_a_damaged_result_or_one_without_a_winner_is_refused(confirm: Confirm, tmp_path: Path) -> None:
    confirm(noisy)
    file = tmp_path / "ridge-0" / "confirm" / "values.json"
    file.write_text(file.read_text().replace('"winner": 3', '"winner": 2'))
    with pytest.raises(SearchError, match="is not a complete confirmation"):
        load(ConfirmedValues, tmp_path / "ridge-0")


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
    assert losses({0: [0.5, None], 1: [0.25, 0.75]}, 0.25, minimized=False) == {0: [-2, None], 1: [-1, -3]}
    assert losses({0: [0.5]}, 0.25, minimized=True) == {0: [2]}
