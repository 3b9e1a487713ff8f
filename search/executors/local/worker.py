"""The worker process: trains the periods it is sent over standard input, until that closes.

Started by `search.executors.local.pool` as `python -P -m search.executors.local.worker`. It ends at once when its
driver dies: a thread reads standard input all the time and leaves when the pipe closes, whatever the trainer is doing.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from typing import Any, BinaryIO

from search.errors import FOREIGN, UsageError
from search.executors.in_process import build_trainer, checked, error_text
from search.executors.local import oom
from search.executors.local.wire import read_frame, write_frame
from search.trainer_api import Trainer, TrainerSpec

_Message = tuple[dict[str, Any], bytes]


def main() -> None:
    """Serve one driver."""
    oom.volunteer()  # first of all: building the trainer takes memory, too
    output = _private_stdout()
    inbox: queue.Queue[_Message] = queue.Queue()
    # A thread that does nothing but read: the trainer may compute for a minute without looking, yet a driver that has
    # died must not leave workers behind.
    threading.Thread(target=_read_all, args=(sys.stdin.buffer, inbox), daemon=True).start()
    head, _ = inbox.get()
    trainer = _hello(TrainerSpec(factory=head["factory"], options=head["options"]), output)
    if trainer is not None:
        _serve(trainer, inbox, output)


def _private_stdout() -> BinaryIO:
    """Keep the pipe to the driver for frames alone: the output of libraries goes to standard error."""
    pipe = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(pipe, "wb")


def _read_all(stream: BinaryIO, inbox: queue.Queue[_Message]) -> None:
    while (message := read_frame(stream)) is not None:
        inbox.put(message)
    os._exit(0)  # not sys.exit, which would end this thread alone and wait for the trainer's


def _hello(spec: TrainerSpec, output: BinaryIO) -> Trainer[Any] | None:
    try:
        trainer = build_trainer(spec)
        write_frame(output, {"numerics": dict(trainer.numerics)})
    except UsageError as error:
        # The user can mend it (no such trainer, other data): every other worker would say the same, so none is tried.
        write_frame(output, {"refused": str(error)})
        return None
    except FOREIGN as error:
        write_frame(output, {"failed": error_text(error)})
        return None
    return trainer


def _serve(trainer: Trainer[Any], inbox: queue.Queue[_Message], output: BinaryIO) -> None:
    while True:
        head, body = inbox.get()
        try:
            config = trainer.codec.from_json(head["config"])
            # Checked here, where an exception is the job's. If the process died over writing an answer, the machine
            # would be blamed for it, and the period tried again and again.
            state, report = checked(
                trainer.advance(config, head["seed"], head["period"], body if head["has_state"] else None)
            )
        except FOREIGN as error:  # whatever a configuration makes the trainer raise is a result about it
            write_frame(output, {"raised": error_text(error)})
        else:
            write_frame(output, {"report": report.to_json()}, state)


if __name__ == "__main__":
    main()
