"""The keys of each command's JSON, as docs/reference/scripts.md lists them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from support.commands import command_of
from support.paths import ROOT

PAGE = ROOT / "docs" / "reference" / "scripts.md"
_ROW = re.compile(r"\| `([a-z][^`]*)`[^|]* \| (`[a-z0-9_]+`[^|]*) \| ([^|]*)\|")


@dataclass(frozen=True, slots=True)
class Form:
    """One form of what a command prints."""

    command: str
    """The words that name the command."""
    always: frozenset[str]
    sometimes: frozenset[str]

    def fits(self, keys: set[str]) -> bool:
        """Return whether a document with these keys is as documented."""
        return self.always <= keys <= self.always | self.sometimes


@cache
def documented() -> tuple[Form, ...]:
    """Return every row of the table."""
    return tuple(_forms())


def _forms() -> Iterator[Form]:
    section = PAGE.read_text().split("\n## Results as JSON\n")[1].split("\n## ")[0]
    for written, always, sometimes in _ROW.findall(section):
        command = " ".join(command_of(written.split()))
        yield Form(command, *(frozenset(re.findall(r"`([a-z0-9_]+)`", cell)) for cell in (always, sometimes)))


def check(arguments: Sequence[str], printed: str) -> None:
    """Check what a command printed with `--json`: keys that the page lists, or an error; without it, anything."""
    if "--json" not in arguments or not printed:
        return
    keys = {*json.loads(printed)} - {"schema_version"}
    words = [word for word in arguments if word != "-v" and not word.isupper()]  # a role that a test writes before it
    command = " ".join(command_of(words))
    forms = [form for form in documented() if form.command == command]
    assert keys == {"error"} or any(form.fits(keys) for form in forms), (command, sorted(keys))
