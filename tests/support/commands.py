"""The commands of `mnist-bench`, and what stands in their help."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from typer.main import get_command
from typer.testing import CliRunner

from mnist_bench.cli.app import app


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
    """Return the options among the words that a help page does not name; `--sort=-lr` gives a value of its own."""
    options = [word.partition("=")[0] for word in words if word.startswith("-")]
    return [option for option in options if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", page)]
