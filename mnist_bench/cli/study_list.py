"""`mnist-bench studies`: list the studies, with what is needed to find and to resume one; remove them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench import options
from mnist_bench.api import reading
from mnist_bench.cells import size
from mnist_bench.cli import output
from mnist_bench.cli.command import takes
from mnist_bench.cli.help import HelpfulCommand
from mnist_bench.cli.output import Form
from mnist_bench.options import argument, option
from mnist_bench.result_table import Figure, Line, Result, Table
from search.errors import StorageError, UsageError
from search.hashed import Order, repeats
from search.messages import command_line, listing, number_of, shortened, without_option

if TYPE_CHECKING:
    from mnist_bench.data.test_set import LoggedEvaluation
    from search.study.folder import StudyFolder
    from search.study.studies import StudySummary


RESUMED = 3  # unfinished studies whose commands are printed below the table
PURPOSE = 80  # characters of the purpose of a test-set evaluation: a line may be of another person's making
app = typer.Typer(invoke_without_command=True)


@app.callback()
@takes(reading.studies, prints=["json"])
def studies(context: typer.Context, form: Form, results: Path) -> Result | None:
    """List studies, or remove them.

    Below the table, it prints the commands that resume unfinished searches.

    Examples:
        mnist-bench studies
        mnist-bench studies --json
    """
    if context.invoked_subcommand is not None:
        _refuse_options_before(context)
        return None
    from mnist_bench.data.test_set import times_evaluated_from
    from search.study.folder import place_words
    from search.study.studies import list_studies

    found = list_studies(results)
    rows = [row_of(summary) for summary in found]
    notes = [*_faults(found)]
    if not rows and form == "table":
        command = command_line(["mnist-bench", "search", "conv", "--trials", "50", *place_words(results)])
        return Result(notes=[*notes, f"No studies in {results}/; `{command}` makes one."])
    opened, last = times_evaluated_from(results)
    table = Table(
        rows=rows, figures=figures_of(rows), footnotes=[_evaluations_line(opened, last), *_resuming_lines(rows)]
    )
    return Result([table], document={"studies": table.records(), "test_evaluations": opened}, notes=notes)


def _faults(summaries: Sequence[StudySummary]) -> Iterator[str]:
    from search.study.folder import StudyFolder
    from search.study.studies import all_failed

    for summary in summaries:
        if summary.unreadable is not None:
            yield f"{summary.name} cannot be read: {summary.unreadable}"
        if summary.first_failed is not None:
            yield all_failed(StudyFolder(summary.path), summary.first_failed)


def _resuming_lines(rows: Sequence[Row]) -> Iterator[str]:
    unfinished = [row for row in rows if row.resume is not None]
    if unfinished:
        yield from ("", "To resume:")
    width = max((len(row.summary.name) for row in unfinished[:RESUMED]), default=0)
    yield from (Line(f"  {row.summary.name:{width}}  {row.resume}") for row in unfinished[:RESUMED])
    if (more := len(unfinished) - RESUMED) > 0:
        yield f"  and {more} more: `mnist-bench studies --json`"


def _evaluations_line(opened: int, last: LoggedEvaluation | None) -> str:
    from mnist_bench.leaderboard.board import test_set_line

    line = test_set_line(opened)
    if last is None:
        return line
    which, purpose = "" if opened == 1 else "last ", shortened(last.purpose.partition(";")[0], PURPOSE)
    return f'{line.removesuffix(".")}, {which}for "{purpose}" on {last.time[:10]} ({last.log}).'


def _refuse_options_before(context: typer.Context) -> None:
    """Refuse options before `remove` and others, which have their own: without them they would act elsewhere."""
    names = {str(param.name): max(param.opts, key=len) for param in context.command.params}
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = [names[name] for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if given:
        raise UsageError(
            f"{listing(given)}: write options after `studies {context.invoked_subcommand}`, which ignores those before "
            "it."
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A study in the list."""

    summary: StudySummary
    evaluations: Sequence[Mapping[str, str]]
    """The evaluations of the test set for it, each with its time and purpose, the oldest first."""
    resume: str | None  # the command that resumes its search, if that is paused


def row_of(summary: StudySummary) -> Row:
    from mnist_bench.data.test_set import entries_of
    from search.study.folder import StudyFolder

    noted: list[dict[str, str]] = []
    resume = None
    with suppress(StorageError):  # a file that leads elsewhere is refused when the study itself is opened
        files = StudyFolder(summary.path)
        noted = [{"time": each.time, "purpose": each.purpose} for each in entries_of(files)]
        resume = resume_command(files) if summary.state == "paused" else None
    return Row(summary=summary, evaluations=noted, resume=resume)


