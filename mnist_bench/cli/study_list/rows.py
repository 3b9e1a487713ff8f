"""A study in the list of studies: its figures, its state, and the command that resumes it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mnist_bench.cells import size
from mnist_bench.result_table import Figure
from search.errors import StorageError
from search.hashed import Order, repeats
from search.messages import command_line, without_option

if TYPE_CHECKING:
    from search.study.folder import StudyFolder
    from search.study.studies import StudySummary

SEARCH = ["mnist-bench", "search"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A study in the list."""

    summary: StudySummary
    openings: Sequence[Mapping[str, str]]
    """The openings of the test set for it, each with its time and purpose, the oldest first."""
    resume: str | None  # the command that resumes its search, if that is paused


def row_of(summary: StudySummary) -> Row:
    """Return a study with what is read from the files in its folder."""
    from mnist_bench.data.test_set import openings_of
    from search.study.folder import StudyFolder

    noted: list[dict[str, str]] = []
    resume = None
    with suppress(StorageError):  # a file that leads elsewhere is refused when the study itself is opened
        files = StudyFolder(summary.path)
        noted = [{"time": each.time, "purpose": each.purpose} for each in openings_of(files)]
        resume = resume_command(files) if summary.state == "paused" else None
    return Row(summary=summary, openings=noted, resume=resume)


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


def figures_of(rows: Sequence[Row]) -> list[Figure[Row]]:
    """Return the figures of a study; columns that would be empty, or the same in every row, are left out."""
    from mnist_bench.value_kind import kind_of

    def order(row: Row) -> Order:
        found: Order = row.summary.spec.get("order", "deterministic")
        return found

    hidden = {
        "failed": not any(row.summary.failed for row in rows),
        "test set": not any(row.openings for row in rows),
        "order": all(repeats(order(row)) for row in rows),
    }
    figures: list[Figure[Row]] = [
        Figure("study", lambda row: row.summary.name, 9, key="study"),
        Figure(
            "trials", lambda row: row.summary.trials, 6, "right", key="trials",
            reads=lambda row: f"{row.summary.trials}/{row.summary.goal}",
        ),
        Figure("", lambda row: row.summary.goal, key="goal"),
        Figure("failed", lambda row: row.summary.failed, 5, "right", key="failed"),
        Figure("complete", lambda row: row.summary.complete, 3, "right", key="complete"),
        Figure(
            "best", lambda row: row.summary.best_value, 8, "right", key="best",
            reads=lambda row: kind_of(row.summary.spec).text(row.summary.best_value),
        ),
        Figure("state", lambda row: row.summary.state, 7, key="state"),
        Figure("size", lambda row: row.summary.bytes, 2, "right", size, key="bytes"),
        Figure(
            "modified (UTC)", lambda row: row.summary.modified, 4, cell=lambda time: time[:16].replace("T", " "),
            key="modified",
        ),
        Figure(
            "test set", lambda row: row.openings, 2, cell=lambda noted: noted[-1]["time"][:10] if noted else "",
            key="test_openings",
        ),
        Figure("order", order, 5, key="order"),
        Figure("", lambda row: not kind_of(row.summary.spec).of_nets, key="foreign"),
        Figure("", lambda row: row.resume, key="resume"),
        Figure("folder", lambda row: str(row.summary.path), 1, key="path"),
    ]  # fmt: skip
    return [replace(figure, heading="") if hidden.get(figure.heading) else figure for figure in figures]
