"""A child process: calls the objective for one trial, and waits after each report until it may continue.

It ends at once when its driver dies: a thread reads the socket all the time and leaves when the other end closes,
whatever the objective is doing.
"""

from __future__ import annotations

import ctypes
import inspect
import os
import queue
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import numpy as np  # before a fork: a child that imports it takes a tenth of a second longer

from search.executors.endings import volunteer
from search.executors.in_process import error_text
from search.objectives.configuration import Configuration
from search.objectives.lines import Lines, Message
from search.objectives.reports import Figures

Inbox = queue.SimpleQueue[Message]
_PR_SET_CHILD_SUBREAPER = 36

groups: set[int] = set()
"""Process groups that end with this process."""
_to_driver: Lines | None = None
"""The socket of this process, if it is a child."""


def serve(function: Callable[..., Any], lines: Lines) -> NoReturn:
    """Run one trial, as the first message describes it, and leave the process."""
    global _to_driver
    _to_driver = lines
    volunteer()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the driver
    inbox: Inbox = queue.SimpleQueue()
    threading.Thread(target=_read_all, args=(lines, inbox), daemon=True).start()
    task = inbox.get()
    try:
        _run(function, task, lines, inbox)
    except BaseException as error:  # whatever a configuration makes the objective raise is a result about it
        _try_to_send(lines, {"raised": error_text(error)})
    leave(0)


def adopt() -> None:
    """Become the parent of all that this process starts, as soon as theirs has ended: so that `below` finds them."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def below(pid: int) -> list[int]:
    """Return the processes that a process has started and those that they have started, in any session."""
    children: dict[int, list[int]] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            _, parent, *_ = file.read_bytes().rpartition(b")")[2].split()
            children.setdefault(int(parent), []).append(int(file.parent.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found[1:]


def leave(code: int) -> NoReturn:
    """End this process, and the programs that it started, without any of the parent's handlers of exit."""
    _kill_all_below()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


@contextmanager
def owned_group(group: int) -> Iterator[None]:
    """Let a process group end with this process; the driver ends it if this process is killed."""
    groups.add(group)
    if _to_driver is not None:
        _try_to_send(_to_driver, {"group": group})
    try:
        yield
    finally:
        groups.discard(group)


def seed_generators(seed: int) -> None:
    """Seed the global generators of Python, NumPy and, if it is loaded, PyTorch; `seed` is less than 2**31."""
    random.seed(seed)
    np.random.seed(seed)
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(seed)


def _run(function: Callable[..., Any], task: Message, lines: Lines, inbox: Inbox) -> None:
    seed_generators(task["seed"])
    config = Configuration(task["config"], task["seed"])
    started = time.monotonic()
    answer = function(config)
    if not isinstance(answer, Generator):
        lines.send({"report": Figures.of(answer, task["objective"]).to_json(), "seconds": time.monotonic() - started})
        lines.send({"returned": True})
        return
    while True:
        try:
            given = next(answer)
        except StopIteration as end:
            if end.value is not None:
                raise TypeError("a generator reports with yield; this one returned a value") from None
            lines.send({"returned": True})
            return
        lines.send({"report": Figures.of(given, task["objective"]).to_json(), "seconds": time.monotonic() - started})
        if "end" in inbox.get():
            answer.close()
            return
        started = time.monotonic()


def _read_all(lines: Lines, inbox: Inbox) -> None:
    while (messages := lines.received()) is not None:
        for message in messages:
            inbox.put(message)
    _kill_all_below()
    os._exit(1)  # not sys.exit, which would end this thread alone and wait for the objective's


def _try_to_send(lines: Lines, message: Message) -> None:
    try:
        lines.send(message)
    except OSError:
        return  # the driver is gone


def _kill_all_below() -> None:
    for group in groups:
        with suppress(OSError):  # it has ended
            os.killpg(group, signal.SIGKILL)
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return  # it has none; to look for them takes longer than many a trial
    for pid in below(os.getpid()):
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def is_generator(function: Callable[..., Any]) -> bool:
    """Return whether a call makes a generator of reports, as far as the function shows it."""
    return inspect.isgeneratorfunction(inspect.unwrap(function)) or inspect.isgeneratorfunction(
        getattr(function, "__call__", None)  # noqa: B004 (of an object: its method)
    )
