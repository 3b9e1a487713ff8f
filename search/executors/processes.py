"""Processes and the driver: messages over a socket, without pickle, and how a process ended.

By itself, by another one, or by the kernel for lack of memory.
"""

from __future__ import annotations

import contextlib
import json
import signal
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from socket import MSG_WAITALL, socket
from typing import Any

from search.executors.protocol import Failed, Job

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


CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT}
"""Signals that a process brings upon itself; any other came from outside, and says nothing about the trial."""
_CGROUPS = Path("/sys/fs/cgroup")
_OF_THE_HOST = Path("/proc/vmstat")
_OWN_GROUPS = Path("/proc/self/cgroup")


def volunteer() -> None:
    """Have the kernel kill this process before any other, above all the driver, if memory runs out."""
    with contextlib.suppress(OSError):  # other systems than Linux have no such file
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="utf-8")


def oom_kills() -> int:
    """Return how many processes the kernel has killed for lack of memory so far.

    Counts the kills in this process's control group, version 2 or 1. If it has none, those of the whole host are
    counted, which may include unrelated processes. 0 if the kernel does not say.
    """
    for path in (*_of_control_group(), _OF_THE_HOST):
        with contextlib.suppress(OSError):
            lines = (line.split() for line in path.read_text().splitlines())
            return sum(int(words[1]) for words in lines if words[0] == "oom_kill")
    return 0


def _of_control_group() -> Iterator[Path]:
    """Yield the files that may have the count; see cgroups(7)."""
    with contextlib.suppress(OSError):
        for line in _OWN_GROUPS.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                yield _CGROUPS / path.lstrip("/") / "memory.events"
            if "memory" in controllers.split(","):
                yield _CGROUPS / "memory" / path.lstrip("/") / "memory.oom_control"


def outcome_of_end(job: Job, code: int, kills: int, process: str) -> Failed:
    """Return what the end of the process that did a job, its only one, shows about the job.

    `kills` are the processes that had been killed for lack of memory when the job began; `process` is what ended, in
    words: "The worker".
    """
    if -code in CRASHES:
        return Failed(job=job, cause="raised", reason=f"{process} ended by {ending(code)}.")
    # SIGKILL does not say who sent it. The kernel counts its own; that of another process in the same group may be
    # among them, so it takes two such ends to make it the trial's (`search.driver.retry_policy`).
    if code == -signal.SIGKILL and oom_kills() > kills:
        return Failed(job=job, cause="out_of_memory", reason="out of memory")
    return Failed(job=job, cause="killed", reason=ending(code))


def ending(code: int) -> str:
    """Return how a process ended, by its exit code: "SIGKILL", "exit code 3"."""
    if code >= 0:
        return f"exit code {code}"
    # Python names the first and the last of the real-time signals alone.
    return signal.Signals(-code).name if -code in {*signal.Signals} else f"signal {-code}"
