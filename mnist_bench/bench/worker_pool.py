"""Worker processes that measure, all at the same time: one per core, one thread each, as a search trains."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from mnist_bench.numerics.device import Machine, find_device, this_machine
from mnist_bench.numerics.kinds import environment_of
from search.executors.jobs import StartedWorkers, started
from search.executors.local import LocalExecutor
from search.trainer_api import TrainerSpec

LEAD = 0.05
"""Seconds from giving out work to its common start: time for the last worker to receive it."""

Order = Mapping[str, Any]
"""See `mnist_bench.bench.bench_worker`."""


@dataclass(frozen=True, kw_only=True)
class WorkerPool(StartedWorkers):
    """Workers of `bench.worker` that are ready."""

    @property
    def machine(self) -> Machine:
        """The machine that they measure."""
        return this_machine(torch.device(self.numerics["device"]), self.numerics["precision"])

    def together(self, order: Order) -> float:
        """Let all do the same at once; return the seconds from their common start to the end of the last.

        Raises:
            WorkerError: a worker failed.
        """
        start = time.monotonic() + LEAD
        reports = self.share([{**order, "start": start}] * self.executor.workers)
        return max(report.metrics["ended"] or 0.0 for report in reports) - start


@contextmanager
def open_worker_pool(
    *, workers: int, device: str, precision: str, train_images: int, validation_images: int
) -> Iterator[WorkerPool]:
    """Start `workers` on a CPU, or one on a GPU, and yield them when all are ready.

    The images are those of `bench_worker.make_bench_worker`.

    Raises:
        DeviceError, WorkerError: the device is not there, or a worker cannot start.
    """
    alone = find_device(device, precision).type == "cuda"
    options = {"device": device, "precision": precision}
    images = {"train_images": train_images, "validation_images": validation_images}
    spec = TrainerSpec(
        factory="mnist_bench.bench.bench_worker:make_bench_worker", options={**options, **images},
        environment=environment_of(precision),
    )  # fmt: skip
    with started(lambda log: LocalExecutor(spec, 1 if alone else workers, log)) as ready:
        yield WorkerPool(executor=ready.executor, numerics=ready.numerics)
