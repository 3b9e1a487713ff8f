"""Worker processes that measure, all at the same time: one a core, one thread each, as a search trains."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mnist_bench.numerics import Machine, find_device, this_machine
from search.errors import WorkerError
from search.executors import Done, Executor, Job, why_failed
from search.executors.local import LocalExecutor
from search.study import WorkFolder
from search.trainer_api import PLAIN, Report, TrainerSpec

LEAD = 0.05
"""Seconds from giving out work to its common start: time for the last worker to hear of it."""
STALL = 600.0
"""Seconds after which a measurement is taken for hung."""
_POLL = 0.2

Order = Mapping[str, Any]
"""See `mnist_bench.bench.worker`."""


def unheard(done: int) -> None:
    """Ignore progress (the default callback)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerPool:
    """Workers that have greeted."""

    executor: Executor
    numerics: Mapping[str, Any]

    @property
    def machine(self) -> Machine:
        """What they measure."""
        return this_machine(torch.device(self.numerics["device"]), self.numerics["precision"])

    def together(self, order: Order) -> float:
        """Let all do the same at once; return the seconds from their common start to the end of the last.

        Raises:
            WorkerError: a worker failed.
        """
        start = time.monotonic() + LEAD
        reports = self.share([{**order, "start": start}] * self.executor.workers)
        return max(report.metrics["ended"] or 0.0 for report in reports) - start

    def share(self, orders: Sequence[Order], on_done: Callable[[int], None] = unheard) -> list[Report]:
        """Let each do the next of `orders` when it is free, and return their reports in the same order.

        `on_done` hears how many are done. Raises as `together` does.
        """
        waiting = deque(enumerate(orders))
        found: dict[int, Report] = {}
        while len(found) < len(orders):
            while waiting and self.executor.idle():
                self.executor.submit(_job(*waiting.popleft()))
            for outcome in self.executor.wait(_POLL):
                if not isinstance(outcome, Done):
                    raise WorkerError(f"A worker failed while it measured: {why_failed(outcome)}")
                found[outcome.job.trial] = outcome.report
                on_done(len(found))
        return [found[number] for number in range(len(orders))]


@contextmanager
def open_worker_pool(
    *, workers: int, device: str, precision: str, train_images: int, validation_images: int
) -> Iterator[WorkerPool]:
    """Start `workers` on a CPU, one alone on a GPU, and yield them when all have greeted.

    The images are those of `worker.make_bench_worker`.

    Raises:
        DeviceError, WorkerError: as `LocalExecutor.start`.
    """
    alone = find_device(device).type == "cuda"
    options = {"device": device, "precision": precision}
    images = {"train_images": train_images, "validation_images": validation_images}
    spec = TrainerSpec(factory="mnist_bench.bench.worker:make_bench_worker", options={**options, **images})
    folder = Path(tempfile.mkdtemp(prefix="mnist-bench-"))
    log = WorkFolder(folder).workers_log
    executor = LocalExecutor(spec, 1 if alone else workers, log)
    try:
        numerics = executor.start()
        while executor.idle() < executor.workers:
            executor.wait(_POLL)
        yield WorkerPool(executor=executor, numerics=numerics)
    finally:
        executor.stop()
        if not log.stat().st_size:  # else it stays: the error that ends this may name it
            shutil.rmtree(folder)


def _job(number: int, order: Order) -> Job[Order]:
    return Job(trial=number, period=1, config=order, codec=PLAIN, seed=0, state=None, stall_seconds=STALL)
