"""The processes of an objective as the driver sees them: the nursery that forks, its children, and what they print."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from search.errors import UsageError, WorkerError
from search.executors.local import ENVIRONMENT
from search.executors.processes import receive, send
from search.objectives.objective import Objective
from search.objectives.process import exit_code, nursery
from search.system import KILLED, below, loaded_libraries, needs_posix

UNKNOWN = KILLED
"""The exit code of a child whose nursery is gone: it was ended from outside, as far as anyone knows."""
THREADED = ("libgomp", "libiomp", "libomp", "openblas")
"""Names of libraries that keep threads: OpenMP of GNU, Intel and LLVM, and what NumPy and SciPy compute with."""
SETTERS = ("omp_set_num_threads", "openblas_set_num_threads", "scipy_openblas_set_num_threads64_")
"""Functions of theirs that set the number of threads."""
LIMIT = 1_000_000  # bytes of output that are kept from the beginning, and as many from the end
_CHUNK = 1 << 16


class Output:
    """A pipe that the processes of a trial print into, and what was read from it.

    The beginning is written to the log at once; the end is held back until the processes have ended, as it is known
    only then.
    """

    def __init__(self, log: int, whose: str) -> None:
        """Make the pipe; `log` is the descriptor of a file that is only appended to, `whose` goes into its line."""
        self._log = log
        self._whose = whose
        reading, self.writing = os.pipe()
        self._reading = os.fdopen(reading, "rb", buffering=0)
        self._room = LIMIT  # bytes that are still written at once
        self._last = bytearray()
        self._cut = 0
        needs_posix()
        os.set_blocking(reading, False)

    def fileno(self) -> int:
        """Return the descriptor to read from, so that a selector takes this object."""
        return self._reading.fileno()

    def copy(self) -> bool:
        """Take what is there, without waiting; return whether more may come."""
        data = self._reading.read(_CHUNK)
        if data is None:
            return True
        self._write(data[: self._room])
        self._last += data[self._room :]
        self._room -= min(self._room, len(data))
        self._cut_to(2 * LIMIT)
        return bool(data)

    def _cut_to(self, most: int) -> None:
        """Keep the last LIMIT bytes if there are more than `most`: to cut them each time would take long."""
        if len(self._last) > most:
            excess = len(self._last) - LIMIT
            self._cut += excess
            del self._last[:excess]

    def finish(self) -> None:
        """Write the end, after the processes have ended or were killed, and close the pipe."""
        # At most what a pipe holds: a process that escaped may write on.
        for _ in range((1 << 20) // _CHUNK):
            if not self.copy():
                break
        self._cut_to(LIMIT)
        if self._cut:
            self._write(f"\n[{self._cut:,} bytes of the output of {self._whose} are cut here]\n".encode())
        self._write(self._last)
        self._reading.close()

    def _write(self, data: bytes | bytearray) -> None:
        with suppress(OSError):  # a full disk: the search fails by itself if it cannot write its events
            os.write(self._log, data)


class Child:
    """One child, and the driver's ends of its socket and of what it prints."""

    def __init__(self, pid: int, end: socket.socket, output: Output, forks: Forks) -> None:
        self.end = end
        self.output = output
        self.forks = forks
        self._pid = pid

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message; if the child is gone, its closed socket tells."""
        with suppress(OSError):
            send(self.end, message)

    def kill(self) -> None:
        """End it at once, and all processes that it has started; its socket then closes."""
        _kill(self._pid, *below(self._pid))

    def exit_code(self) -> int:
        """Return the exit code after its socket has closed, waiting for its end."""
        self.end.close()
        _kill(self._pid)  # it may have closed its socket alone
        code = self.forks.exit_code(self._pid)
        if code:  # else it has ended what it had started
            _kill(*below(self._pid))
        self.output.finish()
        return code


def _kill(*pids: int) -> None:
    needs_posix()
    for pid in pids:
        with suppress(OSError):  # it has ended
            os.kill(pid, signal.SIGKILL)


class Forks:
    """A nursery: it loads the objective by its name or, if no other process can, is a copy of this one."""

    def __init__(self, objective: Objective, metric: str, log: int) -> None:
        """Start nothing yet; `log` gets what the objective prints while it is loaded."""
        self._objective = objective
        self._metric = metric
        self._log = log
        self._end: socket.socket
        self._pid = 0
        self._wait: Callable[[], int] | None = None
        self.takes_trial = False  # whether the objective is written for Optuna, known once it is loaded

    def start(self) -> bool:
        """Load the objective and return whether it may make several reports.

        UsageError: it cannot be loaded. WorkerError: the process that is to load it ended.
        """
        self._end, theirs = socket.socketpair()
        with theirs:
            if self._objective.call is None:
                self._load(theirs)
            else:
                self._copy(self._objective.call, theirs)
        if (message := receive(self._end)) is None:
            raise WorkerError(f"The process that loads the objective ended with exit code {self.stop()}.")
        if "refused" in message[0]:
            raise UsageError(message[0]["refused"])
        self.takes_trial = bool(message[0]["trial"])
        return self.takes_trial or bool(message[0]["generator"])

    def fork(self, output: Output) -> Child:
        """Return a new child that prints into `output`, whose end to write to is then closed here; WorkerError if none
        can be made. A nursery that was killed is replaced."""
        child = self._forked(output)
        if child is None:
            self.stop()
            self.start()
            child = self._forked(output)
        os.close(output.writing)
        if child is None:
            raise WorkerError("The process that loads the objective ends before it forks.")
        return child

    def exit_code(self, pid: int) -> int:
        """Wait for the end of a child, and return its exit code."""
        with suppress(OSError):
            send(self._end, {"wait": pid})
            if (message := receive(self._end)) is not None:
                return int(message[0]["code"])
        return UNKNOWN

    def stop(self) -> int:
        """End the nursery, and return its exit code; children are ended by themselves."""
        if self._wait is None:
            return 0
        self._end.close()
        _kill(self._pid)
        wait, self._wait = self._wait, None
        return wait()

    def _forked(self, output: Output) -> Child | None:
        needs_posix()
        ours, theirs = socket.socketpair()
        with theirs, suppress(OSError):
            send(self._end, {"fork": True})
            socket.send_fds(self._end, [b"."], [theirs.fileno(), output.writing])
            if (message := receive(self._end)) is not None:
                return Child(message[0]["pid"], ours, output, self)
        ours.close()
        return None

    def _load(self, theirs: socket.socket) -> None:
        path = os.pathsep.join(folder or os.getcwd() for folder in sys.path)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "search.objectives.process"],
            stdin=theirs.fileno(),
            stdout=self._log,
            stderr=self._log,
            # The order of a set of texts is the same in every process; threads, because two workers shall compute as
            # one does. A user's own number of threads stands.
            env={**ENVIRONMENT, "PYTHONHASHSEED": "0", **os.environ, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for the driver alone
        )
        self._pid, self._wait = process.pid, process.wait
        with suppress(OSError):  # it has ended
            send(self._end, {**self._objective.task, "objective": self._metric})

    def _copy(self, call: Callable[..., Any], theirs: socket.socket) -> None:
        needs_posix()
        with warnings.catch_warnings():
            # From Python 3.12 on it warns of other threads, such as a notebook's. The copy uses nothing of theirs.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        self._pid, self._wait = pid, lambda: exit_code(pid)
        if pid:
            return
        try:
            self._end.close()
            os.setsid()
            for stream in (1, 2):
                os.dup2(self._log, stream)
            # A notebook's streams belong to threads that this process does not have.
            sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8", closefd=False)
            sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", closefd=False)
            _compute_with_one_thread()
            nursery(call, theirs)
        finally:
            os._exit(1)


def _compute_with_one_thread() -> None:
    """Let all libraries compute with one thread, those that are loaded, too.

    OpenMP's other threads are not in a forked process, and a library that waits for them never returns.
    """
    os.environ.update(ENVIRONMENT)
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)
    for path in loaded_libraries():
        if any(name in os.path.basename(path) for name in THREADED):
            library = ctypes.CDLL(path)
            for setter in SETTERS:
                if (set_threads := getattr(library, setter, None)) is not None:
                    set_threads(1)
