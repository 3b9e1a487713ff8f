"""The command line of this process: how to resume it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from mnist_bench.cli import output
from mnist_bench.cli.output import ExitCode
from search.messages import command_line


def as_typed(study: str | None = None) -> str:
    """Return the command line of this process as it is typed.

    `study` is the study that an experiment chose as the latest: another one may be the latest later.
    """
    words = sys.argv[1:]
    if study is not None:
        command = next(place for place, word in enumerate(words) if not word.startswith("-"))
        words.insert(command + 1, study)
    return command_line(["mnist-bench", *words])


def note_stopped(what: str, study: str | None = None) -> None:
    """Report on stderr that `what` was stopped, and how to continue; `study` as in `as_typed`."""
    output.note(f"{what} The same command continues where it stopped:")
    output.note_command(f"  {as_typed(study)}")


@contextmanager
def ended_at_once(study: str | None = None) -> Iterator[None]:
    """Report how to continue if the work inside is interrupted and not ended gracefully; `study` as in `as_typed`.

    Raises:
        typer.Exit: it was interrupted.
    """
    try:
        yield
    except KeyboardInterrupt as interruption:
        note_stopped("Stopped at once; no report is lost.", study)
        raise typer.Exit(ExitCode.INTERRUPTED) from interruption
