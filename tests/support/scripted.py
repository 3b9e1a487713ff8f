"""An executor whose workers die and raise where a test says so, by a clock that the test reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from search.executors.protocol import Done, Executor, Job, Lost, Outcome, Raised
from support.fake_trainer import Trainer

TICK = 0.125
"""Seconds that a wait takes."""


@dataclass(slots=True)
class Clock:
    """Stands in for the clock by which periods are tried again."""

    now: float = 0.0


@dataclass(slots=True)
class Scripted(Executor):
    """Jobs under way come back from each wait, failures first; `fails` says which of them fail, and how."""

    clock: Clock
    fails: Callable[[Job], Outcome | None] = lambda job: None
    workers: int = 1
    at_once: int | None = None
    """How many come back from a wait; None for all."""
    started: list[tuple[float, Job]] = field(default_factory=list)
    """Every job that was submitted, with its time."""
    _running: list[Job] = field(default_factory=list)
    _trainer: Trainer = field(default_factory=Trainer)

    def start(self) -> Mapping[str, Any]:
        """See `Executor.start`."""
        return self._trainer.numerics

    def idle(self) -> int:
        """See `Executor.idle`."""
        return self.workers - len(self._running)

    def submit(self, job: Job) -> None:
        """See `Executor.submit`."""
        self.started.append((self.clock.now, job))
        self._running.append(job)

    def wait(self, timeout: float) -> list[Outcome]:
        """See `Executor.wait`."""
        self.clock.now += TICK
        jobs = self._running[: self.at_once]
        self._running = self._running[len(jobs) :]
        return sorted((self.fails(job) or self._done(job) for job in jobs), key=lambda outcome: type(outcome) is Done)

    def stop(self) -> None:
        """See `Executor.stop`."""

    def _done(self, job: Job) -> Done:
        state, report = self._trainer.advance(job.config, job.seed, job.period, job.state)
        return Done(job=job, report=report, state=state)


def killed(job: Job) -> Lost:
    """Return that a job's worker was killed."""
    return Lost(job=job, reason="SIGKILL")


def raised(job: Job) -> Raised:
    """Return that a job made the trainer fail."""
    return Raised(job=job, error="ZeroDivisionError")
