"""A fixed number of workers: how they get jobs, how they are started and replaced, and how often that may fail."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from search.arguments import check_count
from search.differences import changed_checks, differences
from search.errors import SearchError, UsageError, WorkerError
from search.executors.protocol import Done, Executor, Failed, Job, Outcome
from search.system import oom_kills
from search.trainer_api import Report

MAX_BACK_OFF = 10.0  # seconds between two starts of workers that do not come up
MAX_START = 600.0
"""Seconds after which a worker that has not greeted counts as hung. Many, because it imports PyTorch and loads its data
before."""
MAX_STARTS = 5  # starts in a row without a greeting, for each worker, after which the search stops
Message = tuple[Mapping[str, Any], bytes] | None
"""A message of a worker: a mapping of plain values, and the trained state; None if the worker is gone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """A job under way."""

    job: Job
    since: float = field(default_factory=time.monotonic)  # when it was given: a time to measure from
    started: float = field(default_factory=time.time)  # when it was given, in seconds since 1970: a time to show
    oom_kills: int = field(default_factory=oom_kills)  # processes killed for lack of memory by then


class Worker(ABC):
    """One worker, from its start to its end."""

    def __init__(self, index: int) -> None:
        self.index = index  # among the executor's workers; a replacement takes over that of the one it replaces
        self.name = f"Worker {index}"  # in messages
        self.is_ready = False  # has greeted, and takes a job unless it has one
        self.running: Running | None = None

    @property
    def is_idle(self) -> bool:
        return self.is_ready and self.running is None

    @abstractmethod
    def give(self, job: Job) -> None:
        """Let it train a job."""

    @abstractmethod
    def kill(self) -> None:
        """End it at once."""


W = TypeVar("W", bound=Worker)


class Fleet(Executor, Generic[W]):
    """The part that executors with several workers share; a worker that is lost is replaced, with back-off.

    A worker greets with `{"numerics": ...}`, or with why it cannot start: `{"refused": ...}` is for the user to mend,
    `{"failed": ...}` may pass. It answers a job with `{"report": ...}`, or with `{"cause": ..., "reason": ...}`; one
    that lies between has the second of a worker that it has lost, too.
    """

    def __init__(self, workers: int) -> None:
        """Start nothing yet; UsageError if there is to be no worker, so that a search would wait for ever."""
        check_count("workers", workers)
        self.workers = workers
        self._workers: list[W] = []
        self._numerics: Mapping[str, Any] | None = None  # those of the worker that was the first to greet
        self._first = ""  # its name
        self._failure: SearchError | None = None
        """The error that ends the search, once all earlier outcomes have been handed on."""
        self._failed_starts = 0
        self._next_start = 0.0

    @abstractmethod
    def _new_worker(self, index: int) -> W:
        """Start a worker that takes this place among all workers."""

    @abstractmethod
    def _received(self, timeout: float) -> Iterable[tuple[W, Message]]:
        """Return messages as soon as there are any, at the latest after `timeout` seconds; all that are there."""

    @abstractmethod
    def _end_stalled(self) -> list[Outcome]:
        """End workers that hang."""

    @abstractmethod
    def _bury(self, worker: W) -> list[Outcome]:
        """Give up a worker that is gone; another one takes its place."""

    @abstractmethod
    def _renew(self, worker: W) -> None:
        """Replace the process that has trained for a worker: it may be spoilt, as CUDA's are by an exception, or keep
        the memory that the trial took."""

    def idle(self) -> int:
        return sum(worker.is_idle for worker in self._workers)

    def submit(self, job: Job) -> None:
        worker = next(worker for worker in self._workers if worker.is_idle)
        worker.running = Running(job=job)
        worker.give(job)

    def wait(self, timeout: float) -> list[Outcome]:
        if self._failure is not None:
            raise self._failure
        self._replenish()
        outcomes = self._end_stalled()
        for worker, message in self._received(0 if outcomes else timeout):
            try:
                outcomes += self._bury(worker) if message is None else self._take(worker, *message)
            except SearchError as error:
                self._failure = self._failure or error
        if self._failure is not None and not outcomes:
            raise self._failure
        return outcomes  # before the failure is raised: a period that is done is not trained again

    def _replenish(self) -> None:
        """Start a worker for each place without one."""
        # One pause for all workers: a cause that keeps one from starting (a full disk, no memory) keeps the others,
        # too.
        if time.monotonic() >= self._next_start:
            taken = {worker.index for worker in self._workers}
            for index in sorted(set(range(self.workers)) - taken):
                self._workers.append(self._new_worker(index))

    def _let_go(self, worker: W) -> None:
        """End a worker; another one takes its place."""
        self._workers.remove(worker)
        worker.kill()

    def _take(self, worker: W, head: Mapping[str, Any], state: bytes) -> list[Outcome]:
        if "refused" in head:
            raise UsageError(head["refused"])
        if "failed" in head:
            if self._numerics is None:
                raise WorkerError(head["failed"])
            # Others came up: the memory that this one lacked, say, may be there the next time.
            self._let_go(worker)
            self._start_failed(head["failed"])
            return []
        if "numerics" in head:
            self._failed_starts = 0  # of all, though one came up: the machine can start workers
            if self._numerics is None:
                self._numerics, self._first = head["numerics"], worker.name
            if changed_checks(head["numerics"], self._numerics):
                rows = differences(self._numerics, head["numerics"])
                listed = "; ".join(
                    f"{name} {here} on {self._first}, {there} on {worker.name}" for name, here, there in rows
                )
                raise WorkerError(
                    f"{worker.name} computes different floating-point results from {self._first}, so it cannot take "
                    f"part: {listed}."
                )
            worker.is_ready = True
            return []
        running, worker.running = worker.running, None
        if running is None:
            return []
        report = Report.from_json(head["report"]) if "report" in head else None
        if report is None or report.end == "out_of_memory":
            self._renew(worker)
        if report is not None:
            report = replace(report, worker=worker.index, started=running.started)
            return [Done(job=running.job, report=report, state=state)]
        return [Failed(job=running.job, cause=head["cause"], reason=head["reason"])]

    def _start_failed(self, sentence: str) -> None:
        """Wait longer before the next start; WorkerError with the reason if too many have failed."""
        self._failed_starts += 1
        if self._failed_starts >= MAX_STARTS * self.workers:
            raise WorkerError(sentence)
        self._next_start = time.monotonic() + min(MAX_BACK_OFF, 0.1 * 2.0 ** min(self._failed_starts, 10))
