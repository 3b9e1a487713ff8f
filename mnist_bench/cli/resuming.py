"""The command line of this process: how to resume it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from mnist_bench.cli import output
from mnist_bench.cli.exit_codes import ExitCode
from search.defaults import STORAGE
from search.messages import command_line, without_option


def as_typed(storage: str | None, study: str | None = None) -> str:
    """Return the command line of this process as it is typed, with `storage` if a command may show that.

    `study` is the study that an experiment chose as the latest: another one may be the latest later.
    """
    from search.study.location import storage_to_show

    words, shown = [*without_option("--storage", sys.argv[1:])], storage_to_show(storage)
    if study is not None:
        command = next(place for place, word in enumerate(words) if not word.startswith("-"))
        words.insert(command + 1, study)
    return command_line(["mnist-bench", *words, *([] if shown is None else ["--storage", shown])])


def this_command(storage: str | None, study: str | None = None) -> list[str]:
    """Return the lines with the command line of this process, and `hint`; arguments as in `as_typed`."""
    return [f"  {as_typed(storage, study)}", *hint(storage)]


def note_stopped(what: str, storage: str | None, study: str | None = None) -> None:
    """Report on stderr that `what` was stopped, and how to continue; arguments as in `as_typed`."""
    output.note(f"{what} The same command continues where it stopped:")
    for line in this_command(storage, study):
        output.note_command(line)


@contextmanager
def ended_at_once(storage: str | None, study: str | None = None) -> Iterator[None]:
    """Report how to continue if the work inside is interrupted and not ended gracefully; arguments as in `as_typed`.

    Raises:
        typer.Exit: it was interrupted.
    """
    try:
        yield
    except KeyboardInterrupt as interruption:
        note_stopped("Stopped at once; no report is lost.", storage, study)
        raise typer.Exit(ExitCode.INTERRUPTED) from interruption


def hint(storage: str | None) -> list[str]:
    """Return a remark on a storage that commands need and do not show; nothing if there is none."""
    from search.study.location import is_in_environment, storage_to_show

    if storage is None or is_in_environment(storage) or storage_to_show(storage) is not None:
        return []
    variable = STORAGE.variable
    return [f"  (with the same --storage, not shown here because it may hold a password; {variable} can set it, too)"]
