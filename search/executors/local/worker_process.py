"""A worker process as its driver sees it: its pipes, its job, and how it ends."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO, cast

from search.executors.local import oom
from search.executors.local.wire import read_frame, write_frame
from search.executors.protocol import Job
from search.trainer_api import TrainerSpec

ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    # glibc gives large arrays back after every step and faults them in again: 4 to 13% of a step's time, measured.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(8 * 2**30),
}
"""Environment variables of worker processes: one thread each."""

Message = tuple[dict[str, Any], bytes] | None
"""A message of a worker; None when its pipe has closed."""
Inbox = queue.Queue[tuple["WorkerProcess", Message]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """A job under way."""

    job: Job
    since: float = field(default_factory=time.monotonic)
    """When it was given: a time to measure from."""
    started: float = field(default_factory=time.time)
    """When it was given, in seconds since 1970: a time to show."""
    oom_kills: int = field(default_factory=oom.kills)
    """Processes that had been killed for lack of memory by then."""


class WorkerProcess:
    """One process, from its start to its end."""

    def __init__(self, index: int, spec: TrainerSpec, log: IO[bytes] | None, inbox: Inbox) -> None:
        self.index = index
        """Its place among the executor's workers; a replacement takes over that of the one it replaces."""
        self.numerics: Mapping[str, Any] | None = None
        """None before it has greeted."""
        self.running: Running | None = None
        self._since = time.monotonic()
        self._ended: float | None = None
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "search.executors.local.worker"],  # -P: no module of the working folder's
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
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
    def is_idle(self) -> bool:
        """Whether it takes a job."""
        return self.numerics is not None and self.running is None

    def is_stalled(self, longest_start: float) -> bool:
        """Return whether it took more than `longest_start` seconds to greet, or its job more than it may."""
        # Until now, or until its pipe closed: a driver that was held up must not take a death long ago for a hang.
        latest = self._ended or time.monotonic()
        if self.numerics is None:
            return latest - self._since > longest_start
        return self.running is not None and latest - self.running.since > self.running.job.stall_seconds

    def give(self, job: Job) -> None:
        """Let it train a job."""
        self.running = Running(job=job)
        head = {"config": dict(job.config), "seed": job.seed, "period": job.period}
        self._outbox.put(({**head, "has_state": job.state is not None}, job.state or b""))

    def kill(self) -> None:
        """End it at once; its pipe then closes."""
        self._process.kill()

    def end(self) -> int:
        """Return the exit code of a process whose pipe has closed, waiting for it."""
        code = self._process.wait()
        self._reader.join()
        self._outbox.put(None)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                _close(stream)
        return code

    def _write_all(self) -> None:
        try:
            while (message := self._outbox.get()) is not None:
                write_frame(cast(BinaryIO, self._process.stdin), *message)
        except (OSError, ValueError):
            return  # it is gone or going
        finally:
            # Whatever kept a message from it, it would wait for that one for ever; the reading thread reports its end.
            self._process.kill()

    def _read_all(self, inbox: Inbox) -> None:
        stream = cast(BinaryIO, self._process.stdout)
        try:
            while (message := read_frame(stream)) is not None:
                inbox.put((self, message))
        finally:
            self._ended = time.monotonic()
            self._process.kill()  # nothing more can come from it, whatever it thinks
            inbox.put((self, None))


def _close(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except OSError:
        return  # bytes buffered for a dead process are of no use
