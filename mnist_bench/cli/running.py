"""Work that takes time on the command line: its progress on stderr, how it is stopped, and how it is resumed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TypeVar

import typer

from mnist_bench import cells
from mnist_bench.cli import output
from mnist_bench.cli.output import ExitCode
from mnist_bench.config.schedule import leaves_validation
from mnist_bench.config.values import from_json
from mnist_bench.errors import Stopped
from mnist_bench.experiments.trainings import Observer, Task
from search.driver.interrupts import Interrupts
from search.messages import command_line
from search.trainer_api import Report

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


def result_of(
    experiment: Callable[[Observer], T],
    *,
    stopped: str = "Stopped.",
    keeps_work: bool = True,
    study: str | None = None,
) -> T:
    """Return the result of an experiment, which is called with its observer.

    `study` as in `as_typed`. `keeps_work`: whether the same command continues after a stop.

    Raises:
        typer.Exit: the user stopped it; the command that continues, if any does, is on stderr.
    """
    at_once = ended_at_once(study) if keeps_work else nullcontext()
    try:
        with at_once, Interrupts(output.note) as interrupts:
            return experiment(Lines(interrupts.stopping))
    except Stopped as interruption:
        if keeps_work:
            note_stopped(stopped, study)
        else:
            output.note(stopped)
        raise typer.Exit(ExitCode.INTERRUPTED) from interruption


class Lines(Observer):
    """Prints a line for each run that ends, and for each piece of news."""

    def __init__(self, stopping: Callable[[], bool] = lambda: False) -> None:
        self._started = time.monotonic()
        self._stopping = stopping

    def on_start(self, runs: int, seconds: float | None) -> None:
        """Print the number of runs."""
        lasts = "" if seconds is None else f", {cells.duration(seconds)} if none was trained before"
        output.note(f"About {runs} runs{lasts}.")

    def on_run(self, run: Task, reports: Sequence[Report]) -> None:
        """Print the result of a run."""
        trained = f"trained in {cells.duration(sum(report.seconds for report in reports))}"
        self.on_news(f"{run.title}: {', '.join([*_outcome(run, reports[-1]), trained])}")

    def on_news(self, text: str) -> None:
        """Print the news with the elapsed time."""
        output.note(f"{cells.duration(time.monotonic() - self._started):>11}  {text}")

    def stopping(self) -> bool:
        """Return whether the user asked to stop."""
        return self._stopping()


def _outcome(run: Task, last: Report) -> list[str]:
    """Return the accuracy or value of a run; empty for a network that was trained on the validation images."""
    if last.end not in (None, "finished"):
        return [last.end.replace("_", " ")]
    if "test_accuracy" in last.metrics:
        return [f"{cells.percent(last.metrics['test_accuracy'])} on the test images"]
    if not run.of_net:
        return [cells.value(last.value)]
    if leaves_validation(from_json(run.config).train_on):
        return [f"{cells.percent(last.value)} ({last.metrics['errors']} errors)"]
    return []
