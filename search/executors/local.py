"""Worker processes on this machine, one thread each, spoken to over pipes."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from search import oom
from search.errors import UsageError, WorkerError
from search.executors.frames import read_frame, write_frame
from search.executors.protocol import Done, Job, Lost, Outcome, Raised
from search.trainer import Report, TrainerSpec

CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT}
"""Signals that a process brings upon itself; any other came from outside."""
LONGEST_BACK_OFF = 10.0
"""Seconds between the restarts of a worker that does not come up."""
MOST_STARTS = 5
"""Starts in a row without a greeting, for each worker, before the search gives up."""
LONGEST_START = 600.0
"""Seconds after which a worker that has not greeted is taken for hung."""
_ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    # glibc gives large arrays back after every step and faults them in again: 4 to 13 % of a step's time, measured.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(8 * 2**30),
}

_Message = tuple[dict[str, Any], bytes] | None


class _Worker:
    """One process, from its start to its end."""

    def __init__(
        self, index: int, spec: TrainerSpec, log: IO[bytes], inbox: queue.Queue[tuple[_Worker, _Message]]
    ) -> None:
        self.index = index
        """Its place among the executor's workers; a replacement takes over that of the one it replaces."""
        self.numerics: Mapping[str, Any] | None = None
        self.job: Job | None = None
        self.since = time.monotonic()
        """When the job, or the start, began: a time to measure from."""
        self.started = 0.0
        """When the job began, in seconds since 1970: a time to show."""
        self.ended: float | None = None
        """When the process closed its pipe, by the clock of `since`."""
        self.oom_kills = 0
        """Processes that had been killed for lack of memory when the job began."""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "search.executors.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **_ENVIRONMENT},
            start_new_session=True,  # Ctrl-C is for the driver alone
        )
        self._send({"factory": spec.factory, "options": dict(spec.options)})
        self._reader = threading.Thread(target=self._read_all, args=(inbox,), daemon=True)
        self._reader.start()

    @property
    def is_idle(self) -> bool:
        return self.numerics is not None and self.job is None

    def give(self, job: Job) -> None:
        self.job, self.since, self.started = job, time.monotonic(), time.time()
        self.oom_kills = oom.kills()
        head = {"config": dict(job.config), "seed": job.seed, "period": job.period, "has_state": job.state is not None}
        # In a thread of its own: a worker that has stopped reading must not hold up the driver.
        threading.Thread(target=self._send, args=(head, job.state or b""), daemon=True).start()

    def kill(self) -> None:
        self._process.kill()

    def is_stalled(self) -> bool:
        limit = LONGEST_START if self.numerics is None else self.job.stall_seconds if self.job else float("inf")
        return (self.ended or time.monotonic()) - self.since > limit

    def end(self) -> int:
        """Return the exit code of a process whose pipe has closed, waiting for it."""
        code = self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                _close(stream)
        return code

    def _send(self, head: dict[str, Any], body: bytes = b"") -> None:
        try:
            write_frame(cast(BinaryIO, self._process.stdin), head, body)
        except OSError:
            self._process.kill()  # it is gone or going; the reading thread reports its end

    def _read_all(self, inbox: queue.Queue[tuple[_Worker, _Message]]) -> None:
        stream = cast(BinaryIO, self._process.stdout)
        try:
            while (message := read_frame(stream)) is not None:
                inbox.put((self, message))
        finally:
            self.ended = time.monotonic()  # a driver that was held up must not take a death long ago for a hang
            self._process.kill()  # nothing more can come from it, whatever it thinks
            inbox.put((self, None))


