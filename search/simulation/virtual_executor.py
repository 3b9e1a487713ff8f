"""An executor whose `wait` moves a clock to the end of the next period instead of waiting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from typing import Any

from search.executors.protocol import Done, Executor, Job, Outcome
from search.trainer_api import Trainer

Seconds = Callable[[Job], float]
"""Returns how long a worker takes for a job."""


class VirtualExecutor(Executor):
    """Any number of workers of this process; a job is trained when it is submitted, and delivered in its time."""

    def __init__(self, trainer: Trainer[Any], workers: int, seconds: Seconds) -> None:
        self.workers = workers
        self.now = 0.0
        """Virtual seconds since the start."""
        self.busy = 0.0
        """Seconds in which all workers together trained, until the last job that was submitted has ended."""
        self._trainer = trainer
        self._seconds = seconds
        self._under_way: list[tuple[float, int, Done]] = []

    def start(self) -> Mapping[str, Any]:
        return self._trainer.numerics

    def idle(self) -> int:
        return self.workers - len(self._under_way)

    def submit(self, job: Job) -> None:
        """See `Executor.submit`; an exception of the trainer comes through."""
        config = self._trainer.codec.from_json(job.config)
        state, report = self._trainer.advance(config, job.seed, job.period, job.state)
        seconds = self._seconds(job)
        self.busy += seconds
        # Of two that end at once the earlier trial is delivered first.
        heappush(self._under_way, (self.now + seconds, job.trial, Done(job=job, report=report, state=state)))

    def wait(self, timeout: float) -> list[Outcome]:
        """Let time pass until a period ends; with a timeout of 0, return those that have."""
        if timeout and self._under_way:
            self.now = max(self.now, self._under_way[0][0])
        found: list[Outcome] = []
        while self._under_way and self._under_way[0][0] <= self.now:
            found.append(heappop(self._under_way)[2])
        return found

    def stop(self) -> None:
        self._under_way.clear()
