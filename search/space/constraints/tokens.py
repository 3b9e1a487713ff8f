"""The words, signs, numbers and texts of a condition, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from search.messages import show

_TOKEN = re.compile(
    r"""(?P<number>(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)
    | (?P<text>'[^']*'|"[^"]*")
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
    | (?P<sign><=|>=|==|!=|\*\*|//|&&|\|\||[-+*/<>()\[\],=%^!&|])""",
    re.VERBOSE,
)


class RefusedError(Exception):
    """A condition that cannot be read."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset
        """Where in its text, from 0."""


class Token(NamedTuple):
    """A word, sign, number or text of a condition."""

    kind: str
    """number, text, word, sign or end."""
    text: str
    """As written, a text with its quotes; empty at the end."""
    offset: int
    """Where it begins, from 0."""


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a text, the last one its end.

    Raises:
        RefusedError: it has a character that belongs to none.
    """
    offset = 0
    while offset < len(text):
        found = _TOKEN.match(text, offset)
        if found:
            yield Token(str(found.lastgroup), found.group(), offset)
        elif text[offset] in "'\"":
            raise RefusedError(offset, "a closing quote is missing")
        elif not text[offset].isspace():
            raise RefusedError(offset, f"the character {show(text[offset])} is not allowed here")
        offset = found.end() if found else offset + 1
    yield Token("end", "", len(text.rstrip()))
