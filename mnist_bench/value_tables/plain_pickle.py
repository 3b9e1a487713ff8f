"""Reads files that the module pickle wrote, if they hold plain values: mappings, lists, texts and numbers.

pickle itself runs whatever a file asks it to run. This reader has no instruction that loads a name or calls anything:
it knows the instructions of protocol 4 that make plain values, and refuses every other one.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

_FLOAT = struct.Struct(">d")
_MARK = object()


def plain_values(content: bytes) -> Any:
    """Return the value that a pickle of protocol 4 holds.

    Raises:
        ValueError: it holds anything but plain values, or is damaged.
    """
    reader = _Reader(content)
    try:
        return reader.value()
    except (IndexError, KeyError, TypeError, struct.error) as error:
        raise ValueError(f"damaged near byte {reader.at}") from error


class _Reader:
    """A stack of unfinished values, and the values that later instructions refer to by number."""

    def __init__(self, content: bytes) -> None:
        self.at = 0
        """The place of the next instruction."""
        self._content = content
        self._stack: list[Any] = []
        self._known: list[Any] = []

    def value(self) -> Any:
        content, instructions = self._content, _INSTRUCTIONS
        while True:
            instruction = content[self.at]
            self.at += 1
            if instruction == _STOP:
                return self._stack.pop()
            if (do := instructions.get(instruction)) is None:
                raise ValueError(f"byte {self.at - 1} begins an instruction that makes no plain value")
            do(self)

    def _taken(self, count: int) -> bytes:
        start, self.at = self.at, self.at + count
        if self.at > len(self._content):
            raise IndexError(start)
        return self._content[start : self.at]

    def skip(self, count: int) -> None:
        self._taken(count)

    def floating(self) -> None:
        self._stack.append(_FLOAT.unpack_from(self._content, self.at)[0])
        self.at += _FLOAT.size

    def text(self) -> None:
        self._stack.append(self._taken(self._taken(1)[0]).decode())

    def mapping(self) -> None:
        self._stack.append({})

    def sequence(self) -> None:
        self._stack.append([])

    def mark(self) -> None:
        self._stack.append(_MARK)

    def remember(self) -> None:
        self._known.append(self._stack[-1])

    def recall(self, width: int) -> None:
        self._stack.append(self._known[int.from_bytes(self._taken(width), "little")])

    def append_all(self) -> None:
        items = self._since_mark()
        target = self._stack[-1]
        if not isinstance(target, list):
            raise TypeError("items without a list")
        target.extend(items)

    def set_all(self) -> None:
        items = self._since_mark()
        target = self._stack[-1]
        if not isinstance(target, dict):
            raise TypeError("items without a mapping")
        target.update(zip(items[::2], items[1::2], strict=True))

    def _since_mark(self) -> list[Any]:
        items: list[Any] = []
        while (item := self._stack.pop()) is not _MARK:
            items.append(item)
        items.reverse()
        return items


_STOP = ord(".")
_INSTRUCTIONS: Mapping[int, Callable[[_Reader], None]] = {
    0x80: lambda reader: reader.skip(1),  # the number of the protocol
    0x95: lambda reader: reader.skip(8),  # the length of a part of the file
    ord("G"): _Reader.floating,
    0x8C: _Reader.text,
    ord("}"): _Reader.mapping,
    ord("]"): _Reader.sequence,
    ord("("): _Reader.mark,
    0x94: _Reader.remember,
    ord("h"): lambda reader: reader.recall(1),
    ord("j"): lambda reader: reader.recall(4),
    ord("e"): _Reader.append_all,
    ord("u"): _Reader.set_all,
}
