"""Worker processes on this machine, one thread each, connected by sockets."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from socket import socketpair
from typing import IO, Any

from search.errors import WorkerError
from search.executors.fleet import MAX_START, Fleet, Message, Worker
from search.executors.processes import ending, outcome_of_end, receive, send
from search.executors.protocol import Failed, Job, Outcome
from search.files import open_to_append
from search.trainer_api import TrainerSpec

ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    # What `n_jobs=-1` of scikit-learn counts: each trial would start processes of its own, for seconds.
    "LOKY_MAX_CPU_COUNT": "1",
    # glibc gives large arrays back after every step and faults them in again: 4 to 13% of a step's time, measured.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(8 * 2**30),
}
"""Environment variables of worker processes: one thread each."""
Inbox = queue.SimpleQueue[tuple["WorkerProcess", Message]]


class WorkerProcess(Worker):
    """One process."""

    def __init__(self, index: int, spec: TrainerSpec, log: IO[bytes] | None, inbox: Inbox) -> None:
        super().__init__(index)
        self._since = time.monotonic()
        self._ended: float | None = None
        self._socket, theirs = socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "search.executors.worker"],  # -P: no module of the working folder's
                stdin=theirs.fileno(),
                stdout=log,
                stderr=log,
                env={**os.environ, **ENVIRONMENT, **spec.environment},
                start_new_session=True,  # Ctrl-C is for the driver alone
            )
        # Written by a thread of its own: a worker that has stopped reading must not hold up the driver.
        self._outbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._outbox.put(({"factory": spec.factory, "options": dict(spec.options)}, b""))
        threading.Thread(target=self._write_all, daemon=True).start()
        self._reader = threading.Thread(target=self._read_all, args=(inbox,), daemon=True)
        self._reader.start()

    @property
    def is_stalled(self) -> bool:
        """Whether it took too long to greet, or its job longer than it may."""
        # Until now, or until its socket closed: a driver that was held up must not take a death long ago for a hang.
        latest = self._ended or time.monotonic()
        if self.running is None:
            return not self.is_ready and latest - self._since > MAX_START
        return latest - self.running.since > self.running.job.stall_seconds

    def give(self, job: Job) -> None:
        head = {"config": dict(job.config), "seed": job.seed, "period": job.period, "has_state": job.state is not None}
        self._outbox.put((head, job.state or b""))

    def kill(self) -> None:
        """End it at once; its socket then closes."""
        self._process.kill()

    def end(self) -> int:
        """Return the exit code of a process whose socket has closed, waiting for it."""
        code = self._process.wait()
        self._reader.join()
        self._outbox.put(None)
        self._socket.close()
        return code

    def _write_all(self) -> None:
        try:
            with suppress(OSError):  # it is gone or going
                while (message := self._outbox.get()) is not None:
                    send(self._socket, *message)
        finally:
            # Whatever kept a message from it, it would wait for that one for ever; the reading thread reports its end.
            self._process.kill()

    def _read_all(self, inbox: Inbox) -> None:
        try:
            while (message := receive(self._socket)) is not None:
                inbox.put((self, message))
        finally:
            self._ended = time.monotonic()
            self._process.kill()  # nothing more can come from it, whatever it thinks
            inbox.put((self, None))


class LocalExecutor(Fleet[WorkerProcess]):
    """A fixed number of worker processes, each with one job at a time; one that dies is replaced, with back-off."""

    def __init__(self, spec: TrainerSpec, workers: int, log: Path) -> None:
        """Start nothing yet; UsageError if there is to be no worker."""
        super().__init__(workers)
        self._spec = spec
        self._log_file = log
        self._log: IO[bytes] | None = None
        self._leaving: list[WorkerProcess] = []  # ended on purpose; what they had under way has been reported
        self._inbox: Inbox = queue.SimpleQueue()

    def start(self) -> Mapping[str, Any]:
        """Start all workers and return as soon as the first one greets; the others join when they are ready."""
        if self._log is None:
            self._log = open_to_append(self._log_file)
        # The first greeting is enough: a study's numerics are those of any worker, and of each that joins later the
        # numerics check is compared with it. Waiting for all would cost as long as the slowest start.
        while self._numerics is None:
            self.wait(1.0)
        return self._numerics

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

    def _received(self, timeout: float) -> list[tuple[WorkerProcess, Message]]:
        found: list[tuple[WorkerProcess, Message]] = []
        with suppress(queue.Empty):
            found.append(self._inbox.get(timeout=timeout) if timeout else self._inbox.get_nowait())
            while True:  # those that arrived together are taken together
                found.append(self._inbox.get_nowait())
        return found

    def _end_stalled(self) -> list[Outcome]:
        for worker in self._workers:
            if worker.is_stalled:
                worker.kill()
        return []

    def _let_go(self, worker: WorkerProcess) -> None:
        super()._let_go(worker)
        self._leaving.append(worker)

    _renew = _let_go

    def _bury(self, worker: WorkerProcess) -> list[Outcome]:
        running, is_stalled = worker.running, worker.is_stalled
        code = worker.end()
        if worker in self._leaving:
            self._leaving.remove(worker)
            return []
        self._workers.remove(worker)
        if not worker.is_ready:
            self._start_failed(f"Workers end before they are ready ({ending(code)}); see {self._log_file}.")
        if running is None:
            return []
        if is_stalled:
            silence = f"no progress in {running.job.stall_seconds:.0f} s"
            return [Failed(job=running.job, cause="stalled", reason=silence)]
        return [outcome_of_end(running.job, code, running.oom_kills, "The worker")]
