"""Commands to type next: this one once more, or others with those of its options that they need too."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from mnist_bench.cli import options, output
from mnist_bench.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from mnist_bench.studies import SearchConfig

READING = ("--results", "--storage")
"""What a command needs that reads a study."""
DRAWING = (*READING, "--data", "--net")
"""What one needs that looks at pictures of the data set, or runs a net."""
TRAINING = (*DRAWING, "--device")
"""What one needs that trains."""


def options_of(asked: SearchConfig, names: Sequence[str]) -> str:
    """Return those options of a search that are not the default ones, each with a space before it."""
    return options_from(
        names, results=asked.results, storage=asked.storage, data_dir=asked.data_dir, net=asked.net, device=asked.device
    )


def options_from(
    names: Sequence[str], *, results: Path, storage: str | None, data_dir: Path | None, net: str | None, device: str
) -> str:
    """Return these options where they are not the default ones, each with a space before it."""
    given = {
        "--results": None if results == options.RESULTS else results,
        "--storage": _shown(storage),
        "--data": data_dir,
        "--net": net,
        "--device": None if device == "auto" else device,
    }
    return "".join(_option(name, given[name]) for name in names)


def as_typed(storage: str | None) -> str:
    """Return the command line of this process as one would type it; its storage as in `options_of`."""
    return _typed(sys.argv[1:], storage)


def to_the_end(budget: str | None, storage: str | None) -> str:
    """Return the command line of this process with this budget and without --no-test; storage as in `options_of`."""
    words = [word for word in _without("--budget", sys.argv[1:]) if word != "--no-test"]
    return _typed(words, storage) + _option("--budget", budget)


def _typed(words: Sequence[str], storage: str | None) -> str:
    return shlex.join(["mnist-bench", *_without("--storage", words)]) + _option("--storage", _shown(storage))


def this_command(storage: str | None) -> list[str]:
    """Return the lines with the command line of this process, and `hint`."""
    return [f"  {as_typed(storage)}", *hint(storage)]


def note_stopped(what: str, storage: str | None) -> None:
    """Say on stderr that `what` was stopped, and how to go on."""
    output.note(f"{what} The same command goes on where it stopped:")
    for line in this_command(storage):
        output.note_command(line)


@contextmanager
def ended_at_once(storage: str | None) -> Iterator[None]:
    """Say how to go on where the work inside is interrupted and not ended gracefully.

    Raises:
        typer.Exit: it was interrupted.
    """
    try:
        yield
    except KeyboardInterrupt:
        note_stopped("Stopped at once; nothing finished is lost.", storage)
        raise typer.Exit(ExitCode.INTERRUPTED) from None


def hint(storage: str | None) -> list[str]:
    """Return what to know where the commands need a storage that they do not show."""
    if storage is None or _is_in_environment(storage) or _shown(storage) is not None:
        return []
    variable = options.STORAGE_VARIABLE
    return [f"  (with the same --storage, left out here for the password that it may hold; {variable} can name it too)"]


def _shown(storage: str | None) -> str | None:
    """Return a storage that a command line has to name, and may."""
    from search.database import is_secret

    return None if storage is None or _is_in_environment(storage) or is_secret(storage) else storage


def _is_in_environment(storage: str) -> bool:
    return storage == os.environ.get(options.STORAGE_VARIABLE)


def _option(name: str, value: object) -> str:
    return "" if value is None else f" {name} {shlex.quote(str(value))}"


def _without(option: str, words: Sequence[str]) -> Iterator[str]:
    """Yield the words of a command line without an option and its value."""
    for before, word in zip(["", *words], words, strict=False):
        if option not in (before, word) and not word.startswith(f"{option}="):
            yield word
