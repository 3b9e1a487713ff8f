"""Read YAML into plain values, each with its line and column; hostile input is refused with a `SpaceError`.

The language is YAML 1.2 (https://yaml.org/spec/1.2.2/), restricted to one document without anchors, aliases, tags and
directives. `search.space.scalars` defines what unquoted texts mean.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any, NoReturn

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
    StreamEndEvent,
)

from search import files
from search.errors import Problem, SpaceError, UsageError
from search.messages import show
from search.space.scalars import resolve

# Limits that no hand-written file meets. Within them the worst file takes less than 3 s (docs/reference/faults.md).
MAX_BYTES = 256_000
MAX_DEPTH = 20
MAX_VALUES = 10_000
MAX_PROBLEMS = 50
"""Reading stops after this number of problems."""

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
        """Return the document of a value that is not from a file, so its faults have no line."""
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
        """Return a problem `offset` characters into the text at `path`, or at its start if the text is folded."""
        problem = self.problem(path, message)
        if path not in self.values:
            return problem
        text = reduce(getitem, path, self.value)
        written = self.text.splitlines()[problem.line - 1][problem.column - 1 :]
        starts = [start for start in (0, 1) if isinstance(text, str) and written[start:].startswith(text)]
        return replace(problem, column=problem.column + starts[0] + offset) if starts else problem

    def written(self, path: KeyPath) -> str:
        """Return the unquoted word at `path` as written in the text."""
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
    reader, value = _Reader(plain, source), None
    with suppress(_CannotReadOnError):
        value = reader.document()
    if reader.problems:
        raise SpaceError(reader.problems)
    return Document(source, text, value, reader.values, reader.keys)


def _fault(error: MarkedYAMLError, reached: Position) -> tuple[Position, str]:
    """Return where a text is not YAML, and why. For an unclosed bracket the message names the opening one."""
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
    """Reading stops here: the rest has no meaning, or would take too much time or memory."""


class _Reader:
    """Builds plain values from the parser's events, taken one at a time, so that its limits stop the parser in time."""

    def __init__(self, text: str, source: str) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.values: dict[KeyPath, Position] = {}
        self.keys: dict[KeyPath, Position] = {}
        self._events = YAML(typ="safe", pure=True).parse(text)
        self._position: Position = (1, 1)
        self._count = 0

    def document(self) -> Any:
        """Return the value of the one document; None if there is none."""
        root, documents = None, 0
        while not isinstance(event := self._next(), StreamEndEvent):
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._stop(self._position, "a second document; a space file holds one")
                if event.version or event.tags:
                    self._refuse((1, 1), "a YAML directive (%...); leave it out")
                root = self._value(self._next(), ())
        return root

    def _next(self) -> Any:
        try:
            event = next(self._events)
        except MarkedYAMLError as error:
            self._stop(*_fault(error, self._position))
        # ruamel also raises ValueError and others: for characters and version numbers that are out of range.
        except Exception as error:
            self._stop(self._position, f"not valid YAML after this: {error}")
        self._position = (event.start_mark.line + 1, event.start_mark.column + 1)
        return event

    def _value(self, event: Any, path: KeyPath) -> Any:
        self._check(event, len(path))
        # At an empty value the parser is already at the next token; the value's position is then its key's.
        empty = isinstance(event, ScalarEvent) and event.start_mark.index == event.end_mark.index
        self.values[path] = self.keys.get(path, self._position) if empty else self._position
        match event:
            case MappingStartEvent():
                return self._mapping(path)
            case SequenceStartEvent():
                items: list[Any] = []
                while not isinstance(event := self._next(), SequenceEndEvent):
                    items.append(self._value(event, (*path, len(items))))
                return items
            case ScalarEvent():
                return self._scalar(event, self.values[path])
            case _:
                return None  # an alias, which was refused

    def _mapping(self, path: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := self._next(), MappingEndEvent):
            key = self._key(event, len(path) + 1)
            if key in found:
                line, column = self.keys[(*path, key)]
                self._refuse(
                    self._position, f"duplicate key {show(key)}; it is already in line {line}, column {column}"
                )
                key = None
            key = f"\0{len(found)}" if key is None else key  # no key of a file: control characters were refused
            self.keys[(*path, key)] = self._position
            found[key] = self._value(self._next(), (*path, key))
        return found

    def _key(self, event: Any, depth: int) -> str | None:
        self._check(event, depth)
        if isinstance(event, AliasEvent):
            return None
        if not isinstance(event, ScalarEvent):
            self._stop(self._position, "a list or mapping as a key; keys are plain names")
        if event.value == "<<":
            self._refuse(self._position, "merge key `<<`; write the settings out")
            return None
        key = self._scalar(event, self._position)
        if isinstance(key, str):
            return key
        self._refuse(self._position, f"key {show(key)} is not text; put a name, or quote it")
        return None

    def _scalar(self, event: ScalarEvent, position: Position) -> Any:
        if not event.implicit[0]:
            if found := _CONTROL.search(event.value):
                self._refuse(position, f"character U+{ord(found.group()):04X} inside a text")
            return event.value
        try:
            return resolve(event.value)
        except ValueError as error:
            self._refuse(position, str(error))
            return None

    def _check(self, event: Any, depth: int) -> None:
        self._count += 1
        if self._count > MAX_VALUES:
            self._stop(self._position, f"more than {MAX_VALUES} keys and values")
        if depth > MAX_DEPTH:
            self._stop(self._position, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, AliasEvent):
            self._refuse(self._position, f"alias *{event.anchor}; write the value out")
        elif event.anchor:
            self._refuse(self._position, f"anchor &{event.anchor}; write the value out where it is needed")
        elif event.tag:
            self._refuse(self._position, "a YAML tag (!...); leave it out")

    def _refuse(self, position: Position, message: str) -> None:
        """Add a problem, and stop reading if there are too many."""
        self.problems.append(Problem(self.source, *position, message))
        if len(self.problems) >= MAX_PROBLEMS:
            raise _CannotReadOnError

    def _stop(self, position: Position, message: str) -> NoReturn:
        self.problems.append(Problem(self.source, *position, message))
        raise _CannotReadOnError
