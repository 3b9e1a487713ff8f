"""YAML text as plain values, each with its line and column, and plain values as YAML text.

The language is YAML 1.2 (https://yaml.org/spec/1.2.2/), restricted to one document without anchors, aliases, tags and
directives. An unquoted text means what the core schema says (10.3), plus underscores in integers. Hostile input is
refused with a `SpaceError`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
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

# Limits that no hand-written file meets. Within them the worst file takes less than 3 s (tests/FAULTS.md).
MAX_BYTES = 256_000
MAX_DEPTH = 20
MAX_VALUES = 10_000
MAX_PROBLEMS = 50  # reading stops after this number of them
MAX_INTEGER = 2**53  # the largest that survives JSON and a conversion to float (IEEE 754 double precision)

KeyPath = tuple[str | int, ...]
Position = tuple[int, int]

_CONTROL = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]")
_UNQUOTED_LINE = re.compile(r"(?m)^([ \t]*)([^\s'\"][^\n'\"]*)$")
_INTEGER = re.compile(r"[-+]?[0-9]+(_[0-9]+)*|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+")
_NO_TEXT = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")  # to this reader, or to one of YAML 1.1


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML text as plain values: None, bool, int, float, str, list, and dict with string keys."""

    source: str
    text: str
    value: Any
    values: Mapping[KeyPath, Position] = field(default_factory=dict)
    """Line and column, from 1, of each value by its path of keys and indices."""
    keys: Mapping[KeyPath, Position] = field(default_factory=dict)
    """Line and column, from 1, of each key by the path of its value."""

    @classmethod
    def of(cls, source: str, value: Any) -> Document:
        """Return the document of a value that is not from a file, so its faults have no line."""
        return cls(source, "", value, {(): (0, 0)}, {(): (0, 0)})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was written: in which document, and at which path of keys and indices."""

    document: Document
    place: KeyPath = ()
    changed: Mapping[str, Origin] = field(default_factory=dict, compare=False, repr=False)
    """Of a mapping, where keys were written that `--set` has changed."""

    @property
    def is_option(self) -> bool:
        """Whether it was written on the command line, with `--set`."""
        return self.document.source.startswith("--set ")

    def below(self, *keys: str | int) -> KeyPath:
        """Return `keys` if the document has a value at that path, else an empty path."""
        return keys if (*self.place, *keys) in self.document.values else ()

    def problem(self, message: str, *below: str | int, at_key: bool = False, offset: int | None = None) -> Problem:
        """Return a problem with this value, or with the one at the path `below` it, or the nearest around that.

        With `at_key` it is at the value's key; with `offset`, so many characters into a text, or at its start if the
        text is folded.
        """
        if below and (changed := self.changed.get(str(below[0]))):
            return changed.problem(message, *below[1:], at_key=at_key, offset=offset)
        path, marks = (*self.place, *below), self.document.keys if at_key else self.document.values
        near = path
        while near and near not in marks:
            near = near[:-1]
        line, column = marks.get(near, (1, 1))
        if offset is not None and path in marks:
            text = reduce(getitem, path, self.document.value)
            written = self.document.text.splitlines()[line - 1][column - 1 :]
            starts = [start for start in (0, 1) if isinstance(text, str) and written[start:].startswith(text)]
            column += starts[0] + offset if starts else 0
        return Problem(self.document.source, line, column, message)


def load(path: Path) -> Document:
    """Read a file of at most `MAX_BYTES` bytes; SpaceError if the text is refused; see `parse`; UsageError if the file
    cannot be read."""
    try:
        data = files.read_named(path, MAX_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{path}: cannot be read: {reason}") from error
    return parse(data, str(path))


def parse(data: bytes | str, source: str) -> Document:
    """Return the values of a YAML text; `source` names it in messages; SpaceError if the text is not in the YAML subset
    of this module. The error lists all faults up to the point where reading on makes no sense."""
    text = _decode(data, source)
    # YAML allows tabs inside a line, which ruamel does not; a blank in the place of each keeps the columns.
    plain = _UNQUOTED_LINE.sub(lambda line: line[1] + line[2].replace("\t", " "), text)
    reader = _Reader(plain, source)
    value = reader.document()
    if reader.problems:
        raise SpaceError(reader.problems)
    return Document(source, text, value, reader.values, reader.keys)


def _decode(data: bytes | str, source: str) -> str:
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    if len(data) > MAX_BYTES:
        raise SpaceError([Problem(source, 1, 1, f"larger than {MAX_BYTES // 1000} kB, the most a space file may have")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before, message = data[: error.start].decode("utf-8", "replace"), "not UTF-8; save the file as UTF-8 text"
    else:
        if not (found := _CONTROL.search(text)):
            return text
        before = text[: found.start()]
        message = f"control character U+{ord(found.group()):04X}; a space file is plain text"
    raise SpaceError([Problem(source, before.count("\n") + 1, len(before) - before.rfind("\n"), message)])


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
                    self._stop("a second document; a space file holds one")
                if event.version or event.tags:
                    self._refuse("a YAML directive (%...); leave it out", (1, 1))
                root = self._value(self._next(), ())
        return root

    def _next(self) -> Any:
        try:
            event = next(self._events)
        except MarkedYAMLError as error:
            self._stop(*_fault(error, self._position))
        # ruamel also raises ValueError and others: for characters and version numbers that are out of range.
        except Exception as error:
            self._stop(f"not valid YAML after this: {error}")
        self._position = (event.start_mark.line + 1, event.start_mark.column + 1)
        return event

    def _value(self, event: Any, path: KeyPath) -> Any:
        self._check(event, len(path))
        # At an empty value the parser is already at the next token; the value's position is then its key's.
        empty = isinstance(event, ScalarEvent) and event.start_mark.index == event.end_mark.index
        self.values[path] = self.keys.get(path, self._position) if empty else self._position
        match event:
            case MappingStartEvent():
                found: dict[str, Any] = {}
                while not isinstance(event := self._next(), MappingEndEvent):
                    key = self._key(event, path, found)
                    self.keys[(*path, key)] = self._position
                    found[key] = self._value(self._next(), (*path, key))
                return found
            case SequenceStartEvent():
                items: list[Any] = []
                while not isinstance(event := self._next(), SequenceEndEvent):
                    items.append(self._value(event, (*path, len(items))))
                return items
            case ScalarEvent():
                return self._scalar(event, self.values[path])
        return None  # an alias, which was refused

    def _key(self, event: Any, path: KeyPath, found: Mapping[str, Any]) -> str:
        """Return a key, or another one for one that is refused."""
        self._check(event, len(path) + 1)
        if isinstance(event, ScalarEvent):
            key = None if event.value == "<<" else self._scalar(event, self._position)
            if event.value == "<<":
                self._refuse("merge key `<<`; write the settings out")
            elif not isinstance(key, str):
                self._refuse(f"key {show(key)} is not text; put a name, or quote it")
            elif key in found:
                line, column = self.keys[(*path, key)]
                self._refuse(f"duplicate key {show(key)}; it is already in line {line}, column {column}")
            else:
                return key
        elif not isinstance(event, AliasEvent):
            self._stop("a list or mapping as a key; keys are plain names")
        return f"\0{len(found)}"  # no key of a file: control characters were refused

    def _scalar(self, event: ScalarEvent, position: Position) -> Any:
        if not event.implicit[0]:
            if found := _CONTROL.search(event.value):
                self._refuse(f"character U+{ord(found.group()):04X} inside a text", position)
            return event.value
        try:
            return resolve(event.value)
        except ValueError as error:
            self._refuse(str(error), position)
            return None

    def _check(self, event: Any, depth: int) -> None:
        self._count += 1
        if self._count > MAX_VALUES:
            self._stop(f"more than {MAX_VALUES} keys and values")
        if depth > MAX_DEPTH:
            self._stop(f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, AliasEvent):
            self._refuse(f"alias *{event.anchor}; write the value out")
        elif event.anchor:
            self._refuse(f"anchor &{event.anchor}; write the value out where it is needed")
        elif event.tag:
            self._refuse("a YAML tag (!...); leave it out")

    def _refuse(self, message: str, position: Position | None = None) -> None:
        """Add a problem, and stop reading if there are too many."""
        self.problems.append(Problem(self.source, *(position or self._position), message))
        if len(self.problems) >= MAX_PROBLEMS:
            raise SpaceError(self.problems)

    def _stop(self, message: str, position: Position | None = None) -> NoReturn:
        """Add a problem after which the rest has no meaning, or would take too much time or memory."""
        self._refuse(message, position)
        raise SpaceError(self.problems)


def _fault(error: MarkedYAMLError, reached: Position) -> tuple[str, Position]:
    """Return why a text is not YAML, and where. For an unclosed bracket the message names the opening one."""
    mark, opened = error.problem_mark or error.context_mark, error.context_mark
    position = (mark.line + 1, mark.column + 1) if mark else reached
    words = " ".join(str(error.problem or error.context).split())
    if "'\\t'" in words:
        words = "a tab; indent with spaces"
    elif opened and str(error.context).startswith(("while parsing a flow", "while scanning a quoted")):
        words += f"; what is open was opened in {opened.line + 1}:{opened.column + 1}"
        if "end" in words and "stream" in words:
            position = (opened.line + 1, opened.column + 1)
    return f"not valid YAML: {words}", position


def resolve(text: str) -> bool | int | float | str | None:
    """Return the value of an unquoted text: null, true, false, a number, or the text itself; ValueError if the number
    is not finite, or is an integer above `MAX_INTEGER`; the message is for the user."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        # Converting decimal digits takes quadratic time; 64 of them are far beyond 2^53 already.
        whole = MAX_INTEGER + 1 if len(text) > 64 else int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if abs(whole) > MAX_INTEGER:
            raise ValueError(f"{show(text)} is too large; the largest integer is 2^53")
        return whole
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    if _FLOAT.fullmatch(text) or _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{show(text)} is not a finite number")
    return text


