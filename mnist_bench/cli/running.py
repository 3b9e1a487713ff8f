"""Work that takes time on the command line: its progress on stderr, how it is stopped, and how it is resumed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, TypeVar

import typer

from mnist_bench.cli import output
from mnist_bench.cli.output import ExitCode
from mnist_bench.errors import Stopped
from mnist_bench.result_table import Line
from search.driver.interrupts import Interrupts
from search.messages import command_line

if TYPE_CHECKING:
    from mnist_bench.experiments.trainings import Observer

T = TypeVar("T")


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
    output.note(Line(f"  {as_typed(study)}"))


@contextmanager
def ended_at_once(study: str | None = None) -> Iterator[None]:
    """Report how to continue if the work inside is interrupted and not ended gracefully; `study` as in `as_typed`."""
    try:
        yield
    except KeyboardInterrupt as interruption:
        note_stopped("Stopped at once; no report is lost.", study)
        raise typer.Exit(ExitCode.INTERRUPTED) from interruption


def result_of(
    experiment: Callable[[Observer], T],
    *,
    keeps_work: bool = True,
    study: str | None = None,
) -> T:
    """Return the result of an experiment, which is called with its observer.

    `study` as in `as_typed`. `keeps_work`: whether the same command continues after a stop, which ends as typer.Exit.
    """
    from mnist_bench.api.arguments import WatchedRuns
    from mnist_bench.cli import live

    at_once = ended_at_once(study) if keeps_work else nullcontext()
    try:
        with at_once, live.screen() as screen, Interrupts(screen.say) as interrupts:
            return experiment(WatchedRuns(screen, interrupts.stopping))
    except Stopped as interruption:
        if keeps_work:
            note_stopped("Stopped.", study)
        else:
            output.note("Stopped. The next run starts from the beginning.")
        raise typer.Exit(ExitCode.INTERRUPTED) from interruption
