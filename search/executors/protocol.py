"""The interface between driver and executor: jobs, their outcomes, and `Executor`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from search.trainer_api import Json, Report

ExecutorName = Literal["local", "in-process", "ray"]  # the names of the executors on the command line
Cause = Literal["raised", "killed", "stalled", "out_of_memory"]
"""Why a job does not come back trained. `raised`: its configuration made the trainer fail, by an exception or a crash
such as SIGSEGV. All else happened to its worker, and says nothing about the configuration."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One period of one trial to train."""

    trial: int
    period: int  # from 1
    config: Mapping[str, Json]
    """As the planner's codec writes it. The trainer decodes it, so this process needs neither a decoder nor PyTorch."""
    seed: int
    state: bytes | None  # the state after the period before; None for the first
    stall_seconds: float  # time after which its worker counts as hung and is replaced


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """The period was trained."""

    job: Job
    report: Report
    state: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """The period was not trained."""

    job: Job
    cause: Cause
    reason: str  # what happened, in words; if it raised, the last lines of the traceback, or the signal's name

    @property
    def last_line(self) -> str:
        """The reason in one line."""
        return self.reason.splitlines()[-1]


Outcome = Done | Failed


class Executor(ABC):
    """Runs jobs on a number of workers.

    A job that was submitted comes back from `wait` exactly once, whatever happens to its worker; a lost worker is
    replaced. Jobs are pure, so running one twice does no harm. Not safe for use from several threads.
    """

    workers: int  # workers, busy or not; each takes one job at a time

    @abstractmethod
    def start(self) -> Mapping[str, Any]:
        """Start the workers and return their numerics.

        Raises:
            WorkerError: a worker cannot start.
        """

    @abstractmethod
    def idle(self) -> int:
        """Return how many jobs can be submitted now: the number of idle workers."""

    @abstractmethod
    def submit(self, job: Job) -> None:
        """Give a job to an idle worker."""

    @abstractmethod
    def wait(self, timeout: float) -> list[Outcome]:
        """Return outcomes as soon as there are any, at the latest after `timeout` seconds.

        Raises:
            WorkerError: a worker's numerics differ from the others'.
        """

    @abstractmethod
    def stop(self) -> None:
        """End all workers at once; jobs under way are abandoned."""

    def forget(self, trial: int) -> None:
        """Give up what is kept of a trial that has ended, such as a process; most executors keep nothing."""
        return
