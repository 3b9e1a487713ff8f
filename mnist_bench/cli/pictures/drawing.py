"""Draws one picture after the other into files: what fails stops no other, and what was drawn is told at the end."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_bench.cli import output
from search.errors import SearchError, UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mnist_bench.plots import Format
    from search.errors import SearchError


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A picture to be drawn."""

    kind: str
    make: Callable[[], Figure]
    lines: Sequence[str] = ()
    """What is printed beside it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """A picture that was drawn, or the reason why it was not."""

    job: Job
    files: Sequence[Path] = ()
    error: SearchError | None = None
    foreseen: bool = True
    """Whether the error, if there is one, was written for the user."""


def check_target(target: Path, *, folder: bool) -> None:
    """Look whether a file, or a `folder`, can be written, before any work is spent on what goes there.

    Raises:
        UsageError: the file is a folder, or what it would lie in is none or is closed.
    """
    existing = next(path for path in (target, *target.parents) if os.path.exists(path))
    if folder and existing == target and not target.is_dir():
        raise UsageError(f"{target}: cannot be made a folder (File exists).")
    if not folder and target.is_dir():
        raise UsageError(f"{target}: cannot be written (it is a folder; name a file in it).")
    if existing != target and not existing.is_dir():
        raise UsageError(f"{target}: cannot be written ({existing} is a file, no folder).")
    # A file is replaced, which its folder has to allow; what is no regular file, such as /dev/stdout, is written to.
    written = existing.parent if existing.is_file() else existing
    if not os.access(written, os.W_OK):
        raise UsageError(f"{target}: cannot be written ({written} is closed to you).")


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
    from mnist_bench.plots import style

    try:
        return Drawn(job=job, files=style.save(job.make, folder / job.kind, formats))
    except Exception as error:
        failed = _failed(job, error)
        if verbose and not failed.foreseen:
            traceback.print_exc()
        output.note(f"{job.kind} is not drawn: {failed.error}")
        return failed


def _failed(job: Job, error: Exception) -> Drawn:
    if isinstance(error, SearchError):
        return Drawn(job=job, error=error)
    if isinstance(error, OSError):
        return Drawn(job=job, error=UsageError(f"it cannot be written ({error})."))
    told = f"{type(error).__name__}: {error} (unexpected; `mnist-bench -v plot {job.kind}` shows where)"
    return Drawn(job=job, error=SearchError(told), foreseen=False)


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
