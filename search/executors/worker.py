"""The worker process: trains the periods it is sent over standard input, until that closes.

Started by `search.executors.local` as `python -P -m search.executors.worker`. It ends at once when its driver dies: a
thread reads standard input all the time and leaves when the pipe closes, whatever the trainer is doing.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Mapping
from typing import Any, BinaryIO

from search import oom
from search.errors import UsageError
from search.executors.frames import read_frame, write_frame
from search.executors.in_process import error_text, make_trainer
from search.trainer import Trainer, TrainerSpec

_Message = tuple[dict[str, Any], bytes]


def main() -> None:
    """Serve one driver."""
    oom.volunteer()
    output = _private_stdout()
    inbox: queue.Queue[_Message] = queue.Queue()
    threading.Thread(target=_read_all, args=(sys.stdin.buffer, inbox), daemon=True).start()
    head, _ = inbox.get()
    trainer = _hello(TrainerSpec(factory=head["factory"], options=head["options"]), output)
    while trainer is not None:
        _serve(trainer, *inbox.get(), output=output)


def _private_stdout() -> BinaryIO:
    """Keep the pipe to the driver for frames alone: what libraries print goes to standard error."""
    pipe = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(pipe, "wb")


def _read_all(stream: BinaryIO, inbox: queue.Queue[_Message]) -> None:
    while (message := read_frame(stream)) is not None:
        inbox.put(message)
    os._exit(0)


def _hello(spec: TrainerSpec, output: BinaryIO) -> Trainer | None:
    try:
        trainer = make_trainer(spec)
        write_frame(output, {"numerics": dict(trainer.numerics)})
    except UsageError as error:
        write_frame(output, {"refused": str(error)})
        return None
    except Exception as error:
        write_frame(output, {"failed": error_text(error)})
        return None
    return trainer


def _serve(trainer: Trainer, head: Mapping[str, Any], body: bytes, *, output: BinaryIO) -> None:
    state = body if head["has_state"] else None
    try:
        new_state, report = trainer.advance(head["config"], head["seed"], head["period"], state)
    except Exception as error:  # whatever a configuration makes the trainer raise is a result about it
        write_frame(output, {"raised": error_text(error)})
    else:
        write_frame(output, {"report": report.to_json()}, new_state)


if __name__ == "__main__":
    main()
