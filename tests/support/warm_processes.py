"""Python processes that are forked from one that has loaded PyTorch and the packages (`support.zygote`).

A process takes two seconds to load PyTorch, and a hundredth of a second to be forked. `Popen` stands in for
`subprocess.Popen`: it forks what runs the same either way, and starts anything else as ever. A test that is marked
`cold` starts all its processes as ever.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mnist_bench.numerics.kinds import PORTABLE_VARIABLES

FOLDER = "MNIST_BENCH_ZYGOTES"
"""The environment variable that names the folder of the zygotes; without it, all processes start as ever."""
ZYGOTES = ("random", "1", "random native")
"""The value of PYTHONHASHSEED for which there is a zygote; the checks of own code ask with 1. A native one has
the kernels of this processor: it lacks the variables of portable precision, which all others have."""
LONGEST = 100_000
"""Bytes of an order; a socket takes about twice as many at once."""
_OF_WORKERS = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(8 * 2**30),
    "RAY_CLIENT_MODE": "0",  # the default, which Ray writes into the environment of each process that imports it
}
"""What worker processes start with. Other processes may have it: it changes their time and nothing else."""
_READ_AT_START = (
    "PYTHON", "LD_", "OMP_", "MKL_", "OPENBLAS_", "MALLOC_", "GLIBC_", "NPY_", "ATEN_", "DNNL_", "ONEDNN_", "KMP_",
    "TORCH_", "CUDA_", "CUBLAS_", "RAY_", "LC_", "LANG", "MPL", "TERMINAL_WIDTH", "GITHUB_ACTIONS", "FORCE_COLOR",
    "PY_COLORS", "_TYPER", "COVERAGE_",
)  # fmt: skip
"""Beginnings of the variables that a process, or a library, reads once: with other values, nothing is forked."""
_SET_IN_FORK = ("PYTHONPATH", "PYTHONWARNINGS")


@dataclass(frozen=True, kw_only=True)
class Order:
    words: Sequence[str]
    """What follows the interpreter: `-m` and a module, `-c` and a program, or a file; then its arguments."""
    safe_path: bool  # whether it looks for modules neither in its folder nor next to its file
    environment: Mapping[str, str]
    folder: str
    new_session: bool
    parent: int  # the process that asks, which the fork takes for its parent


class ColdPopen(subprocess.Popen[Any]):
    """A process that ends with its block if that fails: it would be waited for, and the limit of its test is over."""

    def __exit__(self, kind: type[BaseException] | None, *what: Any) -> None:
        if kind is not None:
            self.kill()
        super().__exit__(kind, *what)


class Popen(ColdPopen):
    """A process, forked if that makes no difference to it."""

    seconds = 0.0  # processor time of all forked processes that were waited for
    _line: socket.socket | None = None  # tells the end of a forked process

    def _execute_child(self, *started: Any) -> None:
        order = _order(*started)
        if order is None:
            super()._execute_child(*started)  # type: ignore[misc]
            return
        pipes = started[10:16]
        self._line = _connect(_zygote_for(order.environment) or "")
        files = [number if file == -1 else file for number, file in enumerate((pipes[0], pipes[3], pipes[5]))]
        socket.send_fds(self._line, [json.dumps(asdict(order)).encode()], files)
        self.pid = int(self._line.recv(100))
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        if self._line is None:
            found: tuple[int, int] = super()._try_wait(wait_flags)  # type: ignore[misc]
            return found
        self._line.setblocking(not wait_flags & os.WNOHANG)
        try:
            status, seconds = self._line.recv(100).split()
        except BlockingIOError:
            return 0, 0
        self._line.close()
        Popen.seconds += float(seconds)
        return self.pid, int(status)

    def _internal_poll(self, *given: Any, **named: Any) -> int | None:
        if self._line is None:
            code: int | None = super()._internal_poll(*given, **named)  # type: ignore[misc]
            return code
        lock: Any = self._waitpid_lock  # type: ignore[attr-defined]
        if lock.acquire(blocking=False):  # else another thread waits for it
            try:
                if self.returncode is None and (ended := self._try_wait(os.WNOHANG))[0]:
                    self._handle_exitstatus(ended[1])  # type: ignore[attr-defined]
            finally:
                lock.release()
        return self.returncode


@contextmanager
def zygotes() -> Iterator[None]:
    """Let processes be forked within the block, in this process and in those that it starts."""
    with TemporaryDirectory(prefix="mnist-bench-zygotes-") as folder:
        started = [_zygote(folder, name) for name in ZYGOTES]
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]
            for process in started:
                process.communicate()  # it ends when its standard input closes


def without_variables() -> dict[str, str]:
    """Return the environment of a process that computes with the kernels of this processor, in bf16 or fp32."""
    return {name: value for name, value in os.environ.items() if name not in PORTABLE_VARIABLES}


def _zygote(folder: str, name: str) -> subprocess.Popen[bytes]:
    """Start a zygote with its door, so that nobody comes before there is one; keep its environment in a file."""
    from support.paths import ROOT

    seed, *native = name.split()
    environment = {**(without_variables() if native else os.environ), **_OF_WORKERS, "PYTHONHASHSEED": seed}
    del environment["PYTHONPATH"]
    Path(folder, f"{name}.json").write_text(json.dumps(environment))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.bind(str(Path(folder, name)))
        door.listen(100)
        command = [sys.executable, "-P", str(Path(__file__).with_name("zygote.py")), str(door.fileno())]
        return subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, cwd=ROOT, pass_fds=[door.fileno()])


@contextmanager
def forking(wanted: bool) -> Iterator[None]:
    """Let this process fork what it starts within the block, or not."""
    before, subprocess.Popen = subprocess.Popen, Popen if wanted else ColdPopen  # type: ignore[misc]
    try:
        yield
    finally:
        subprocess.Popen = before  # type: ignore[misc]


@contextmanager
def variables_put_back() -> Iterator[None]:
    """Put back after the block the variables for which nothing is forked: some libraries write them when imported."""
    before = _read_at_start(os.environ)
    try:
        yield
    finally:
        for name in _read_at_start(os.environ).keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def _read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_READ_AT_START)}


def _order(args: Any, executable: Any, preexec_fn: Any, close_fds: Any, pass_fds: Any, cwd: Any, env: Any, _info: Any,
           _flags: Any, shell: Any, *more: Any) -> Order | None:  # fmt: skip
    """Return what to fork; None if it is no Python program, or would notice."""
    restore_signals, gid, gids, uid, umask, new_session, group = more[6:]
    asked = (executable, preexec_fn, gid, gids, uid, tuple(pass_fds), shell, umask, group)
    if asked != (None, None, None, None, None, (), False, -1, -1) or not (close_fds and restore_signals):
        return None
    environment = {
        os.fsdecode(name): os.fsdecode(value) for name, value in (os.environ if env is None else env).items()
    }
    words = [] if isinstance(args, str | bytes | os.PathLike) else [os.fsdecode(word) for word in args]
    if FOLDER not in environment or FOLDER not in os.environ or _zygote_for(environment) is None:
        return None
    program = _python(words)
    if program is None:
        return None
    safe_path = program[0] == "-P"
    order = Order(
        words=program[safe_path:], safe_path=safe_path, environment=environment,
        folder=os.path.abspath(os.fsdecode(cwd or ".")), new_session=bool(new_session), parent=os.getpid(),
    )  # fmt: skip
    is_known = order.words and (order.words[0] in ("-m", "-c") or not order.words[0].startswith("-"))
    return order if is_known and os.path.isdir(order.folder) and len(json.dumps(asdict(order))) < LONGEST else None


def _zygote_for(environment: Mapping[str, str]) -> str | None:
    """Return the name of the zygote in which a process with this environment may begin; None if there is none."""
    for name in ZYGOTES:
        theirs = _environment(os.environ[FOLDER], name)
        ours = {**_OF_WORKERS, "PYTHONHASHSEED": "random", **environment}
        names = {*_read_at_start(ours), *_read_at_start(theirs)} - {*_SET_IN_FORK}
        if all(ours.get(each) == theirs.get(each) for each in names):
            return name
    return None


@cache
def _environment(folder: str, name: str) -> Mapping[str, str]:
    found: dict[str, str] = json.loads(Path(folder, f"{name}.json").read_text())
    return found


def _python(words: Sequence[str]) -> Sequence[str] | None:
    """Return what Python is given in a command line, None if it runs another program."""
    if not words:
        return None
    if words[0] == sys.executable:
        return words[1:]
    return words if _is_script(words[0]) else None


@cache
def _is_script(program: str) -> bool:
    """Return whether a program is a file that names this Python in its first line."""
    try:
        with open(program, "rb") as file:
            return file.readline().strip() == b"#!" + os.fsencode(sys.executable)
    except OSError:
        return False


def _connect(zygote: str) -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    line.connect(str(Path(os.environ[FOLDER], zygote)))
    return line
