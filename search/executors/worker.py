"""The worker process: trains the periods that it is sent over its standard input, a socket, until that closes.

Started by `search.executors.local` as `python -P -m search.executors.worker`. It ends at once when its driver dies: a
thread reads the socket all the time and leaves when it closes, whatever the trainer is doing.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Mapping
from socket import socket
from typing import Any

from search.errors import FOREIGN, UsageError
from search.executors.in_process import advanced, build_trainer, error_text
from search.executors.processes import receive, send
from search.system import volunteer
from search.trainer_api import Trainer, TrainerSpec


def main() -> None:
    """Serve one driver."""
    volunteer()  # first of all: building the trainer takes memory, too
    driver = socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    inbox: queue.SimpleQueue[tuple[dict[str, Any], bytes]] = queue.SimpleQueue()
    # A thread that does nothing but read: the trainer may compute for a minute without looking, yet a driver that has
    # died must not leave workers behind.
    threading.Thread(target=_read_all, args=(driver, inbox), daemon=True).start()
    head, _ = inbox.get()
    try:
        trainer = build_trainer(TrainerSpec(**head))
        send(driver, {"numerics": dict(trainer.numerics)})
    except UsageError as error:
        # The user can mend it (no such trainer, other data): every other worker would say the same, so none is tried.
        send(driver, {"refused": str(error)})
    except FOREIGN as error:
        send(driver, {"failed": f"A worker cannot start: {error_text(error)}"})
    else:
        while True:
            send(driver, *_trained(trainer, *inbox.get()))


def _read_all(driver: socket, inbox: queue.SimpleQueue[tuple[dict[str, Any], bytes]]) -> None:
    while (message := receive(driver)) is not None:
        inbox.put(message)
    os._exit(0)  # not sys.exit, which would end this thread alone and wait for the trainer's


def _trained(trainer: Trainer[Any], head: Mapping[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    try:
        # Checked here, where an exception is the job's. If the process died over writing an answer, the machine would
        # be blamed for it, and the period tried again and again.
        before = body if head["has_state"] else None
        state, report = advanced(trainer, head["config"], head["seed"], head["period"], before)
    except FOREIGN as error:  # whatever a configuration makes the trainer raise is a result about it
        return {"cause": "raised", "reason": error_text(error)}, b""
    return {"report": report.to_json()}, state


if __name__ == "__main__":
    main()
