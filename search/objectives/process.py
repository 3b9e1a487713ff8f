"""The processes of an objective: a nursery, which has loaded it and forks, and its children, one a running trial.

`search.objectives.forks` starts a nursery, as `python -P -m search.objectives.process` or as a copy of the driver.
Forking a process that has loaded the objective takes milliseconds, if importing PyTorch takes seconds. A nursery has
one thread, so that a fork is safe. A child calls the objective for one trial, and waits after each report until it may
continue. It ends at once when its driver dies: a thread reads its socket all the time and leaves when the other end
closes, whatever the objective is doing.
"""

from __future__ import annotations

import inspect
import os
import queue
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from importlib import import_module
from types import MappingProxyType
from typing import Any, NoReturn

import numpy as np  # before a fork: a child that imports it takes a tenth of a second longer

from search import loading
from search.errors import UsageError
from search.executors.in_process import error_text
from search.executors.processes import receive, send
from search.objectives.command import objective_of
from search.objectives.objective import Configuration
from search.objectives.reports import Figures
from search.system import adopt_orphans, below, has_children, needs_posix, volunteer

needs_posix()

Inbox = queue.SimpleQueue[Mapping[str, Any]]


def main() -> None:
    """Load the objective that the driver at the other end of the standard input names, and be its nursery."""
    driver = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if (message := receive(driver)) is None:
        return
    random.seed(0)  # so that a module that draws while it is loaded, draws alike in each process
    try:
        function = _loaded(message[0])
    except UsageError as error:
        send(driver, {"refused": str(error)})
    else:
        nursery(function, driver)


def _loaded(task: Mapping[str, Any]) -> Callable[..., Any]:
    """Return the objective that a task names; UsageError if it cannot be loaded."""
    if "command" in task:
        return objective_of(task["command"], task["objective"])
    place = task["function"].rpartition(":")[0]
    if place.endswith(".py"):  # it may import its neighbours, as a script may
        sys.path.insert(0, os.path.dirname(place))
    loading.until_run = True
    found: Callable[..., Any] = loading.load_object(task["function"], "objective")
    loading.until_run = False
    if not callable(found):
        raise UsageError(f"objective {task['function']} is not a function.")
    return found


def takes_trial(function: Callable[..., Any]) -> bool:
    """Return whether an objective is written for Optuna: its first parameter is called `trial`."""
    try:
        return next(iter(inspect.signature(function).parameters), "") == "trial"
    except (TypeError, ValueError):  # code that is not Python's has no signature
        return False


def nursery(function: Callable[..., Any], driver: socket.socket) -> None:
    """Fork a child, or return the exit code of one, whenever the driver asks for it, until the driver is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the driver
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    volunteer()  # and with it all children, before the driver
    with suppress(OSError):
        if trial := takes_trial(function):
            import_module("search.objectives.trial")  # before a fork, like NumPy
        send(driver, {"generator": _is_generator(function), "trial": trial})
        while (message := receive(driver)) is not None:
            if "wait" in message[0]:
                send(driver, {"code": exit_code(message[0]["wait"])})
                continue
            _, ends, _, _ = socket.recv_fds(driver, 1, 2)
            if len(ends) < 2:
                return
            sys.stdout.flush()  # or each child would write it again
            if not (pid := os.fork()):
                driver.close()
                _be_child(function, *ends)
            for end in ends:
                os.close(end)
            send(driver, {"pid": pid})


def _is_generator(function: Callable[..., Any]) -> bool:
    """Return whether a call makes a generator of reports, as far as the function shows it."""
    return inspect.isgeneratorfunction(inspect.unwrap(function)) or inspect.isgeneratorfunction(
        getattr(function, "__call__", None)  # noqa: B004 (of an object: its method)
    )


def exit_code(pid: int) -> int:
    """Wait for the end of a process that this one has started, and return its exit code; of any other, that of one
    that was ended from outside."""
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except ChildProcessError:
        return -signal.SIGKILL


def _be_child(function: Callable[..., Any], end: int, output: int) -> NoReturn:
    """Run one trial, as the driver's first message describes it; print into `output`."""
    try:
        os.setsid()
        adopt_orphans()
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        driver, inbox = socket.socket(fileno=end), Inbox()
        threading.Thread(target=_read_all, args=(driver, inbox), daemon=True).start()
        try:
            _run(function, inbox.get(), driver, inbox)
        except BaseException as error:  # whatever a configuration makes the objective raise is a result about it
            with suppress(OSError):  # the driver is gone
                send(driver, {"raised": error_text(error)})
        _kill_all_below()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(0)
    finally:
        os._exit(1)


def _read_all(driver: socket.socket, inbox: Inbox) -> None:
    while (message := receive(driver)) is not None:
        inbox.put(message[0])
    _kill_all_below()
    os._exit(1)  # not sys.exit, which would end this thread alone and wait for the objective's


def _run(function: Callable[..., Any], task: Mapping[str, Any], driver: socket.socket, inbox: Inbox) -> None:
    seed_generators(task["seed"])
    started = time.monotonic()

    def tell(given: Any, *, is_last: bool = False, details: Mapping[str, Any] = MappingProxyType({})) -> bool:
        """Send a report, and return whether the trial continues."""
        nonlocal started
        report = Figures.of(given, task["objective"]).to_json()
        seconds = time.monotonic() - started
        send(driver, {"report": report, "seconds": seconds, "is_last": is_last, "details": dict(details)})
        continues = is_last or "end" not in inbox.get()
        started = time.monotonic()
        return continues

    if takes_trial(function):
        _call_for_trial(function, task, driver, tell)
        return
    reports = _reports(function, Configuration(task["config"], task["seed"]))
    for given in reports:
        if not tell(given):
            reports.close()
            return
    send(driver, {"returned": True})


def _call_for_trial(function: Callable[..., Any], task: Mapping[str, Any], driver: socket.socket, tell: Any) -> None:
    from search.objectives import trial

    try:
        trial.call(function, task, tell)
    except trial.Refused as refused:
        send(driver, {"refused": str(refused)})
    except trial.Ended:
        pass


def seed_generators(seed: int) -> None:
    """Seed the global generators of Python, NumPy and, if it is loaded, PyTorch; `seed` is less than 2**31."""
    random.seed(seed)
    np.random.seed(seed)
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(seed)


def _reports(function: Callable[..., Any], config: Configuration) -> Generator[Any, None, None]:
    answer = function(config)
    if not isinstance(answer, Generator):
        yield answer
    elif (yield from answer) is not None:
        raise TypeError("a generator reports with yield; this one returned a value")


def _kill_all_below() -> None:
    if not has_children():
        return  # to look for them takes longer than many a trial
    for pid in below(os.getpid()):
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
