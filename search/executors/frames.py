"""Messages between processes: a JSON head and a body of bytes, over a socket; no pickle."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from socket import MSG_WAITALL, socket
from typing import Any

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
