"""Draws one picture after the other into files: what fails stops no other, and what was drawn is told at the end."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_bench.cli import output

if TYPE_CHECKING:
    from mnist_bench.plots import Drawn, Format, Job
    from search.errors import SearchError


@contextmanager
def progress(total: int) -> Iterator[Callable[[str], None]]:
    """Offer a function that names the picture being drawn, on a terminal's line that is gone at the end."""
    console = output.console(stderr=True)
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda _kind: None
        return
    numbers = count(1)
    with console.status("") as status:
        yield lambda kind: status.update(f"{kind} {next(numbers)} of {total}")


def draw_all(jobs: Sequence[Job], folder: Path, formats: Sequence[Format], *, verbose: bool) -> list[Drawn]:
    """Draw pictures one after the other, and say on a terminal which one it is."""
    drawn = []
    with progress(len(jobs)) as begins:
        for job in jobs:
            begins(job.kind)
            drawn.append(draw(job, folder, formats, verbose=verbose))
    return drawn


def draw(job: Job, folder: Path, formats: Sequence[Format], *, verbose: bool) -> Drawn:
    """Draw a picture; one that cannot be drawn, for whatever reason, is told on stderr and leaves the others alone."""
    from mnist_bench.plots import files

    drawn = files.draw(job, folder, formats)
    if drawn.error is not None:
        if verbose and not drawn.foreseen:
            print_cause(drawn.error)
        output.note(f"{job.kind} is not drawn: {drawn.error}")
    return drawn


def print_cause(error: SearchError) -> None:
    """Print the traceback of the original error behind one that was not foreseen."""
    if error.__cause__ is not None:
        traceback.print_exception(error.__cause__)


def show(drawn: Sequence[Drawn]) -> None:
    """Print the files to stdout, and what belongs beside them to stderr, once all are drawn.

    So a reader that stops early, such as `head`, stops no picture.
    """
    for one in drawn:
        if one.error:
            continue
        for line in one.job.lines:
            output.note(line)
        for file in one.files:
            output.print_line(file)


def exit_code(drawn: Sequence[Drawn], *, named: bool) -> int:
    """Return the first error's code where its kind was named, nothing is drawn, or the error was not foreseen."""
    errors = [one for one in drawn if one.error]
    if not named and len(errors) < len(drawn):
        errors = [one for one in errors if not one.foreseen]
    return next((one.error.exit_code for one in errors if one.error), 0)


def plain(drawn: Sequence[Drawn]) -> dict[str, Any]:
    """Return what `--json` tells: files by kind, and reasons where there are none."""
    return {
        "pictures": [
            {"kind": one.job.kind, "files": [str(file) for file in one.files], "lines": list(one.job.lines)}
            for one in drawn
            if not one.error
        ],
        "skipped": [{"kind": one.job.kind, "reason": str(one.error)} for one in drawn if one.error],
    }
