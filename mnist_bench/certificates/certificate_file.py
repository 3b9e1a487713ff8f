"""The file of a certificate: JSON, one event per line. It may come from anybody."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Len
from pydantic import StringConstraints, TypeAdapter, ValidationError, with_config

from mnist_bench.certificates import hash_tree
from mnist_bench.certificates.certificate import Certificate, certificate_of, rows
from mnist_bench.errors import ForeignStudyError
from search import canonical_json, files
from search.errors import NewerVersionError, StudyNotFoundError, UsageError
from search.event_log import Created, Event, codec
from search.files import write_named
from search.messages import first_fault, in_a_sentence
from search.stored_fields import STRICT, check_format, unknown, unknown_in
from search.study import checked_name

VERSION = 1
MAX_BYTES = 16_000_000
"""Largest file that is read or written; a search of a thousand trials has a third of it."""
MAX_DEPTH = 40
"""Nested lists and mappings of an event; a space's constraints have the deepest."""
Hash = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


@with_config(STRICT)
@dataclass(frozen=True, kw_only=True, slots=True)
class _Content:
    """A certificate as it is stored."""

    schema_version: Literal[1]
    root: Hash
    log: Hash
    leaves: list[Hash]
    events: Annotated[list[tuple[str, int, int | None, bool, dict[str, Any]]], Len(1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Version:
    """The version, which is read first: of a newer one nothing else can be checked."""

    schema_version: Annotated[int, Ge(1)]


def write(certificate: Certificate, path: Path) -> int:
    """Write a certificate to a file, and return the number of bytes.

    Raises:
        UsageError: the file cannot be written, or would be larger than any that is read.
    """
    head = {"schema_version": VERSION, "root": certificate.root, "log": certificate.log}
    lines = [f'"{name}":{json.dumps(value)}' for name, value in head.items()]
    lines.append(f'"leaves":[\n{_lines(certificate.leaves)}\n]')
    lines.append(f'"events":[\n{_lines([*rows(certificate.events)])}\n]')
    content = ("{" + ",\n".join(lines) + "}\n").encode()
    if len(content) > MAX_BYTES:
        raise UsageError(f"{path}: the certificate would have {len(content):,} bytes, more than {MAX_BYTES:,}.")
    try:
        write_named(path, content)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}).") from error
    return len(content)


def _lines(values: Any) -> str:
    return ",\n".join(map(canonical_json.dumps, values))


def read(path: Path) -> Certificate:
    """Read a certificate from an untrusted file: every hash in it is computed again.

    Raises:
        NewerVersionError: a newer version wrote it.
        UsageError: the file cannot be read, or is not a whole certificate; the message names the first fault.
        ForeignStudyError, StudyNotFoundError: as `certificate_of`.
    """
    try:
        text = files.read(path, MAX_BYTES)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}).") from error
    if len(text) > MAX_BYTES:
        raise UsageError(f"{path}: larger than any certificate (at most {MAX_BYTES:,} bytes).")
    try:
        whole = json.dumps(_loaded(text))
        check_format(_versions().validate_json(whole, strict=True).schema_version, str(path), newest=VERSION)
        content = _contents().validate_json(whole, strict=True)
        _check_root(content)
        certificate = certificate_of([_event(row, path) for row in content.events])
        _check_leaves(content, certificate)
    except ValidationError as error:
        if name := unknown_in(error):
            raise NewerVersionError(f"{path}: {unknown(name)}.") from None
        raise _no_certificate(path, first_fault(error)) from None
    except NewerVersionError as error:
        words = str(error)
        raise NewerVersionError(words if words.startswith(str(path)) else f"{path}: {words}") from None
    except (ForeignStudyError, StudyNotFoundError):
        raise
    except Exception as error:  # the content may be anything, and what reads logs does not expect everything
        raise _no_certificate(path, error) from None
    return certificate


def _loaded(text: bytes) -> Any:
    try:
        values = json.loads(text, parse_constant=canonical_json.parse_finite, parse_float=canonical_json.parse_finite)
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        cut = "it ends in the middle" if error.pos >= len(text.decode(errors="replace").rstrip()) else f"{error}"
        raise ValueError(f"it is not JSON: {cut}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return values


def _event(row: tuple[str, int, int | None, bool, dict[str, Any]], path: Path) -> Event:
    kind, time, trial, external, payload = row
    if _depth(payload) > MAX_DEPTH:
        raise ValueError("it is nested too deeply")
    text = canonical_json.dumps(payload)
    if kind == "create":  # before all else: in a newer format this version would find damage that is not there
        check_format(codec.format_of(text), str(path))
    event = codec.from_row(kind, time, trial, external, text)
    if isinstance(event, Created):
        checked_name(event.name)
    return event


def _depth(values: Any) -> int:
    """Return how deeply a JSON value is nested, without recursion."""
    depth, level = 0, [values]
    while level:
        inner = [each for each in level if isinstance(each, dict | list)]
        depth += bool(inner)
        level = [value for each in inner for value in (each.values() if isinstance(each, dict) else each)]
    return depth


def _check_root(content: _Content) -> None:
    """Check that the log and the leaves are those of the root, before anything is made of them.

    Raises:
        ValueError: they are not.
    """
    if canonical_json.sha256([[*row] for row in content.events]) != content.log:
        raise ValueError("its log is not the one that was hashed")
    if hash_tree.root(content.log, content.leaves) != content.root:
        raise ValueError("its root is not the hash of its log and its reporting intervals")


def _check_leaves(content: _Content, found: Certificate) -> None:
    """Check that the leaves are those of the log.

    Raises:
        ValueError: they are not; the text names the first one.
    """
    places = [(trial.number, period) for trial in found.study.trials for period in range(1, trial.next_period)]
    if len(content.leaves) != len(places):
        raise ValueError(f"it has {len(places)} reporting intervals, and the hashes of {len(content.leaves)}")
    for (number, period), stored, leaf in zip(places, content.leaves, found.leaves, strict=True):
        if stored != leaf:
            raise ValueError(f"reporting interval {period} of trial {number} is not the one that was hashed")


def _no_certificate(path: Path, fault: object) -> UsageError:
    return UsageError(
        f"{path}: not a whole certificate ({in_a_sentence(fault)}); `mnist-bench certify STUDY --to FILE` writes one."
    )


@cache
def _contents() -> TypeAdapter[_Content]:
    return TypeAdapter(_Content)


@cache
def _versions() -> TypeAdapter[_Version]:
    return TypeAdapter(_Version)
