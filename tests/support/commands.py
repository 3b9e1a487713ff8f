"""The commands of `mnist-bench`: what stands in their help and in their JSON, and commands that are run.

They run in a folder of their own, in a process that knows no net and no data set that an earlier command has loaded,
and in copies of the packages that somebody has changed.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from typer.main import get_command
from typer.testing import CliRunner

from mnist_bench.cli.app import app
from support.paths import IMPORTABLE, ROOT


def _commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, by its words; they are of typer's own copy of click."""
    inner = getattr(command, "commands", None)
    if inner is None or (words and command.invoke_without_command):
        yield " ".join(words), command
    for name, below in (inner or {}).items():
        yield from _commands(below, (*words, name))


COMMANDS: Mapping[str, Any] = dict(_commands(get_command(app)))
GROUPS = {words.split()[0] for words in COMMANDS if " " in words}


def command_of(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words that name the command, of all that somebody writes after `mnist-bench`."""
    named = words[:2] if words[0] in GROUPS else words[:1]
    return tuple(word for word in named if re.fullmatch(r"[a-z][a-z-]*", word))


def pasted(line: str) -> list[str]:
    """Return the words that bash makes of a line."""
    script = b"set -- " + os.fsencode(line) + b"\nfor word; do printf '%s\\0' \"$word\"; done"
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
    return [os.fsdecode(word) for word in done.stdout.split(b"\0")[:-1]]


@cache
def help_of(*command: str) -> str | None:
    """Return what a command's --help prints, None where there is no such command."""
    shown = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200"})
    return shown.output if shown.exit_code == 0 else None


def unknown_options(page: str, words: Sequence[str]) -> list[str]:
    """Return the options among the words that neither a help page nor the program's names; `--sort=-lr` is one."""
    page += help_of() or ""
    options = [word.partition("=")[0] for word in words if word.startswith("-")]
    return [option for option in options if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", page)]


RUN = """
import json, shlex, sys
from typer.testing import CliRunner
from mnist_bench.cli.app import app

def run(line, stdin=None):
    result = CliRunner().invoke(app, shlex.split(line), input=stdin)
    ran.append((line, result.exit_code, result.stdout, result.stderr))
    return result.stdout

ran = []
exec(sys.argv[1])
print(json.dumps(ran))
"""
"""Offers `run` to a script: it runs a command, without its first word, and returns what that printed to stdout."""


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def values(self) -> dict[str, Any]:
        """What it printed as JSON."""
        assert self.code == 0, self.err
        found: dict[str, Any] = json.loads(self.out)
        return found


def patched(folder: Path, patches: Iterable[tuple[str, str, str]]) -> Path:
    """Return `folder` with a copy of the packages, for each (file, old, new) the one old text replaced by the new."""
    for name in ("search", "mnist_bench", "spaces"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.gz"))
    for file in (ROOT / "mnist_bench" / "data").glob("*.gz"):  # not copied: the test set may be closed in this process
        (folder / "mnist_bench" / "data" / file.name).symlink_to(file)
    for path, old, new in patches:
        text = (folder / path).read_text()
        assert text.count(old) == 1, path
        (folder / path).write_text(text.replace(old, new))
    return folder


def run(packages: Path, folder: Path, *lines: str) -> list[Ran]:
    """Run commands of the packages in a folder, all in one process."""
    return [ran for _, ran in _ran(packages, folder, "\n".join(f"run({line!r})" for line in lines))]


def in_one_process(folder: Path, script: str) -> dict[str, Ran]:
    """Run a script that may call `run` of RUN in a process of its own, and return what each command came to last.

    For commands that close the test set, which then stays closed; together they import everything once.
    """
    ran = dict(_ran(IMPORTABLE, folder, script))
    for line, one in ran.items():
        check_json(shlex.split(line), one.out)
    return ran


def _ran(packages: Path | str, folder: Path, script: str) -> Iterator[tuple[str, Ran]]:
    for line, *ran in json.loads(python(packages, folder, RUN, script).splitlines()[-1]):
        yield line, Ran(*ran)


def python(packages: Path | str, folder: Path, program: str, *arguments: str) -> str:
    """Return what a program prints that imports the packages, run in a folder."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=folder, env={**os.environ, "PYTHONPATH": str(packages)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


UNDRAWN = """
import sys
from mnist_bench.cli.app import main
from support import drawn

drawn.no_pictures()
sys.argv[0] = "mnist-bench"
main()
"""
"""`mnist-bench` whose reports have no pictures, as a program for `python -c`."""
PROGRAM = str(Path(sys.executable).with_name("mnist-bench"))


class Place:
    """A folder with its own caches, in which commands run; a report has no pictures."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def done(self, *words: str) -> Ran:
        """Run a command, without its first word."""
        program = [sys.executable, "-c", UNDRAWN] if words[0] == "report" else [PROGRAM]
        command, variables = [*program, *words], {**os.environ, "XDG_CACHE_HOME": str(self.folder / "cache")}
        done = subprocess.run(command, cwd=self.folder, env=variables, capture_output=True, text=True, check=False)
        return Ran(done.returncode, done.stdout, done.stderr)

    def run(self, *words: str, code: int = 0) -> str:
        """Run a command and return what it said, on stderr if it was to fail with this code."""
        done = self.done(*words)
        assert done.code == code, done.out + done.err
        return done.err if code else done.out


OUTPUT = ROOT / "docs" / "reference" / "files.md"
_ROW = re.compile(r"\| `([a-z][^`]*)`[^|]* \| (`[a-z0-9_]+`[^|]*) \| ([^|]*)\|")


@dataclass(frozen=True, slots=True)
class Form:
    """One form of what a command prints."""

    command: str  # the words that name the command
    always: frozenset[str]
    sometimes: frozenset[str]

    def fits(self, keys: set[str]) -> bool:
        """Return whether a document with these keys is as documented."""
        return self.always <= keys <= self.always | self.sometimes


@cache
def documented_json() -> tuple[Form, ...]:
    """Return every row of the table."""
    return tuple(_forms())


def _forms() -> Iterator[Form]:
    section = OUTPUT.read_text().split("\n## Results as JSON\n")[1].split("\n## ")[0]
    for written, always, sometimes in _ROW.findall(section):
        command = " ".join(command_of(written.split()))
        yield Form(command, *(frozenset(re.findall(r"`([a-z0-9_]+)`", cell)) for cell in (always, sometimes)))


def check_json(arguments: Sequence[str], printed: str) -> None:
    """Check what a command printed with `--json`: keys that the page lists, or an error; without it, anything."""
    if "--json" not in arguments or not printed:
        return
    keys = {*json.loads(printed)} - {"schema_version"}
    words = [word for word in arguments if word != "-v" and not word.isupper()]  # a role that a test writes before it
    command = " ".join(command_of(words))
    forms = [form for form in documented_json() if form.command == command]
    assert keys == {"error"} or any(form.fits(keys) for form in forms), (command, sorted(keys))