def resume_command(files: StudyFolder) -> str | None:
    """Return the command with which the search of a study, where it is now, continues; None if none can be shown.

    Each word is quoted again: the line may come from another person, and must not be more than one command.
    """
    from search.study.invocation_log import invocations, typed_commands

    typed = typed_commands(invocations(files))
    try:
        words = [] if not typed or "$'" in typed[-1] else shlex.split(typed[-1])
    except ValueError:
        words = []
    if words[:2] != ["mnist-bench", "search"]:
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
        "test set": not any(row.evaluations for row in rows),
        "order": all(repeats(order(row)) for row in rows),
    }
    figures: list[Figure[Row]] = [
        Figure("study", lambda row: row.summary.name, 9, key="study"),
        Figure(
            "trials", lambda row: row.summary.trials, 6, "right", key="trials",
            reads=lambda row: f"{row.summary.trials}/{row.summary.budget}",
        ),
        Figure("", lambda row: row.summary.budget, key="trial_budget"),
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
            "test set", lambda row: row.evaluations, 2, cell=lambda noted: noted[-1]["time"][:10] if noted else "",
            key="test_evaluations",
        ),
        Figure("order", order, 5, key="order"),
        Figure("", lambda row: not kind_of(row.summary.spec).of_nets, key="foreign"),
        Figure("", lambda row: row.resume, key="resume"),
        Figure("folder", lambda row: str(row.summary.path), 1, key="path"),
    ]  # fmt: skip
    return [replace(figure, heading="") if hidden.get(figure.heading) else figure for figure in figures]


WITHOUT_WEIGHTS = (
    "All results stay, and so do the hashes with which `reproduce` compares. `predict`, plots of a network and exports "
    "of confirmed networks need the weights. `mnist-bench reproduce STUDY/17 --weights` trains a trial again, bit for "
    "bit, and keeps its weights."
)


@app.command("remove", cls=HelpfulCommand)
@takes()
def remove(
    names: Annotated[Sequence[str], argument("The studies.", "STUDY")],
    weights: Annotated[bool, option("Remove only the weights of networks; trials and curves stay.")] = False,
    yes: Annotated[bool, option("Do not ask for confirmation.", names=("--yes", "-y"))] = False,
    results: options.Folder = options.RESULTS,
) -> None:
    """Remove studies and all their files, or only the weights of their networks.

    It lists what will be lost and asks once. A removed study cannot be restored. Nothing is removed while a process
    works on one of the studies.

    Examples:
        mnist-bench studies remove conv-0 conv-1
        mnist-bench studies remove conv-0 --weights
    """
    from search.study.studies import check_idle

    chosen = _chosen(names, results)
    check_idle(chosen)
    if weights:
        _remove_weights(chosen, yes=yes)
    else:
        _remove_studies(chosen, yes=yes)


def _chosen(names: Sequence[str], results: Path) -> dict[StudyFolder, StudySummary]:
    from search.study.folder import StudyFolder
    from search.study.studies import list_studies, no_such_study

    found = {summary.name: summary for summary in list_studies(results)}
    chosen = {}
    for files in (StudyFolder.of(name, results) for name in names):
        if files.name not in found:
            raise no_such_study(files)
        chosen[files] = found[files.name]
    return chosen


def _remove_studies(chosen: Mapping[StudyFolder, StudySummary], *, yes: bool) -> None:
    from search.study.studies import remove_study

    one = len(chosen) == 1
    what, loss = ("this study", "It") if one else (f"these {len(chosen)} studies", "They")
    lines = [
        f"{study.name}: {number_of(study.trials, 'trial')}, {size(study.bytes)} in {study.path}"
        for study in chosen.values()
    ]
    _ask(lines, f"Remove {what}? {loss} cannot be restored.", yes=yes)
    for files in chosen:
        remove_study(files)
        output.note(f"Removed {files.name}.")


def _remove_weights(folders: Iterable[StudyFolder], *, yes: bool) -> None:
    from search.study.studies import alone_with

    held = {files: paths for files in folders if (paths := _weights(files))}
    if not held:
        output.note("There are no weights to remove.")
        return
    lines = [f"{files.name}: {number_of(len(paths), 'file')}, {_size_of(paths)}" for files, paths in held.items()]
    total = _size_of([path for paths in held.values() for path in paths])
    _ask([*lines, WITHOUT_WEIGHTS], f"Remove {total} of weights?", yes=yes)
    for files in held:
        with alone_with(files):
            for path in _weights(files):
                path.unlink()
    output.note(f"Removed {total} of weights.")


def _weights(files: StudyFolder) -> list[Path]:
    return [*files.kept_weights().values(), *files.confirm.kept_nets().values()]


def _size_of(paths: Sequence[Path]) -> str:
    return size(sum(path.stat().st_size for path in paths))


def _ask(lines: Sequence[str], question: str, *, yes: bool) -> None:
    if not yes:
        for line in lines:
            output.note(line)
        typer.confirm(question, abort=True, err=True)
