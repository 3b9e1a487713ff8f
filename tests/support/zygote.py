"""Load PyTorch, the packages and MNIST once, and fork Python processes that have them: `zygote.py DOOR`.

It listens at the socket with that number; see `support.warm_processes`. It loads when it is first asked, and ends when
its standard input closes. It only imports, so a fork begins as a process does that has just imported the same.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import importlib.machinery
import io
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import types
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
PATH = tuple(sys.path)
"""Where a process without PYTHONPATH finds modules."""
OURS = ("search", "mnist_bench", "support")
LOADED = (
    "scipy.stats", "torch", "torch._dynamo", "torch.utils.flop_counter", "optuna", "sqlalchemy.dialects.sqlite",
    "rich.live", "rich.markdown", "rich.progress", "typer.rich_utils", "mnist_bench.cli.app",
    "mnist_bench.bench", "mnist_bench.doctor.checkup", "mnist_bench.doctor.machine_checks",
    "mnist_bench.experiments.ablation",
    "mnist_bench.experiments.confirm", "mnist_bench.leaderboard.board",
    "mnist_bench.training.net_check",
    "mnist_bench.numerics.checks", "mnist_bench.searches.running",
    "mnist_bench.training.trainer",
    "search.driver.replay", "search.executors.local", "support.fake_trainer",
)  # fmt: skip
"""PyTorch loads its compiler with the first optimizer."""


def main() -> None:
    """Serve until standard input closes; in a fork, run its program and end."""
    sys.path[:0] = [str(TESTS), str(ROOT)]
    from support import warm_processes

    subprocess.Popen = warm_processes.Popen  # type: ignore[misc]  # what forks start is forked, too
    with socket.socket(fileno=int(sys.argv[1])) as door:
        Server(door).serve()


class Server:
    """Forks on request, and tells each end."""

    def __init__(self, door: socket.socket) -> None:
        self._door = door
        self._selector = selectors.DefaultSelector()
        self._selector.register(0, selectors.EVENT_READ)
        self._selector.register(door, selectors.EVENT_READ, self._take)
        self._lines: dict[int, socket.socket] = {}
        self._is_loaded = False

    def serve(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                key.data()

    def _take(self) -> None:
        line, _ = self._door.accept()
        text, files, _, _ = socket.recv_fds(line, 1_000_000, 3)
        if not text:
            line.close()
            return
        if not self._is_loaded:
            load()
            self._is_loaded = True
        pid = os.fork()
        if not pid:
            for number in {key.fd for key in self._selector.get_map().values()} - {0}:
                os.close(number)
            self._selector.close()
            for other in (line, *self._lines.values()):
                other.close()
            run(json.loads(text), files)
        for file in files:
            os.close(file)
        self._lines[pid] = line
        watched = os.pidfd_open(pid)
        self._selector.register(watched, selectors.EVENT_READ, lambda: self._bury(pid, watched))
        _tell(line, pid)

    def _bury(self, pid: int, watched: int) -> None:
        self._selector.unregister(watched)
        os.close(watched)
        _, status, used = os.wait4(pid, 0)
        with self._lines.pop(pid) as line:
            _tell(line, status, used.ru_utime + used.ru_stime)


def _tell(line: socket.socket, *numbers: float) -> None:
    try:
        line.send(" ".join(map(str, numbers)).encode())
    except OSError:
        return  # whoever asked is gone


def load() -> None:
    """Import what processes need, and unpack MNIST."""
    for name in LOADED:
        importlib.import_module(name)
    from mnist_bench.data import choice, mnist
    from support import kept

    kept.canaries()
    kept.migrations()
    kept.mnist()
    _ = mnist.load_training_set(choice.DataOptions()).data_hash
    gc.collect()
    gc.freeze()  # collections in forks need not touch, and so copy, what was there before


def run(order: Mapping[str, Any], files: list[int]) -> None:
    """Become the process that was ordered, from its first line to its end."""
    try:
        _become(order, files)
        program = _program(order)
        code = _code_of(program)
    except BaseException:  # nothing may come back into the zygote's loop
        traceback.print_exc()
        code = 1
    _end(code)


def _become(order: Mapping[str, Any], files: list[int]) -> None:
    for number, file in enumerate(files):
        os.dup2(file, number)
    for file in files:
        os.close(file)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if order["new_session"]:
        os.setsid()
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    os.getppid = lambda: int(order["parent"])
    time.tzset()
    tempfile.tempdir = None
    sys.stdin, sys.stdout, sys.stderr = map(_opened, range(3), (sys.stdin, sys.stdout, sys.stderr))
    vars(sys).update(__stdin__=sys.stdin, __stdout__=sys.stdout, __stderr__=sys.stderr)
    sys.warnoptions[:] = [option for option in os.environ.get("PYTHONWARNINGS", "").split(",") if option]
    vars(warnings)["_processoptions"](sys.warnoptions)
    importlib.import_module("numpy").random.seed()  # Python's own generator is seeded anew by itself


def _opened(number: int, like: Any) -> io.TextIOWrapper:
    """Return a stream as Python makes it at its start, with the encoding of one that it made."""
    raw = io.FileIO(number, "w" if number else "r", closefd=False)
    # What is read is buffered even if PYTHONUNBUFFERED is set.
    buffer: Any = io.BufferedReader(raw) if not number else raw if like.write_through else io.BufferedWriter(raw)
    by_line = not like.write_through and (raw.isatty() or number == 2)
    return io.TextIOWrapper(
        buffer, like.encoding, like.errors, line_buffering=by_line, write_through=like.write_through
    )


def _program(order: Mapping[str, Any]) -> Callable[[], object]:
    """Return what runs the program, once all is as it finds it."""
    kind, *words = order["words"]
    if kind not in ("-m", "-c"):
        kind, words = "file", [kind, *words]
    first = {"-m": os.getcwd(), "-c": "", "file": os.path.dirname(os.path.realpath(words[0]))}[kind]
    asked = [folder for folder in order["environment"].get("PYTHONPATH", "").split(os.pathsep) if folder]
    found = [*asked, *(folder for folder in PATH if folder not in asked)]
    sys.path[:] = found if order["safe_path"] else [first, *found]
    _forget_others()
    sys.argv = ["-c", *words[1:]] if kind == "-c" else list(words)
    sys.modules["__main__"] = module = types.ModuleType("__main__")
    vars(module)["__builtins__"] = __builtins__
    if kind == "-m":
        if not hasattr(sys.modules.get(words[0]), "__path__"):
            sys.modules.pop(words[0], None)  # a program is not imported before it runs
        return lambda: vars(runpy)["_run_module_as_main"](words[0])
    name = "<string>" if kind == "-c" else words[0]
    if kind == "file":
        vars(module)["__file__"] = name
    text = words[0] if kind == "-c" else Path(name).read_bytes()
    return lambda: exec(compile(text, name, "exec"), vars(module))  # noqa: S102 (what Python does with it)


def _forget_others() -> None:
    """Have the packages imported anew if others are found under their names, as in a changed copy."""
    importlib.invalidate_caches()
    found = {name: importlib.machinery.PathFinder.find_spec(name) for name in OURS}
    others = [name for name, spec in found.items() if spec and spec.origin != sys.modules[name].__file__]
    forgotten = OURS if others else [name for name, spec in found.items() if spec is None]
    for module in [one for one in sys.modules if one.split(".")[0] in forgotten]:
        del sys.modules[module]


def _code_of(program: Callable[[], object]) -> int:
    try:
        program()
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        print(error.code, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        sys.excepthook(*sys.exc_info())
        return -signal.SIGINT
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def _end(code: int) -> None:
    """End as Python does, but for the removal of each object, which takes a fifth of a second."""
    vars(threading)["_shutdown"]()
    vars(atexit)["_run_exitfuncs"]()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or 120
    if code == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code & 0xFF)


if __name__ == "__main__":
    main()
