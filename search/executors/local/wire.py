"""Messages between the driver and a worker process: a JSON head and a body of bytes, over a pipe; no pickle."""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

# Lengths in front: a pipe has no messages, and a message that is cut off by a death must not pass for a whole one. The
# head is JSON, so that nothing that comes from a trainer's process can run code here, as a pickle could.
_LENGTHS = struct.Struct(">QQ")


def write_frame(stream: BinaryIO, head: dict[str, Any], body: bytes = b"") -> None:
    """Write one message.

    Raises:
        OSError: the other side is gone.
    """
    text = json.dumps(head).encode()
    stream.write(_LENGTHS.pack(len(text), len(body)) + text)
    stream.write(body)  # apart: a state of a few MB is not copied once more to follow its head
    stream.flush()


def read_frame(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """Return the next message, or None at the end of the stream, also if the stream ends within a message."""
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head_length, body_length = _LENGTHS.unpack(lengths)
    head, body = stream.read(head_length), stream.read(body_length)
    if len(head) < head_length or len(body) < body_length:
        return None
    return json.loads(head), body
