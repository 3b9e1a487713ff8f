"""The trainer of a worker that measures: its periods are measurements.

Measurements run in the very processes that a search trains in, with their threads, memory settings and end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch

from mnist_bench.bench.epoch_parts import Part, Passes
from mnist_bench.bench.kernels import KERNELS, Kernel
from mnist_bench.bench.measured_nets import nets
from mnist_bench.config.json import from_json, to_json
from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.guard import close_test_set
from mnist_bench.data.mnist import DataOptions
from mnist_bench.data.tensors import Dataset, load_dataset
from mnist_bench.numerics.device import choose_precision, describe, setup
from mnist_bench.numerics.kinds import Precision
from mnist_bench.training.period import advance
from search.trainer_api import PLAIN, Report

Work = Callable[[], object]


def pass_of(net: str, part: Part) -> dict[str, Any]:
    """Return the order for a pass of a net of `nets`."""
    return {"net": net, "part": part}


def rate_of(kernel: Kernel, precision: Precision) -> dict[str, Any]:
    """Return the order for a run of a kernel in a precision."""
    return {"kernel": kernel, "precision": precision}


def period_of(config: TrainConfig) -> dict[str, Any]:
    """Return the order for the first period of a configuration, from building the net to evaluating it."""
    return {"config": to_json(config)}


class BenchWorker:
    """Satisfies `search.trainer_api.Trainer`; its configurations are orders."""

    codec = PLAIN

    def __init__(self, data: Dataset, precision: Precision) -> None:
        self.data = data
        self.precision = precision
        self._passes: dict[str, Passes] = {}
        self._kernels: dict[tuple[Kernel, Precision], Work] = {}

    @cached_property
    def numerics(self) -> Mapping[str, Any]:
        """See `numerics.describe`."""
        return describe(self.data.device, self.precision)

    def advance(self, config: Mapping[str, Any], seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """Do the work that `config` orders at its `start` (seconds of the monotonic clock, which processes share).

        The report's metrics are `ended`, on the same clock, and the `cpu_seconds` that this process computed.
        """
        work = self._work(config)
        self._finish()
        time.sleep(max(0.0, config.get("start", 0.0) - time.monotonic()))
        began, computed = time.monotonic(), time.process_time()
        work()
        self._finish()
        ended = time.monotonic()
        metrics = {"ended": ended, "cpu_seconds": time.process_time() - computed}
        return b"", Report(value=None, metrics=metrics, weights="", seconds=ended - began)

    def _work(self, order: Mapping[str, Any]) -> Work:
        """Return the work ready to run; its data are made once, so that the first of a kind is a warm-up."""
        if "net" in order:
            return self._pass(order["net"], order["part"])
        if "kernel" in order:
            key = (order["kernel"], order["precision"])
            if key not in self._kernels:
                self._kernels[key] = KERNELS[key[0]](self.data.device, key[1])
            return self._kernels[key]
        config = from_json(order["config"])
        return lambda: advance(config, 0, 1, None, self.data, self.precision)

    def _pass(self, net: str, part: Part) -> Work:
        if net not in self._passes:
            self._passes[net] = Passes(nets()[net], self.data, self.precision)
        passes = self._passes[net]
        passes.prepare(part)
        return lambda: passes.run(part)

    def _finish(self) -> None:
        """Wait until the device has done its work; a CPU always has."""
        if self.data.device.type == "cuda":
            torch.cuda.synchronize(self.data.device)


def make_bench_worker(*, device: str, precision: str, train_images: int, validation_images: int) -> BenchWorker:
    """Return this process's bench worker, on the first images of each part of MNIST's split.

    Raises:
        DeviceError: there is no such device.
    """
    close_test_set()
    torch_device = setup(device, precision)
    data = load_dataset(DataOptions(), torch_device)
    some = replace(data, train=data.train[:train_images], validation=data.validation[:validation_images])
    return BenchWorker(some, choose_precision(torch_device, precision))
