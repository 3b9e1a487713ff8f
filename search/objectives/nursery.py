"""The process from which the child processes of an objective are forked: it loads the objective once.

Started by `search.objectives.forks` as `python -P -m search.objectives.nursery FILENO`. Forking a process that has
loaded the objective takes milliseconds, if importing PyTorch takes seconds. It has one thread, so that a fork is safe.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from search import loading
from search.errors import UsageError
from search.loading import load_object
from search.objectives.child import adopt, is_generator, serve
from search.objectives.command import objective_of
from search.objectives.lines import Lines, Message


def main(fileno: int) -> None:
    """Serve one driver: the first message names the objective, each other one asks for a fork or for an exit code."""
    with socket.socket(fileno=fileno) as end:
        lines = Lines(end)
        task = lines.next()
        if task is None:
            return
        random.seed(0)  # so that a module that draws while it is loaded, draws alike in each process
        try:
            function = loaded(task)
        except UsageError as error:
            lines.send({"refused": str(error)})
            return
        lines.send({"generator": "command" in task or is_generator(function)})
        while (message := _asked(end)) is not None:
            if "wait" in message:
                lines.send({"code": exit_code(message["wait"])})
            else:
                lines.send({"pid": _forked(function, end, message["ends"])})


def exit_code(pid: int) -> int:
    """Wait for a child's end and return its exit code; of no child of this process, that of one ended from outside."""
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except ChildProcessError:
        return -signal.SIGKILL


def loaded(task: Mapping[str, Any]) -> Callable[..., Any]:
    """Return the objective that a task names.

    Raises:
        UsageError: it cannot be loaded; the message gives the reason and the place.
    """
    if "command" in task:
        return objective_of(task["command"], task["objective"])
    place = task["function"].rpartition(":")[0]
    if place.endswith(".py"):  # it may import its neighbours, as a script may
        sys.path.insert(0, os.path.dirname(place))
    loading.until_run = True
    found: Callable[..., Any] = load_object(task["function"], "objective")
    loading.until_run = False
    if not callable(found):
        raise UsageError(f"objective {task['function']} is not a function.")
    return found


def _asked(end: socket.socket) -> Message | None:
    """Return the next message, with the descriptors that came with it as `ends`; None if the driver is gone."""
    try:
        data, ends, _, _ = socket.recv_fds(end, 1 << 16, 2)
    except ConnectionError:
        return None
    return {**json.loads(data), "ends": ends} if data else None


def _forked(function: Callable[..., Any], control: socket.socket, ends: list[int]) -> int:
    sys.stdout.flush()  # or each child would write it again
    pid = os.fork()
    if pid:
        for descriptor in ends:
            os.close(descriptor)
        return pid
    control.close()
    socket_end, output = ends
    print_into(output)
    in_child(function, socket_end)


def print_into(descriptor: int) -> None:
    """Let all that this process prints go into a pipe."""
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def in_child(function: Callable[..., Any], fileno: int) -> NoReturn:
    """Serve the driver at the other end of a socket, in a process that was just forked; does not return."""
    try:
        os.setsid()
        adopt()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        serve(function, Lines(socket.socket(fileno=fileno)))
    finally:
        os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
