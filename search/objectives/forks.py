"""Child processes of an objective as the driver sees them, and where they are forked: here, or in a process for it."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Protocol

from search.errors import UsageError, WorkerError
from search.executors.local import ENVIRONMENT
from search.objectives.child import below, is_generator
from search.objectives.lines import Lines, Message
from search.objectives.nursery import exit_code, in_child, print_into
from search.objectives.objective import Objective
from search.objectives.output import Output

UNKNOWN = -signal.SIGKILL
"""The exit code of a child whose parent is gone: it was ended from outside, as far as anyone knows."""

THREADED = ("libgomp", "libiomp", "libomp", "openblas")
"""Names of libraries that keep threads: OpenMP of GNU, Intel and LLVM, and what NumPy and SciPy compute with."""
SETTERS = ("omp_set_num_threads", "openblas_set_num_threads", "scipy_openblas_set_num_threads64_")
"""Functions of theirs that set the number of threads."""


class Forks(Protocol):
    """Makes child processes that call an objective."""

    def start(self) -> bool:
        """Load the objective and return whether it makes a generator of reports.

        Raises:
            UsageError: it cannot be loaded.
            WorkerError: the process that is to load it ended.
        """
        ...

    def fork(self, output: Output) -> Child:
        """Return a new child that prints into `output`, whose end to write to is then closed here.

        Raises:
            WorkerError: none can be made.
        """
        ...

    def exit_code(self, pid: int) -> int:
        """Wait for the end of a child whose socket has closed, and return its exit code."""
        ...

    def stop(self) -> None:
        """End the process that forks, if there is one; children are ended by themselves."""
        ...


class Child:
    """One child process, and the driver's ends of its socket and of what it prints."""

    def __init__(self, pid: int, lines: Lines, output: Output, forks: Forks) -> None:
        self.pid = pid
        self.lines = lines
        self.output = output
        self.groups: set[int] = set()
        """Process groups that it has started and that end with it: those of a program."""
        self._forks = forks

    def send(self, message: Message) -> None:
        """Send a message; if the child is gone, its closed socket tells."""
        try:
            self.lines.send(message)
        except OSError:
            return

    def kill(self) -> None:
        """End it at once, and all processes that it has started; its socket then closes."""
        for pid in (self.pid, *below(self.pid)):
            with suppress(OSError):  # it has ended
                os.kill(pid, signal.SIGKILL)  # a child that was just forked leads no group yet
        self._kill_groups()

    def exit_code(self) -> int:
        """Return the exit code after its socket has closed, waiting for its end."""
        self.lines.close()
        self._kill_groups()  # it may have been killed alone
        code = self._forks.exit_code(self.pid)
        self.output.finish()
        return code

    def _kill_groups(self) -> None:
        for group in (self.pid, *self.groups):
            with suppress(OSError):  # it has ended
                os.killpg(group, signal.SIGKILL)


class NurseryForks:
    """Forks children in a process that loads the objective by its name."""

    def __init__(self, objective: Objective, metric: str, log: IO[bytes] | int) -> None:
        """Start nothing yet; `log` gets what the objective prints while it is loaded."""
        self._task = {**objective.task, "objective": metric}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: Lines | None = None

    def start(self) -> bool:
        """See `Forks.start`."""
        ours, theirs = socket.socketpair()
        path = os.pathsep.join(folder or os.getcwd() for folder in sys.path)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 (a module of ours)
                [sys.executable, "-P", "-m", "search.objectives.nursery", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=[theirs.fileno()],
                # The order of a set of texts is the same in every process; threads, because two workers shall compute
                # as one does. A user's own number of threads stands.
                env={**ENVIRONMENT, "PYTHONHASHSEED": "0", **os.environ, "PYTHONPATH": path},
                start_new_session=True,  # Ctrl-C is for the driver alone
            )
        self._lines = Lines(ours)
        self._lines.send(self._task)
        answer = self._lines.next()
        if answer is None:
            raise WorkerError(f"The process that loads the objective ended with exit code {self._process.wait()}.")
        if "refused" in answer:
            raise UsageError(answer["refused"])
        return bool(answer["generator"])

    def fork(self, output: Output) -> Child:
        """See `Forks.fork`; a process that has ended is replaced."""
        answer = self._asked(output)
        if answer is None:
            self.stop()
            self.start()
            answer = self._asked(output)
        os.close(output.writing)
        if answer is None:
            raise WorkerError("The process that loads the objective ends before it forks.")
        return Child(answer["pid"], answer["lines"], output, self)

    def _asked(self, output: Output) -> Message | None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._open().socket, [b"{}"], [theirs.fileno(), output.writing])
                answer = self._open().next()
            except OSError:
                answer = None
        if answer is None:
            ours.close()
            return None
        return {**answer, "lines": Lines(ours)}

    def exit_code(self, pid: int) -> int:
        """See `Forks.exit_code`."""
        try:
            self._open().send({"wait": pid})
            answer = self._open().next()
        except OSError:
            answer = None
        return UNKNOWN if answer is None else int(answer["code"])

    def stop(self) -> None:
        """See `Forks.stop`."""
        if self._process is not None and self._lines is not None:
            self._lines.close()
            self._process.kill()
            self._process.wait()

    def _open(self) -> Lines:
        if self._lines is None:
            raise OSError("not started")
        return self._lines


class OwnForks:
    """Forks children of this process, for a function that no other process can load."""

    def __init__(self, call: Callable[..., Any], others: Callable[[], Iterable[Child]]) -> None:
        """`others` returns the children that are there, whose sockets and pipes a new one closes: a driver that dies
        must close the last copy."""
        self._call = call
        self._others = others

    def start(self) -> bool:
        """See `Forks.start`."""
        return is_generator(self._call)

    def fork(self, output: Output) -> Child:
        """See `Forks.fork`."""
        ours, theirs = socket.socketpair()
        with warnings.catch_warnings():
            # From Python 3.12 on it warns of other threads, such as a notebook's. The child uses nothing of theirs.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid:
            theirs.close()
            os.close(output.writing)
            return Child(pid, Lines(ours), output, self)
        ours.close()
        output.close()
        for child in self._others():
            child.lines.close()
            child.output.close()
        print_into(output.writing)
        # A notebook's streams belong to threads that this process does not have.
        sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", closefd=False)
        _compute_with_one_thread()
        in_child(self._call, theirs.detach())

    def exit_code(self, pid: int) -> int:
        """See `Forks.exit_code`."""
        return exit_code(pid)

    def stop(self) -> None:
        """See `Forks.stop`."""


def _compute_with_one_thread() -> None:
    """Let all libraries compute with one thread, those that are loaded, too.

    OpenMP's other threads are not in a forked process, and a library that waits for them never returns.
    """
    os.environ.update(ENVIRONMENT)
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)
    maps = Path("/proc/self/maps").read_text(encoding="utf-8")
    for path in {line.split(maxsplit=5)[5] for line in maps.splitlines() if ".so" in line}:
        if any(name in os.path.basename(path) for name in THREADED):
            library = ctypes.CDLL(path)
            for setter in SETTERS:
                if (set_threads := getattr(library, setter, None)) is not None:
                    set_threads(1)


def forks_of(
    objective: Objective, metric: str, log: IO[bytes] | int, others: Callable[[], Iterable[Child]]
) -> NurseryForks | OwnForks:
    """Return where the children of an objective are forked."""
    if objective.call is None:
        return NurseryForks(objective, metric, log)
    return OwnForks(objective.call, others)
