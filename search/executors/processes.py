"""Processes and the driver: messages over a socket, without pickle, and how a process ended.

By itself, by another one, or by the kernel for lack of memory.
"""

from __future__ import annotations

import json
import signal
import struct
from collections.abc import Mapping
from socket import MSG_WAITALL, socket
from typing import Any

from search.executors.protocol import Failed, Job
from search.system import KILLED, oom_kills

# Lengths in front: a socket has no messages, and a message that is cut off by a death must not pass for a whole one.
# The head is JSON, so that nothing that comes from a process can run code here, as a pickle could.
_LENGTHS = struct.Struct(">QQ")


def send(end: socket, head: Mapping[str, Any], body: bytes = b"") -> None:
    """Send a message; OSError if the other end is gone."""
    text = json.dumps(head).encode()
    end.sendall(_LENGTHS.pack(len(text), len(body)) + text)
    end.sendall(body)  # apart: a state of a few MB is not copied once more to follow its head


def receive(end: socket) -> tuple[dict[str, Any], bytes] | None:
    """Wait for the next message; None if the other end is gone, also amid a message."""
    try:
        head_length, body_length = _LENGTHS.unpack(_exactly(end, _LENGTHS.size))
        head, body = _exactly(end, head_length), _exactly(end, body_length)
    except (OSError, EOFError):
        return None
    return json.loads(head), body


def _exactly(end: socket, size: int) -> bytes:
    data = b""
    while len(data) < size:  # once, unless a signal interrupts it
        if not (more := end.recv(size - len(data), MSG_WAITALL)):
            raise EOFError
        data += more
    return data


CRASHES = {each for each in signal.Signals if each.name in ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT")}
"""Signals that a process brings upon itself; any other came from outside, and says nothing about the trial."""


def outcome_of_end(job: Job, code: int, kills: int, process: str) -> Failed:
    """Return what the end of the process that did a job, its only one, shows about the job.

    `kills` are the processes that had been killed for lack of memory when the job began; `process` is what ended, in
    words: "The worker".
    """
    if -code in CRASHES:
        return Failed(job=job, cause="raised", reason=f"{process} ended by {ending(code)}.")
    # SIGKILL does not say who sent it. The kernel counts its own; that of another process in the same group may be
    # among them, so it takes two such ends to make it the trial's (`search.driver.retry_policy`).
    if code == KILLED and oom_kills() > kills:
        return Failed(job=job, cause="out_of_memory", reason="out of memory")
    return Failed(job=job, cause="killed", reason=ending(code))


def ending(code: int) -> str:
    """Return how a process ended, by its exit code: "SIGKILL", "exit code 3"."""
    if code >= 0:
        return f"exit code {code}"
    # Python names the first and the last of the real-time signals alone.
    return signal.Signals(-code).name if -code in {*signal.Signals} else f"signal {-code}"
