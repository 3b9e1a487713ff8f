"""Prints about pictures: the kind being drawn, the reasons why some are missing, and the files of the others."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

from mnist_bench.cli import output

if TYPE_CHECKING:
    from mnist_bench.plots.kinds import Picture


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


def note_missing(pictures: Sequence[Picture], *, verbose: bool) -> None:
    """Print on stderr why pictures were not drawn; `verbose` adds the traceback of each unforeseen error."""
    for picture in pictures:
        if picture.error is None:
            continue
        if verbose and not picture.foreseen:
            traceback.print_exception(picture.error.__cause__)
        output.note(f"{picture.kind} is not drawn: {picture.error}")


def print_drawn(pictures: Sequence[Picture]) -> None:
    """Print the files to stdout, and the lines that belong to a picture to stderr.

    Call it once all are drawn: a reader that stops early, such as `head`, then stops no picture.
    """
    for picture in pictures:
        for line in picture.lines:
            output.note(line)
        for file in picture.files:
            output.print_line(file)


def exit_code(pictures: Sequence[Picture], *, named: bool) -> int:
    """Return the code of the first error that counts, or 0.

    If kinds were `named`, or nothing is drawn, every error counts; otherwise only unforeseen ones do.
    """
    errors = [(picture.error, picture.foreseen) for picture in pictures if picture.error is not None]
    every = named or len(errors) == len(pictures)
    return next((error.exit_code for error, foreseen in errors if every or not foreseen), 0)


def plain(pictures: Sequence[Picture]) -> dict[str, Any]:
    """Return the content of `--json`: files by kind, and the reasons why there are none."""
    return {
        "pictures": [
            {"kind": picture.kind, "files": [str(file) for file in picture.files], "lines": list(picture.lines)}
            for picture in pictures
            if picture.error is None
        ],
        "skipped": [{"kind": picture.kind, "reason": picture.reason} for picture in pictures if picture.error],
    }
