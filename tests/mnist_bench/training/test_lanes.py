"""Trials that take their steps in turns, in one process, end with the bits of each alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.config.json import from_json, to_json
from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import OptimConfig, TrainConfig
from mnist_bench.data.tensors import Dataset
from mnist_bench.training.learner import train_step
from mnist_bench.training.torch_trainer import TorchTrainer
from search.executors.local.lanes import Lanes
from search.executors.local.pool import LocalExecutor
from search.executors.protocol import Done, Job, Lost, Outcome, Raised
from search.trainer_api import Report, TrainerSpec

pytestmark = pytest.mark.slow

Ended = tuple[bytes, Report]


@pytest.fixture
def configs(config: TrainConfig) -> list[TrainConfig]:
    """Return three nets of one shape, with other dropout, another optimizer, other batches."""
    model = replace(config.model, block_dropout=0.5, hidden_dropout=0.6)
    return [
        config,
        replace(config, model=model),
        replace(config, optim=OptimConfig(optimizer="sgd_nesterov", lr=0.02, batch_size=70, keep_last_batch=True)),
    ]


def facts(ended: Ended) -> tuple[object, ...]:
    state, report = ended
    return (state, report.value, dict(report.metrics), report.weights, report.end, dict(report.details))


def alone(digits: Dataset, config: TrainConfig, seed: int) -> list[Ended]:
    """Return both periods of a training by itself."""
    trainer, state = TorchTrainer(digits, "fp32"), None
    found: list[Ended] = []
    for period in (1, 2):
        found.append(trainer.advance(from_json(to_json(config)), seed, period, state))  # as it comes to a worker
        state = found[-1][0]
    return found


def in_turns(trainer: TorchTrainer, configs: list[TrainConfig], period: int, states: list[bytes | None]) -> list[Ended]:
    """Return what a period of each comes to in lanes of one process."""
    lanes = Lanes(trainer)
    for lane, config in enumerate(configs):
        lanes.begin(lane, to_json(config), lane, period, states[lane])
    found: dict[int, Ended] = {}
    while lanes.are_busy:
        for ended in lanes.turn():
            assert not isinstance(ended.result, BaseException)
            found[ended.lane] = ended.result
    return [found[lane] for lane in range(len(configs))]


def test_in_turns_or_alone_resident_or_not(configs: list[TrainConfig], digits: Dataset) -> None:
    expected = [alone(digits, config, seed) for seed, config in enumerate(configs)]
    for device_cache in (0, 1, 3):
        trainer = TorchTrainer(digits, "fp32", device_cache=device_cache)
        checkpoint: list[bytes | None] = [None] * 3
        for period in (1, 2):
            found = in_turns(trainer, configs, period, checkpoint)
            checkpoint = [state for state, _ in found]
            assert list(map(facts, found)) == [facts(whole[period - 1]) for whole in expected], device_cache


def test_dropout_rates_differ_between_lanes(config: TrainConfig, digits: Dataset) -> None:
    """The same seed and the same net but for its rates: the lanes must not share them."""
    rates = [replace(config, model=replace(config.model, hidden_dropout=rate)) for rate in (0.0, 0.3, 0.6)]
    trainer = TorchTrainer(digits, "fp32")
    lanes = Lanes(trainer)
    for lane, one in enumerate(rates):
        lanes.begin(lane, to_json(one), 1, 1, None)
    found: list[str] = []
    while lanes.are_busy:
        found += [ended.result[1].weights for ended in lanes.turn() if not isinstance(ended.result, BaseException)]
    assert len(set(found)) == 3
    assert found[1] == alone(digits, rates[1], 1)[0][1].weights


def test_a_lane_that_fails_halfway_leaves_the_others_as_they_are(
    config: TrainConfig, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = alone(digits, config, 0)[0]
    taken = 0

    def failing(learner: Any, schedule: Schedule, *rest: Any) -> Any:
        nonlocal taken
        if schedule.config.optim.lr == 0.5:
            taken += 1
            if taken == 4:
                raise ValueError("a bug")
        return train_step(learner, schedule, *rest)

    monkeypatch.setattr("mnist_bench.training.period.train_step", failing)
    lanes = Lanes(TorchTrainer(digits, "fp32"))
    lanes.begin(0, to_json(config), 0, 1, None)
    lanes.begin(1, to_json(replace(config, optim=replace(config.optim, lr=0.5))), 0, 1, None)
    found: dict[int, Any] = {}
    while lanes.are_busy:
        found |= {ended.lane: ended.result for ended in lanes.turn()}
    assert str(found[1]) == "a bug"
    survivor = found[0]
    assert not isinstance(survivor, Exception)
    assert facts(survivor) == facts(expected)


def test_a_state_stays_where_it_was_made_and_is_used_once(
    config: TrainConfig, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mnist_bench.training import checkpoint

    restored: list[int] = []
    restore = checkpoint.restore

    def counted(*all_of_it: Any) -> Any:
        restored.append(1)
        return restore(*all_of_it)

    monkeypatch.setattr(checkpoint, "restore", counted)
    trainer = TorchTrainer(digits, "fp32", device_cache=2)
    first, _ = trainer.advance(config, 1, 1, None)
    second = trainer.advance(config, 1, 2, first)
    assert restored == []
    again = trainer.advance(config, 1, 2, first)
    assert restored == [1]
    assert facts(second) == facts(again)


def test_a_lack_of_memory_sends_the_residents_away_before_it_counts(
    config: TrainConfig, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = 0

    def failing(*arguments: Any) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise MemoryError
        return train_step(*arguments)

    monkeypatch.setattr("mnist_bench.training.period.train_step", failing)
    trainer = TorchTrainer(digits, "fp32", device_cache=2)
    trainer.advance(config, 2, 1, None)
    failures = 1
    assert facts(trainer.advance(from_json(to_json(config)), 1, 1, None)) == facts(alone(digits, config, 1)[0])
    failures = 2  # once with a train loop that stayed on the device, and once more without
    assert trainer.advance(config, 3, 1, None)[1].end == "out_of_memory"


def train_all(executor: LocalExecutor, configs: Mapping[int, Mapping[str, Any]]) -> dict[int, Outcome]:
    """Return what the first period of each comes to; one that is lost, or was the first to raise, is given again."""
    waiting, raised = sorted(configs), set[int]()
    found: dict[int, Outcome] = {}
    while len(found) < len(configs):
        while waiting and executor.idle():
            seed = waiting.pop(0)
            job = Job(trial=seed, period=1, config=configs[seed], seed=seed, state=None, stall_seconds=60)
            executor.submit(job)
        for outcome in executor.wait(0.2):
            seed = outcome.job.seed
            if isinstance(outcome, Lost) or (isinstance(outcome, Raised) and seed not in raised):
                raised |= {seed} if isinstance(outcome, Raised) else set()
                waiting.append(seed)
            else:
                found[seed] = outcome
    return found


def test_workers_of_two_lanes_train_to_the_bits_of_one_trial_alone(
    configs: list[TrainConfig], digits: Dataset, tmp_path: Path
) -> None:
    """One of the configurations makes the trainer fail, and takes its worker along each time."""
    options = {"device": "cpu", "precision": "fp32", "subset": 1200}
    trainer = TrainerSpec(factory="mnist_bench.training.factory:make_trainer", options=options)
    given = dict(enumerate(map(to_json, configs)))
    executor = LocalExecutor(trainer, 1, tmp_path / "log", 2)
    try:
        executor.start()
        found = train_all(executor, {**given, 3: {"model": {"blocks": "two"}}})
    finally:
        executor.stop()
    assert isinstance(found[3], Raised)
    for seed, config in enumerate(configs):
        outcome = found[seed]
        assert isinstance(outcome, Done)
        assert facts((outcome.state, outcome.report)) == facts(alone(digits, config, seed)[0])
