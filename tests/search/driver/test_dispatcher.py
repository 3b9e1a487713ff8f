"""A search whose workers die: what is tried again, with how much time, and whose name stands in the message."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from search.driver.dispatcher import Dispatcher
from search.driver.progress import Observer
from search.errors import WorkerError
from search.event_log.records import TrialRecord
from search.executors.protocol import Job, Outcome
from search.simulation import simulate
from search.strategies.pruners import Asha, NoPruner
from search.strategies.samplers import Random
from search.study.checkpoint_store import CheckpointStore
from search.trainer_api import Report
from support import search_fake as fake
from support.fake_trainer import Trainer
from support.scripted import Clock, Scripted, Study, killed

pytestmark = pytest.mark.usefixtures("log_alone")


def tries(executor: Scripted, trial: int, period: int) -> list[tuple[float, float]]:
    """Return when a period was begun, and after how many seconds it was to be taken for hung."""
    return [(at, job.stall_seconds) for at, job in executor.started if (job.trial, job.period) == (trial, period)]


def test_a_lost_period_is_tried_again_later_and_with_twice_the_time(clock: Clock, tmp_path: Path) -> None:
    def fails(job: Job) -> Outcome | None:
        return killed(job) if (job.trial, job.period) == (0, 1) and len(tries(executor, 0, 1)) < 3 else None

    executor = Scripted(clock, fails)
    assert fake.run(tmp_path, budget=3, executor=executor).reached
    (first, at_first), (second, at_second), (third, at_third) = tries(executor, 0, 1)
    assert (at_first, at_second, at_third) == (60, 120, 240)
    assert second - first >= 0.2
    assert third - second >= 0.4
    with pytest.raises(WorkerError, match=r"^20 workers in a row died while they trained trial \d, period 1: SIGKILL"):
        fake.run(tmp_path / "always", executor=Scripted(clock, killed))


class Narrowing(Scripted):
    """An executor in which the second try of a period takes all places, as one does that was lost beside others."""

    def idle(self) -> int:
        keys = [(job.trial, job.period) for _, job in self.started]
        again = [job for job in self._running if keys.count((job.trial, job.period)) > 1]
        return 0 if again else super().idle()

    def submit(self, job: Job) -> None:
        assert self.idle()
        super().submit(job)


def test_a_period_that_takes_all_places_is_given_no_company(clock: Clock, tmp_path: Path) -> None:
    def fails(job: Job) -> Outcome | None:
        return killed(job) if job.seed % 3 == 0 and len(tries(executor, job.trial, job.period)) == 1 else None

    executor = Narrowing(clock, fails, workers=4)
    undisturbed = fake.run(tmp_path / "undisturbed", budget=12, executor=Scripted(clock, workers=3))
    assert 0 < undisturbed.order_cost < 1
    assert fake.run(tmp_path, budget=12, executor=executor).study.digest == undisturbed.study.digest


class Counting(CheckpointStore):
    dropped = 0

    def drop(self, trial: int, periods: Iterable[int]) -> None:
        listed = list(periods)
        self.dropped += len(listed)
        super().drop(trial, listed)


def test_a_period_removes_the_state_before_it_and_asks_for_no_other(clock: Clock, tmp_path: Path) -> None:
    periods = 20
    states, study = Counting(tmp_path), Study(budget=1, periods=periods)
    dispatcher = Dispatcher(Scripted(clock), states, study.history, lambda: False)
    dispatcher.adopt(study.ask(0))
    for period in range(1, periods + 1):
        assert dispatcher.obtain(0) is not None
        study.train(0)
        dispatcher.advance_to(0, period)
        assert [path.name for path in tmp_path.iterdir()] == [f"0-{period}.state"]
    assert states.dropped == periods - 1


def test_a_state_that_a_killed_driver_left_behind_goes_when_its_trial_is_resumed(clock: Clock, tmp_path: Path) -> None:
    states = CheckpointStore(tmp_path)
    for period in (1, 2, 3):
        states.put(0, period, Report(value=0.5, metrics={}, weights=""), b"state")
    study = Study(budget=1)
    study.train(study.ask(0), 2)
    Dispatcher(Scripted(clock), states, study.history, lambda: False).adopt(0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0-2.state", "0-3.state"]


@pytest.mark.parametrize("order", ["deterministic", "as-completed"])
@pytest.mark.parametrize("pruner", [Asha(), NoPruner()])  # without one, trials train on past what is not handled yet
def test_a_trial_has_the_time_that_its_periods_left_and_then_ends(
    clock: Clock, tmp_path: Path, pruner: Any, order: str
) -> None:
    executor = Scripted(clock, workers=2, _trainer=Trainer("claim_time"))
    study = fake.run(tmp_path, budget=6, executor=executor, pruner=pruner, order=order, trial_timeout=1.0).study
    for _, job in executor.started:
        assert job.stall_seconds == pytest.approx(1 - 0.4 * (job.period - 1))
    late = [(len(trial.reports), trial.error) for trial in study.trials if trial.reason == "timed_out"]
    assert {*late} == {(3, "Training took more than 1 s (--trial-timeout).")}
    assert not any(record.reason == "complete" for record in study.trials)


@pytest.mark.slow
def test_a_trial_trains_on_before_its_turn_but_never_past_a_rung(clock: Clock, tmp_path: Path) -> None:
    """Asha stops trials of four periods after the first and the third."""
    told: set[tuple[int, int]] = set()
    early: set[int] = set()

    class Watch(Observer):
        def on_report(self, trial: TrialRecord) -> None:
            told.add((trial.number, len(trial.reports)))

    class Watched(Scripted):
        def submit(self, job: Job) -> None:
            if job.period > 1 and (job.trial, job.period - 1) not in told:
                early.add(job.period - 1)
            super().submit(job)

    executor = Watched(clock, workers=4)
    assert fake.run(tmp_path, budget=40, executor=executor, observer=Watch()).reached
    assert early == {2}
    assert sorted((job.trial, job.period) for _, job in executor.started) == sorted(told)


@pytest.mark.slow
def test_more_is_never_trained_than_is_reported(clock: Clock, tmp_path: Path) -> None:
    executor = Scripted(clock, workers=3, _trainer=Trainer("diverge"))
    study = fake.run(tmp_path, budget=30, executor=executor, pruner=NoPruner()).study
    assert "diverged" in {trial.reason for trial in study.trials}
    reported = [(trial.number, n) for trial in study.trials for n in range(1, len(trial.reports) + 1)]
    assert sorted((job.trial, job.period) for _, job in executor.started) == reported


def test_by_arrival_a_trial_that_has_to_train_alone_is_not_put_off_for_ever(tmp_path: Path) -> None:
    trainer = Trainer("lack_memory", marks=str(tmp_path))
    spec = fake.make_spec(Random(), NoPruner(), 8, 7, order="as-completed", numerics=trainer.numerics)
    options: dict[str, Any] = {"seconds": lambda job: 0.8 + 0.04 * ((7 * job.trial + 3 * job.period) % 10)}
    found = simulate(spec, fake.Planner(), trainer, budget=10**8, workers=4, **options)
    lacked = next(trial.number for trial in found.study.trials if trial.seed % 4 == 0)
    assert found.reported[-1][0] > lacked + 40
    turns = [trial for trial, _ in found.reported]
    assert turns.index(lacked) < turns.index(lacked + 16)
