"""Read YAML into plain values, each with its line and column; hostile input is refused with a `SpaceError`.

The language is YAML 1.2 (https://yaml.org/spec/1.2.2/), restricted to one document without anchors, aliases, tags and
directives. `search.space.scalars` defines what unquoted texts mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from search import files
from search.errors import Problem, SpaceError, UsageError
from search.messages import show
from search.space.scalars import resolve

# Limits that no hand-written file meets. Within them the worst file takes less than 3 s (docs/faults.md).
MAX_BYTES = 256_000
MAX_DEPTH = 20
MAX_VALUES = 10_000
MAX_PROBLEMS = 50
"""Reading stops after so many problems."""

KeyPath = tuple[str | int, ...]
Position = tuple[int, int]

_CONTROL = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]")

_UNQUOTED_LINE = re.compile(r"(?m)^([ \t]*)([^\s'\"][^\n'\"]*)$")


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML text as plain values: None, bool, int, float, str, list, and dict with string keys."""

    source: str
    text: str
    value: Any
    values: dict[KeyPath, Position] = field(default_factory=dict)
    """Line and column, from 1, of each value by its path of keys and indices."""
    keys: dict[KeyPath, Position] = field(default_factory=dict)
    """Line and column, from 1, of each key by the path of its value."""

    @classmethod
    def of(cls, source: str, value: Any, text: str = "") -> Document:
        """Return the document of a value that stands in no file, so that its faults have no line."""
        nowhere: dict[KeyPath, Position] = {(): (0, 0)}
        return cls(source, text, value, values=dict(nowhere), keys=dict(nowhere))

    def problem(self, path: KeyPath, message: str, *, at_key: bool = False) -> Problem:
        """Return a problem at `path`: at the value, at its key, or at the nearest value around it."""
        marks = self.keys if at_key else self.values
        while path and path not in marks:
            path = path[:-1]
        line, column = marks.get(path, (1, 1))
        return Problem(self.source, line, column, message)

    def problem_inside(self, path: KeyPath, message: str, offset: int) -> Problem:
        """Return a problem so many characters into the text at `path`, or with all of it where it is folded."""
        problem = self.problem(path, message)
        if path not in self.values:
            return problem
        text = reduce(getitem, path, self.value)
        written = self.text.splitlines()[problem.line - 1][problem.column - 1 :]
        starts = [start for start in (0, 1) if isinstance(text, str) and written[start:].startswith(text)]
        return replace(problem, column=problem.column + starts[0] + offset) if starts else problem

    def written(self, path: KeyPath) -> str:
        """Return the unquoted word at `path` as it stands in the text."""
        if path not in self.values:
            return show(reduce(getitem, path, self.value))
        line, column = self.values[path]
        found = re.match(r"[^\s,#}\]]*", self.text.splitlines()[line - 1][column - 1 :])
        return found[0] if found else ""


