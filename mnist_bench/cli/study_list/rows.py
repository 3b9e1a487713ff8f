"""A study in the list of studies: its figures, its state, and the command that resumes it."""

from __future__ import annotations

import shlex
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mnist_bench import cells
from mnist_bench.cells import size
from mnist_bench.result_table import Column
from search.errors import StorageError
from search.event_log.records import repeats
from search.messages import command_line, without_option

if TYPE_CHECKING:
    from search.study.folder import StudyFolder
    from search.study.studies import StudySummary

Row = dict[str, Any]
SEARCH = ["mnist-bench", "search"]


def row_of(summary: StudySummary) -> Row:
    """Return a study as JSON has it."""
    from mnist_bench.studies.foreign import is_foreign
    from search.study.folder import StudyFolder

    row: Row = {
        "study": summary.name,
        "trials": summary.trials,
        "goal": summary.goal,
        "failed": summary.failed,
        "complete": summary.complete,
        "best": summary.best_value,
        "state": summary.state,
        "bytes": summary.bytes,
        "modified": summary.modified,
        "path": str(summary.path),
        "foreign": is_foreign(summary.spec),
        "order": summary.spec.get("order", "deterministic"),
        "resume": None,
        "test_openings": [],
    }
    with suppress(StorageError):  # a file that leads elsewhere is refused when the study itself is opened
        row |= _of_folder(StudyFolder(summary.path), row["state"])
    return row


def _of_folder(files: StudyFolder, state: str) -> Row:
    """Return the entries of a row that are read from the files in the study's folder."""
    from mnist_bench.studies import openings

    noted = [{"time": each.time, "purpose": each.purpose} for each in openings.of_study(files)]
    return {"test_openings": noted, "resume": resume_command(files) if state == "paused" else None}


def resume_command(files: StudyFolder) -> str | None:
    """Return the command with which the search of a study continues; None if it is not known."""
    from search.study.invocation_log import invocations

    typed = [made.command for made in invocations(files) if made.command is not None]
    return resuming(typed[-1], files) if typed else None


def resuming(typed: str, files: StudyFolder) -> str | None:
    """Return a search as it was typed, for the study where it is now; None if it is not a command that can be shown.

    Each word is quoted again: the line may come from another person, and must not be more than one command.
    """
    try:
        words = [] if "$'" in typed else shlex.split(typed)
    except ValueError:
        words = []
    if words[:2] != SEARCH:
        return None
    return command_line([*without_option("--results", words), *files.words])


def columns_for(rows: list[Row]) -> list[Column[Row]]:
    """Return the columns of a table; those that would be empty, or the same in every row, are left out."""
    shown = {
        "failed": any(row["failed"] for row in rows),
        "test set": any(row["test_openings"] for row in rows),
        "order": not all(repeats(row["order"]) for row in rows),
    }
    return [column for column in COLUMNS if shown.get(column.heading, True)]


COLUMNS: list[Column[Row]] = [
    Column("study", lambda row: row["study"], 9),
    Column("trials", lambda row: f"{row['trials']}/{row['goal']}", 6, "right"),
    Column("failed", lambda row: str(row["failed"]), 5, "right"),
    Column("complete", lambda row: str(row["complete"]), 3, "right"),
    Column("best", lambda row: (cells.value if row["foreign"] else cells.percent)(row["best"]), 8, "right"),
    Column("state", lambda row: row["state"], 7),
    Column("size", lambda row: size(row["bytes"]), 2, "right"),
    Column("modified (UTC)", lambda row: row["modified"][:16].replace("T", " "), 4),
    Column("test set", lambda row: row["test_openings"][-1]["time"][:10] if row["test_openings"] else "", 2),
    Column("order", lambda row: row["order"], 5),
    Column("folder", lambda row: row["path"], 1),
]
