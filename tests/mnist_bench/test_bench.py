"""How fast this machine trains: measured on a few images by workers that measure together, and shown as a table."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice

import pytest
import torch

import mnist_bench
from mnist_bench import bench
from mnist_bench.bench import machine_of, nets, open_workers, order, seconds_together
from mnist_bench.config.settings import ModelConfig, OptimConfig, TrainConfig
from mnist_bench.errors import DeviceError
from search.errors import WorkerError
from search.executors.jobs import StartedWorkers

TINY = TrainConfig(epochs=1, model=ModelConfig(blocks=0, hidden_layers=0), optim=OptimConfig(batch_size=64))


@pytest.fixture(scope="module")
def workers() -> Iterator[StartedWorkers]:
    """Return two workers with 256 images to train on."""
    with open_workers(2, device="cpu", precision="fp32", train_images=256, validation_images=100) as opened:
        yield opened


@pytest.mark.slow
def test_the_speed_is_measured_by_as_many_workers_as_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "IMAGES", {"cpu": 256})
    monkeypatch.setattr(bench, "VALIDATION", 100)
    few = dict(islice(nets().items(), 2))
    monkeypatch.setattr(bench, "nets", lambda: few)
    rounds: list[int] = []
    found = mnist_bench.measure_speed(repeats=1, workers=1, device="cpu", precision="fp32", on_round=rounds.append)
    assert rounds == [0, 1]
    assert (found.repeats, found.processes, found.images, found.machine.precision) == (1, 1, 256, "fp32")
    assert [net.net for net in found.nets] == list(few)
    assert all(0 < net.low == net.median == net.high for net in found.nets)


def test_a_convolution_in_bfloat16_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "BATCH", 2)
    assert 0 < bench.bf16_over_fp32(torch.device("cpu")) < 1000


@pytest.mark.slow
def test_all_workers_train_the_same_from_a_common_start(workers: StartedWorkers) -> None:
    began = time.monotonic()
    seconds = seconds_together(workers, TINY)
    assert 0 < seconds < time.monotonic() - began - bench.LEAD + 0.01
    assert (machine_of(workers).precision, machine_of(workers).gpu) == ("fp32", None)


@pytest.mark.slow
def test_orders_are_shared_out_and_reports_come_back_in_their_order(workers: StartedWorkers) -> None:
    wide = TrainConfig(epochs=1, model=ModelConfig(blocks=0, hidden_layers=4, hidden_units=2048), optim=TINY.optim)
    reports = workers.share([order(TINY), order(wide), order(TINY)])
    assert {report.worker for report in reports} == {0, 1}
    seconds = [report.metrics["cpu_seconds"] or 0 for report in reports]
    assert seconds[1] == max(seconds) > 0


@pytest.mark.slow
def test_a_worker_that_fails_is_one_sentence(workers: StartedWorkers) -> None:
    with pytest.raises(WorkerError, match=r"^A worker failed during the measurement: KeyError: 'config'$"):
        workers.share([{}])


def test_a_device_that_is_not_there_starts_nothing() -> None:
    images = {"train_images": 1, "validation_images": 1}
    with pytest.raises(DeviceError, match="cuda:99"), open_workers(1, device="cuda:99", precision="auto", **images):
        pass
