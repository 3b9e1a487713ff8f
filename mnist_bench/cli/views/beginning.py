"""A study that a command is to follow, though its search may have only begun."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mnist_bench.cli import output
from mnist_bench.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from search.study import StoredStudy


def open_to_follow(results: Path, name: str | None, storage: str | None) -> StoredStudy:
    """Return a study as `open_any`; one that has only begun is waited for.

    Raises:
        typer.Exit: Ctrl-C ended that.
        StudyNotFoundError, NewerVersionError, StorageError: as `open_any`.
    """
    from mnist_bench.studies import open_any
    from search.driver.attended import Interrupts
    from search.following import await_beginning, begun_last
    from search.study import StudyLocation

    if name is None and storage is None:
        name = begun_last(results)
    if name is not None:
        location = StudyLocation.of(name, results, storage)
        with Interrupts(lambda notice: None) as interrupts:
            if not await_beginning(location, interrupts.stopping, output.note):
                raise typer.Exit(ExitCode.INTERRUPTED)
    return open_any(results, name, storage)
