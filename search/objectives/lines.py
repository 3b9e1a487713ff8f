"""Messages between the driver and a child process: JSON, a line each, over a socket; no pickle."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from typing import Any

Message = dict[str, Any]
_CHUNK = 1 << 16


class Lines:
    """One end of a socket."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self._partial = b""

    def fileno(self) -> int:
        """Return the socket's number, so that a selector takes this object."""
        return self.socket.fileno()

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message.

        Raises:
            OSError: the other end is gone.
        """
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def received(self) -> list[Message] | None:
        """Wait for data and return the messages that are whole by then, if any; None if the other end is gone."""
        try:
            data = self.socket.recv(_CHUNK)
        except ConnectionError:
            data = b""
        if not data:
            return None
        *whole, self._partial = (self._partial + data).split(b"\n")
        return [json.loads(line) for line in whole]

    def next(self) -> Message | None:
        """Wait for one message; None if the other end is gone. For ends that answer each message with one."""
        messages: list[Message] | None = []
        while messages == []:
            messages = self.received()
        return None if messages is None else messages[0]

    def close(self) -> None:
        """Close this end."""
        self.socket.close()