def load(path: Path) -> Document:
    """Read a file of at most `MAX_BYTES` bytes.

    Raises:
        SpaceError: the text is refused; see `parse`.
        UsageError: the file cannot be read.
    """
    try:
        data = files.read_named(path, MAX_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{path}: cannot be read: {reason}") from error
    return parse(data, str(path))


def parse(data: bytes | str, source: str) -> Document:
    """Return the values of a YAML text; `source` names it in messages.

    Raises:
        SpaceError: the text is not in the YAML subset of this module. The error lists all faults up to the point where
            reading on makes no sense.
    """
    text = _decode(data, source)
    # YAML allows tabs inside a line, which ruamel does not; a blank in the place of each keeps the columns.
    plain = _UNQUOTED_LINE.sub(lambda line: line[1] + line[2].replace("\t", " "), text)
    reader = _Reader(source)
    with suppress(_CannotReadOnError):
        for event in _events(plain, reader):
            reader.take(event)
    if reader.problems:
        raise SpaceError(reader.problems)
    return Document(source, text, reader.root, reader.values, reader.keys)


def _events(text: str, reader: _Reader) -> Iterator[Any]:
    """Yield the parser's events, as far as the text is YAML."""
    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except MarkedYAMLError as error:
        reader.note(*_fault(error, reader.position))
    # ruamel also raises ValueError and others: for characters and version numbers that are out of range.
    except Exception as error:
        reader.note(reader.position, f"not valid YAML after this: {error}")


def _fault(error: MarkedYAMLError, reached: Position) -> tuple[Position, str]:
    """Return where a text is not YAML, and why; of an unclosed bracket where it was opened, too."""
    mark, opened = error.problem_mark or error.context_mark, error.context_mark
    position = (mark.line + 1, mark.column + 1) if mark else reached
    words = " ".join(str(error.problem or error.context).split())
    if "'\\t'" in words:
        words = "a tab; indent with spaces"
    elif opened and str(error.context).startswith(("while parsing a flow", "while scanning a quoted")):
        words += f"; what is open was opened in {opened.line + 1}:{opened.column + 1}"
        if "end" in words and "stream" in words:
            position = (opened.line + 1, opened.column + 1)
    return position, f"not valid YAML: {words}"


def _decode(data: bytes | str, source: str) -> str:
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    if len(data) > MAX_BYTES:
        raise SpaceError([Problem(source, 1, 1, f"larger than {MAX_BYTES // 1000} kB, the most a space file may have")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        position = _position(data[: error.start].decode("utf-8", "replace"))
        raise SpaceError([Problem(source, *position, "not UTF-8; save the file as UTF-8 text")]) from None
    if found := _CONTROL.search(text):
        message = f"control character U+{ord(found.group()):04X}; a space file is plain text"
        raise SpaceError([Problem(source, *_position(text[: found.start()]), message)])
    return text


def _position(before: str) -> Position:
    return before.count("\n") + 1, len(before) - before.rfind("\n")


class _CannotReadOnError(Exception):
    """Reading stops here: what follows has no meaning, or would take too much time or memory."""


@dataclass(slots=True)
class _Container:
    """A list or mapping under construction."""

    value: list[Any] | dict[str, Any]
    path: KeyPath
    key: str | None = None
    key_is_next: bool = True
    unnamed: int = 0


class _Reader:
    """Builds plain values from parser events, one at a time, so that the limits stop the parser in time."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.position: Position = (1, 1)
        self.root: Any = None
        self.values: dict[KeyPath, Position] = {}
        self.keys: dict[KeyPath, Position] = {}
        self._open: list[_Container] = []
        self._documents = 0
        self._count = 0

    def take(self, event: Any) -> None:
        """Handle one event of the parser."""
        position = self.position = (event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, DocumentStartEvent):
            self._start_document(event, position)
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            self._open.pop()
        elif isinstance(event, AliasEvent | ScalarEvent | MappingStartEvent | SequenceStartEvent):
            self._count_value(position)
            self._check_plain(event, position)
            self._add(event, position)

    def note(self, position: Position, message: str) -> None:
        """Add a problem."""
        self.problems.append(Problem(self.source, *position, message))

    def refuse(self, position: Position, message: str) -> None:
        """Add a problem, and stop reading if there are too many."""
        self.note(position, message)
        if len(self.problems) >= MAX_PROBLEMS:
            raise _CannotReadOnError

    def _start_document(self, event: DocumentStartEvent, position: Position) -> None:
        self._documents += 1
        if self._documents > 1:
            self._stop(position, "a second document; a space file holds one")
        if event.version or event.tags:
            self.refuse((1, 1), "a YAML directive (%...); leave it out")

    def _count_value(self, position: Position) -> None:
        self._count += 1
        if self._count > MAX_VALUES:
            self._stop(position, f"more than {MAX_VALUES} keys and values")
        if len(self._open) > MAX_DEPTH:
            self._stop(position, f"nested deeper than {MAX_DEPTH} levels")

    def _stop(self, position: Position, message: str) -> None:
        self.note(position, message)
        raise _CannotReadOnError

    def _check_plain(self, event: Any, position: Position) -> None:
        if isinstance(event, AliasEvent):
            self.refuse(position, f"alias *{event.anchor}; write the value out")
        elif event.anchor:
            self.refuse(position, f"anchor &{event.anchor}; write the value out where it is needed")
        elif event.tag:
            self.refuse(position, "a YAML tag (!...); leave it out")

    def _add(self, event: Any, position: Position) -> None:
        parent = self._open[-1] if self._open else None
        if parent is not None and isinstance(parent.value, dict) and parent.key_is_next:
            self._add_key(parent, event, position)
            return
        path = self._place(parent)
        if isinstance(event, ScalarEvent) and event.start_mark.index == event.end_mark.index:
            position = self.keys.get(path, position)  # where nothing stands, the parser is at what comes next
        self.values[path] = position
        value = self._value(event, position)
        if parent is None:
            self.root = value
        elif isinstance(parent.value, list):
            parent.value.append(value)
        else:
            parent.value[str(path[-1])] = value
            parent.key_is_next = True
        if isinstance(value, dict | list):
            self._open.append(_Container(value, path))

    def _place(self, parent: _Container | None) -> KeyPath:
        if parent is None:
            return ()
        return (*parent.path, len(parent.value) if isinstance(parent.value, list) else str(parent.key))

    def _add_key(self, parent: _Container, event: Any, position: Position) -> None:
        key = self._key(event, position)
        if key is None:
            parent.unnamed += 1
            key = f"\0{parent.unnamed}"  # no key of a file can be this: control characters were refused
        elif key in parent.value:
            line, column = self.keys[(*parent.path, key)]
            self.refuse(position, f"duplicate key {show(key)}; it already stands in line {line}, column {column}")
            key = f"\0{key}"
        parent.key, parent.key_is_next = key, False
        self.keys[(*parent.path, key)] = position

    def _key(self, event: Any, position: Position) -> str | None:
        if isinstance(event, AliasEvent):
            return None
        if not isinstance(event, ScalarEvent):
            self._stop(position, "a list or mapping as a key; keys are plain names")
        if event.value == "<<":
            self.refuse(position, "merge key `<<`; write the settings out")
            return None
        key = self._value(event, position)
        if isinstance(key, str):
            return key
        self.refuse(position, f"key {show(key)} is not text; put a name, or quote it")
        return None

    def _value(self, event: Any, position: Position) -> Any:
        if isinstance(event, MappingStartEvent):
            return {}
        if isinstance(event, SequenceStartEvent):
            return []
        if isinstance(event, AliasEvent):
            return None
        if not event.implicit[0]:
            return self._text(event.value, position)
        return self._plain(event.value, position)

    def _text(self, text: str, position: Position) -> str:
        if found := _CONTROL.search(text):
            self.refuse(position, f"character U+{ord(found.group()):04X} inside a text")
        return text

    def _plain(self, text: str, position: Position) -> Any:
        try:
            return resolve(text)
        except ValueError as error:
            self.refuse(position, str(error))
            return None
