"""Worker processes on this machine, one thread each, connected by pipes."""

from __future__ import annotations

import queue
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from search.errors import SearchError, UsageError, WorkerError
from search.executors.fleet import MAX_START, Fleet
from search.executors.local import oom
from search.executors.local.worker_process import Inbox, WorkerProcess
from search.executors.protocol import Done, Job, Lost, Outcome, Raised
from search.files import open_to_append
from search.trainer_api import Report, TrainerSpec

CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT}
"""Signals that a process brings upon itself; any other came from outside, and says nothing about the trial."""


class LocalExecutor(Fleet[WorkerProcess]):
    """A fixed number of worker processes, each with one job at a time; one that dies is replaced, with back-off."""

    def __init__(self, spec: TrainerSpec, workers: int, log: Path) -> None:
        """Start nothing yet.

        Raises:
            UsageError: there is to be no worker.
        """
        super().__init__(workers)
        self._spec = spec
        self._log_file = log
        self._log: IO[bytes] | None = None
        self._leaving: list[WorkerProcess] = []
        self._inbox: Inbox = queue.Queue()

    def start(self) -> Mapping[str, Any]:
        """Start all workers and return as soon as the first one greets; the others join when they are ready."""
        self._log = open_to_append(self._log_file)
        # The first greeting is enough: a study's numerics are those of any worker, and of each that joins later the
        # canary is compared with it. Waiting for all would cost as long as the slowest start.
        while self._numerics is None:
            self._replenish()
            self._end_stalled()
            self._receive(1.0)
        return self._numerics

    def idle(self) -> int:
        return sum(worker.is_idle for worker in self._workers)

    def submit(self, job: Job) -> None:
        next(worker for worker in self._workers if worker.is_idle).give(job)

    def wait(self, timeout: float) -> list[Outcome]:
        if self._failure is not None:
            raise self._failure
        self._replenish()
        self._end_stalled()
        # Waits for the first outcome, then takes all others that are there: those that arrived together are returned
        # together.
        outcomes: list[Outcome] = []
        while True:
            try:
                outcomes += self._receive(timeout)
            except SearchError as error:
                self._failure = self._failure or error
            if self._inbox.empty():
                break
            timeout = 0
        if self._failure is not None and not outcomes:
            raise self._failure
        return outcomes  # before the failure is raised: a period that is done is not trained again

    def stop(self) -> None:
        ending = [*self._workers, *self._leaving]
        for worker in ending:  # all are killed before any is waited for
            worker.kill()
        for worker in ending:
            worker.end()
        self._workers.clear()
        self._leaving.clear()
        if self._log is not None:
            self._log.close()

    def _new_worker(self, index: int) -> WorkerProcess:
        try:
            return WorkerProcess(index, self._spec, self._log, self._inbox)
        except OSError as error:
            raise WorkerError(f"A worker process cannot be started: {error.strerror}.") from error

    def _end_stalled(self) -> None:
        for worker in self._workers:
            if worker.is_stalled(MAX_START):
                worker.kill()

    def _receive(self, timeout: float) -> list[Outcome]:
        try:
            worker, message = self._inbox.get(timeout=timeout) if timeout else self._inbox.get_nowait()
        except queue.Empty:
            return []
        if message is None:
            return self._bury(worker)
        return self._take(worker, *message)

    def _take(self, worker: WorkerProcess, head: dict[str, Any], body: bytes) -> list[Outcome]:
        if "refused" in head:
            raise UsageError(head["refused"])
        if "failed" in head:
            self._cannot_start(worker, f"A worker cannot start: {head['failed']}")
            return []
        if "numerics" in head:
            self._greet(worker, head["numerics"])
            return []
        ended, worker.running = worker.running, None
        if ended is None:
            return []
        if "raised" in head:
            self._let_go(worker)  # the exception may have spoilt its process, as CUDA's do
            return [Raised(job=ended.job, error=head["raised"])]
        report = Report.from_json(head["report"])
        if report.end == "out_of_memory":
            self._let_go(worker)  # its process may keep what the trial took
        return [Done(job=ended.job, report=replace(report, worker=worker.index, started=ended.started), state=body)]

    def _let_go(self, worker: WorkerProcess) -> None:
        """End a worker's process; another will take its place."""
        self._workers.remove(worker)
        self._leaving.append(worker)
        worker.kill()

    def _greet(self, worker: WorkerProcess, numerics: Mapping[str, Any]) -> None:
        sentence = "Two workers of this machine compute different floating-point results; see `mnist-bench doctor`."
        self._greeted(numerics, lambda first: sentence)
        worker.numerics = numerics

    def _bury(self, worker: WorkerProcess) -> list[Outcome]:
        ended, is_stalled = worker.running, worker.is_stalled(MAX_START)
        code = worker.end()
        if worker in self._leaving:
            self._leaving.remove(worker)
            return []  # it was ended on purpose, and what it had under way has been reported
        self._workers.remove(worker)
        if worker.numerics is None:
            self._start_failed(f"Workers end before they are ready ({ending(code)}); see {self._log_file}.")
        if ended is None:
            return []
        if is_stalled:
            silence = f"no progress in {ended.job.stall_seconds:.0f} s"
            return [Lost(job=ended.job, reason=silence, cause="stalled")]
        return [outcome_of_end(ended.job, code, ended.oom_kills, "The worker")]


def outcome_of_end(job: Job, code: int, oom_kills: int, process: str) -> Outcome:
    """Return what the end of the process that did a job shows about the job.

    Args:
        job: the only one of the process.
        code: its exit code.
        oom_kills: processes that had been killed for lack of memory when the job began.
        process: what ended, in words: "The worker".
    """
    if -code in CRASHES:
        return Raised(job=job, error=f"{process} ended by {ending(code)}.")
    # SIGKILL does not say who sent it. The kernel counts its own; that of another process in the same group may be
    # among them, so it takes two such ends to make it the trial's (`search.driver.retry_policy`).
    if code == -signal.SIGKILL and oom.kills() > oom_kills:
        return Lost(job=job, reason="out of memory", cause="out_of_memory")
    return Lost(job=job, reason=ending(code))


def ending(code: int) -> str:
    """Return how a process ended, by its exit code: "SIGKILL", "exit code 3"."""
    return _signal_name(-code) if code < 0 else f"exit code {code}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # Python names the first and the last of the real-time signals alone
        return f"signal {number}"