class LocalExecutor:
    """A fixed number of worker processes; one that dies is replaced, with back-off."""

    def __init__(self, spec: TrainerSpec, workers: int, log: Path) -> None:
        self._spec = spec
        self._count = workers
        self._log = log.open("ab")
        self._workers: list[_Worker] = []
        self._leaving: list[_Worker] = []
        self._inbox: queue.Queue[tuple[_Worker, _Message]] = queue.Queue()
        self._numerics: Mapping[str, Any] | None = None
        self._failed_starts = 0
        self._next_start = 0.0

    @property
    def workers(self) -> int:
        """See `Executor.workers`."""
        return self._count

    def start(self) -> Mapping[str, Any]:
        """Start all workers and return as soon as the first one greets; the others join when they are ready."""
        while self._numerics is None:
            self._replenish()
            self._end_stalled()
            self._receive(1.0)
        return self._numerics

    def idle(self) -> int:
        """See `Executor.idle`."""
        return sum(worker.is_idle for worker in self._workers)

    def submit(self, job: Job) -> None:
        """See `Executor.submit`."""
        next(worker for worker in self._workers if worker.is_idle).give(job)

    def wait(self, timeout: float) -> list[Outcome]:
        """See `Executor.wait`."""
        self._replenish()
        self._end_stalled()
        outcomes = self._receive(timeout)
        while not self._inbox.empty():
            outcomes += self._receive(0)
        return outcomes

    def stop(self) -> None:
        """See `Executor.stop`."""
        ending = [*self._workers, *self._leaving]
        for worker in ending:
            worker.kill()
        for worker in ending:
            worker.end()
        self._workers.clear()
        self._leaving.clear()
        self._log.close()

    def _replenish(self) -> None:
        while len(self._workers) < self._count and time.monotonic() >= self._next_start:
            index = min(set(range(self._count)) - {worker.index for worker in self._workers})
            self._workers.append(_Worker(index, self._spec, self._log, self._inbox))

    def _end_stalled(self) -> None:
        for worker in self._workers:
            if worker.is_stalled():
                worker.kill()

    def _receive(self, timeout: float) -> list[Outcome]:
        try:
            worker, message = self._inbox.get(timeout=timeout) if timeout else self._inbox.get_nowait()
        except queue.Empty:
            return []
        if message is None:
            return self._bury(worker)
        return self._take(worker, *message)

    def _take(self, worker: _Worker, head: dict[str, Any], body: bytes) -> list[Outcome]:
        if "refused" in head:
            raise UsageError(head["refused"])
        if "failed" in head:
            raise WorkerError(f"A worker cannot start: {head['failed']}")
        if "numerics" in head:
            self._greet(worker, head["numerics"])
            return []
        job, worker.job = worker.job, None
        if job is None:
            return []
        if "raised" in head:
            self._workers.remove(worker)  # an exception may have spoilt its process, as CUDA's do
            self._leaving.append(worker)
            worker.kill()
            return [Raised(job=job, error=head["raised"])]
        report = replace(Report(**head["report"]), worker=worker.index, started=worker.started)
        return [Done(job=job, report=report, state=body)]

    def _greet(self, worker: _Worker, numerics: Mapping[str, Any]) -> None:
        worker.numerics = numerics
        self._failed_starts = 0
        if self._numerics is None:
            self._numerics = numerics
        elif numerics["canary"] != self._numerics["canary"]:
            raise WorkerError("Two workers of this machine train to different bits; see `mnist-bench doctor`.")

    def _bury(self, worker: _Worker) -> list[Outcome]:
        stalled, code = worker.is_stalled(), worker.end()
        if worker in self._leaving:
            self._leaving.remove(worker)
            return []
        if worker not in self._workers:
            return []
        self._workers.remove(worker)
        if worker.numerics is None:
            self._count_failed_start(code)
        if worker.job is None:
            return []
        return [_death(worker.job, code, stalled, starved=oom.kills() > worker.oom_kills)]

    def _count_failed_start(self, code: int) -> None:
        self._failed_starts += 1
        if self._failed_starts >= MOST_STARTS * self._count:
            raise WorkerError(f"Workers end before they are ready ({_ending(code)}); see {self._log.name}.")
        self._next_start = time.monotonic() + min(LONGEST_BACK_OFF, 0.1 * 2.0**self._failed_starts)


def _death(job: Job, code: int, stalled: bool, starved: bool) -> Outcome:
    if stalled:
        return Lost(job=job, reason=f"no progress in {job.stall_seconds:.0f} s", cause="stalled")
    if code < 0 and signal.Signals(-code) in CRASHES:
        return Raised(job=job, error=f"The worker ended by {_ending(code)}.")
    if starved and code == -signal.SIGKILL:
        return Lost(job=job, reason="out of memory", cause="out_of_memory")
    return Lost(job=job, reason=_ending(code))


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _close(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except OSError:
        return  # what was buffered for a dead process is of no use
