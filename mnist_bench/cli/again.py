"""Commands to type next: this one once more, or others with those of its options that they need too."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from mnist_bench.cli import output
from mnist_bench.cli.exit_codes import ExitCode
from search.messages import command_line, quoted
from search.study import STORAGE_VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

    from mnist_bench.searches import SearchConfig

READING = ()
"""What a command needs that reads a study, beside the place of it."""
DRAWING = ("--data", "--net")
"""What one needs that looks at pictures of the data set, or runs a net."""
TRAINING = (*DRAWING, "--device")
"""What one needs that trains."""


def options_of(config: SearchConfig, names: Sequence[str]) -> str:
    """Return those options of a search that are not the default ones, each with a space before it."""
    return options_from(
        names,
        results=config.results,
        storage=config.storage,
        data_dir=config.data_dir,
        net=config.net,
        device=config.device,
    )


def options_from(
    names: Sequence[str], *, results: Path, storage: str | None, data_dir: Path | None, net: str | None, device: str
) -> str:
    """Return the options that name a study's place, and these, where they are not the default ones.

    Each has a space before it.
    """
    from search.study import place_options

    given = {"--data": data_dir, "--net": net, "--device": None if device == "auto" else device}
    return place_options(results, storage) + "".join(_option(name, given[name]) for name in names)


def as_typed(storage: str | None) -> str:
    """Return the command line of this process as one would type it; its storage as in `options_of`."""
    return _typed(sys.argv[1:], storage)


def to_the_end(budget: str | None, storage: str | None) -> str:
    """Return the command line of this process with this budget and without --no-test; storage as in `options_of`."""
    words = [word for word in _without("--budget", sys.argv[1:]) if word != "--no-test"]
    return _typed(words, storage) + _option("--budget", budget)


def _typed(words: Sequence[str], storage: str | None) -> str:
    from search.study import storage_to_show

    return command_line(["mnist-bench", *_without("--storage", words)]) + _option("--storage", storage_to_show(storage))


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
    from search.study import is_in_environment, storage_to_show

    if storage is None or is_in_environment(storage) or storage_to_show(storage) is not None:
        return []
    variable = STORAGE_VARIABLE
    return [f"  (with the same --storage, left out here for the password that it may hold; {variable} can name it too)"]


def _option(name: str, value: object) -> str:
    return "" if value is None else f" {name} {quoted(value)}"


def _without(option: str, words: Sequence[str]) -> Iterator[str]:
    """Yield the words of a command line without an option and its value."""
    for before, word in zip(["", *words], words, strict=False):
        if option not in (before, word) and not word.startswith(f"{option}="):
            yield word
