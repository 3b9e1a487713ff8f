"""What is trained to measure a machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from mnist_bench.config.json import from_json
from mnist_bench.config.settings import TrainConfig
from mnist_bench.preview import pace
from mnist_bench.space_files import space_sources
from mnist_bench.space_files.drawn import Drawn
from search.errors import WorkerError
from search.executors.protocol import Done, Job, Lost, Outcome
from search.trainer_api import Plan, Report


class Clock:
    """Stands in for the module `time` where a pace is measured; goes on by what workers take alone."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("mnist_bench.preview.pace.time", made)
    return made


class Workers:
    """Two workers that take a given time for whatever they train; satisfies `search.executors.protocol.Executor`."""

    workers = 2

    def __init__(self, clock: Clock, seconds: float = 0.01, *, fails: bool = False) -> None:
        self.clock, self.seconds, self.fails = clock, seconds, fails
        self.jobs: list[Job] = []
        self.trained: list[TrainConfig] = []
        self.stopped = False

    def start(self) -> Mapping[str, Any]:
        return {"kind": "cpu-bf16"}

    def idle(self) -> int:
        return self.workers - len(self.jobs)

    def submit(self, job: Job) -> None:
        self.jobs.append(job)
        self.trained.append(from_json(job.config))

    def wait(self, timeout: float) -> list[Outcome]:
        self.clock.now += self.seconds
        jobs, self.jobs = self.jobs, []
        if self.fails:
            return [Lost(job=job, reason="SIGKILL") for job in jobs]
        report = Report(value=0.5, metrics={}, weights="", seconds=self.seconds)
        return [Done(job=job, report=report, state=b"") for job in jobs]

    def stop(self) -> None:
        self.stopped = True


def plans_of(name: str, *overrides: str) -> list[Plan[TrainConfig]]:
    return Drawn(space_sources.load(name, overrides)).trainable


def measured(workers: Workers) -> pace.Pace:
    return pace.measure(lambda log: workers, plans_of("smoke"), 3000)


def test_all_workers_train_the_same_nets_and_the_first_round_does_not_count(clock: Clock) -> None:
    workers = Workers(clock)
    found = measured(workers)
    assert len(found.speeds) == pace.NETS
    assert len(workers.trained) == 2 * (pace.NETS + 1)
    assert all(config.epochs == 1 and config.periods is None for config in workers.trained)
    assert workers.trained[::2] == workers.trained[1::2]
    assert found.kind == "cpu-bf16"
    assert workers.stopped


def test_twice_the_time_is_half_the_speed(clock: Clock) -> None:
    fast, slow = (measured(Workers(clock, seconds)).speeds for seconds in (0.02, 0.04))
    assert fast == pytest.approx([2 * speed for speed in slow])


def test_nets_that_take_too_long_are_not_measured(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr(pace, "MAX_ESTIMATE", 0.001)
    workers = Workers(clock)
    assert measured(workers).speeds == ()
    assert workers.trained == []


def test_a_slow_machine_is_measured_for_no_longer_than_it_takes(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr(pace, "BUDGET", 0.0)
    assert len(measured(Workers(clock)).speeds) == 1


def test_a_worker_that_fails_ends_it(clock: Clock) -> None:
    workers = Workers(clock, fails=True)
    with pytest.raises(WorkerError, match="A worker failed during the measurement: SIGKILL"):
        measured(workers)
    assert workers.stopped


@pytest.mark.slow
def test_dear_nets_are_measured_on_fewer_images() -> None:
    assert pace.images_to_measure(plans_of("smoke"), 60_000) == pace.MAX_IMAGES
    assert pace.images_to_measure(plans_of("smoke"), 2000) == 2000
    assert pace.images_to_measure(plans_of("conv-gpu"), 60_000) < pace.MAX_IMAGES / 2
