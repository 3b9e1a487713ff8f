"""The trainer of a worker that measures: its periods are measurements.

Measurements run in the very processes that a search trains in, with their threads, memory settings and end.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import from_json, to_json
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.idx import close_test_set
from mnist_bench.data.tensors import load_dataset
from mnist_bench.numerics.device import choose_precision, setup
from mnist_bench.training.trainer import TorchTrainer
from search.trainer_api import PLAIN, Report


def period_of(config: TrainConfig) -> dict[str, Any]:
    """Return the order for the first period of a configuration, from building the net to evaluating it."""
    return {"config": to_json(config)}


class BenchWorker:
    """Satisfies `search.trainer_api.Trainer`; its configurations are orders."""

    codec = PLAIN

    def __init__(self, trainer: TorchTrainer) -> None:
        self.trainer = trainer

    @property
    def numerics(self) -> Mapping[str, Any]:
        """Those of the trainer that is measured."""
        return self.trainer.numerics

    def advance(self, config: Mapping[str, Any], seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """Train the first period of an ordered configuration at its `start`.

        That is in seconds of the monotonic clock, which processes share. The report's metrics are `ended`, on the same
        clock, and the `cpu_seconds` that this process computed.
        """
        trained = from_json(config["config"])
        self._finish()
        time.sleep(max(0.0, config.get("start", 0.0) - time.monotonic()))
        began, computed = time.monotonic(), time.process_time()
        self.trainer.advance(trained, 0, 1, None)
        self._finish()
        ended = time.monotonic()
        metrics = {"ended": ended, "cpu_seconds": time.process_time() - computed}
        return b"", Report(value=None, metrics=metrics, weights="", measured={"seconds": ended - began})

    def _finish(self) -> None:
        """Wait until the device has done its work; a CPU always has."""
        device = self.trainer.data.device
        if device.type == "cuda":
            torch.cuda.synchronize(device)


def make_bench_worker(*, device: str, precision: str, train_images: int, validation_images: int) -> BenchWorker:
    """Return this process's bench worker, on the first images of each part of MNIST's split.

    Raises:
        DeviceError: there is no such device.
    """
    close_test_set()
    torch_device = setup(device, precision)
    data = load_dataset(DataOptions(), torch_device)
    some = replace(data, train=data.train[:train_images], validation=data.validation[:validation_images])
    return BenchWorker(TorchTrainer(some, choose_precision(torch_device, precision)))
