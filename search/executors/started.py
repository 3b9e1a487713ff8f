"""The workers of an executor, started for jobs outside a search, such as measurements."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.errors import WorkerError
from search.executors.protocol import Done, Executor, Job, why_failed
from search.files import passing_folder
from search.trainer_api import Json, Report

LOG = "measurement.log"
STALL = 600.0
"""Seconds after which a job counts as hung."""
_POLL = 0.05


def ignored(done: int) -> None:
    """Ignore progress (the default callback)."""


@dataclass(frozen=True, kw_only=True)
class StartedWorkers:
    """Workers that are ready."""

    executor: Executor
    numerics: Mapping[str, Any]
    """Their reports about themselves."""

    def share(self, configs: Sequence[Mapping[str, Json]], on_done: Callable[[int], None] = ignored) -> list[Report]:
        """Let each worker do the next configuration when it is free, and return the reports in the order of `configs`.

        `on_done` is called with the number of configurations that are done.

        Raises:
            WorkerError: a worker failed.
        """
        waiting = deque(enumerate(configs))
        reports: dict[int, Report] = {}
        while len(reports) < len(configs):
            while waiting and self.executor.idle():
                number, config = waiting.popleft()
                job = Job(trial=number, period=1, config=config, seed=0, state=None, stall_seconds=STALL)
                self.executor.submit(job)
            for outcome in self.executor.wait(_POLL):
                if not isinstance(outcome, Done):
                    raise WorkerError(f"A worker failed during the measurement: {why_failed(outcome)}")
                reports[outcome.job.trial] = outcome.report
                on_done(len(reports))
        return [reports[number] for number in range(len(configs))]


@contextmanager
def started(make: Callable[[Path], Executor]) -> Iterator[StartedWorkers]:
    """Start the workers of an executor, which `make` returns for a log file, and yield them when all are ready.

    The log stays if an error that ends the block names it.

    Raises:
        UsageError, WorkerError: a worker cannot start.
    """
    with passing_folder() as folder:
        executor = make(folder / LOG)
        try:
            workers = StartedWorkers(executor=executor, numerics=executor.start())
            while executor.idle() < executor.workers:
                executor.wait(_POLL)
            yield workers
        finally:
            executor.stop()