def is_quoted(value: object) -> bool:
    """Return whether a value is a text that would be a number, true or false without its quotes."""
    try:
        return isinstance(value, str) and isinstance(resolve(value), int | float)
    except ValueError:
        return False


def to_yaml(values: Mapping[str, Any]) -> str:
    """Return a line for each value; mappings at the top are sections, with a line for each of their fields.

    `parse` reads the same values from it.

    >>> print(to_yaml({"epochs": 3, "model": {"filters": [8, 16], "units": {"int": [8, 64]}}}), end="")
    epochs: 3
    model:
      filters: [8, 16]
      units: {int: [8, 64]}
    """
    return "".join(f"{line}\n" for line in _lines(values))


def _lines(values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield f"{_key(name)}:"
            yield from (f"  {_key(field)}: {_inline(form)}" for field, form in value.items())
        else:
            yield f"{_key(name)}: {_inline(value)}"


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_key(key)}: {_inline(item)}' for key, item in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_inline, value))}]"
    if isinstance(value, str) and _WORD.fullmatch(value) and value.lower() not in _NO_TEXT:
        return value
    return "".join(map(_spelt, json.dumps(value, ensure_ascii=False)))


def _spelt(character: str) -> str:
    """Return a character, escaped if a terminal might obey it: JSON escapes only the characters below a space."""
    if character.isprintable():
        return character
    return f"\\u{ord(character):04x}" if ord(character) < 1 << 16 else f"\\U{ord(character):08x}"


def _key(name: str) -> str:
    return name if _PATH.fullmatch(name) else _inline(name)
