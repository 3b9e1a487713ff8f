"""`mnist-bench studies`: list the studies, with what is needed to find and to resume one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mnist_bench.cli import options, output
from mnist_bench.cli.help import HelpfulCommand
from mnist_bench.cli.study_list import removal
from mnist_bench.cli.study_list.rows import Row, figures_of, row_of
from mnist_bench.result_table import Table
from search.errors import UsageError
from search.messages import command_line, listing, shortened

if TYPE_CHECKING:
    from mnist_bench.data.test_set import Opening
    from search.study.studies import StudySummary

RESUMED = 3
"""Unfinished studies whose commands are printed below the table."""
PURPOSE = 80
"""Characters of the purpose of a test-set evaluation: a line may be of another person's making."""
app = typer.Typer(invoke_without_command=True)


@app.callback()
def studies(
    context: typer.Context,
    json: options.Json = False,
    csv: options.Csv = False,
    markdown: options.Markdown = False,
    results: options.Results = options.RESULTS,
) -> None:
    """List studies, or remove them.

    Below the table stand the commands that resume unfinished searches.

    Examples:
        mnist-bench studies
        mnist-bench studies --json
    """
    if context.invoked_subcommand is not None:
        _refuse_options_before(context)
        return
    from mnist_bench.data.test_set import times_opened_from
    from search.study.studies import list_studies

    found = list_studies(results)
    rows = [row_of(summary) for summary in found]
    _note_faults(found)
    form = output.form(json=json, csv=csv, markdown=markdown)
    if not rows and form in ("table", "markdown"):
        _note_none(results)
        return
    opened, last = times_opened_from(results)
    table = Table(rows=rows, figures=figures_of(rows), footnotes=[_openings_line(opened, last)])
    document = {"studies": table.records(), "test_openings": opened}
    output.print_result(form, replace(table, document=document))
    if form == "table":
        for line in _resuming_lines(rows):
            output.print_line(line)


def _note_faults(summaries: Sequence[StudySummary]) -> None:
    from search.study.folder import StudyFolder
    from search.study.studies import all_failed

    for summary in summaries:
        if summary.unreadable is not None:
            output.note(f"{summary.name} cannot be read: {summary.unreadable}")
        if summary.first_failed is not None:
            output.note(all_failed(StudyFolder(summary.path), summary.first_failed))


def _note_none(results: Path) -> None:
    from search.study.folder import place_words

    command = command_line(["mnist-bench", "search", "conv", "--trials", "50", *place_words(results)])
    output.note(f"No studies in {results}/; `{command}` makes one.")


def _resuming_lines(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the commands that resume unfinished searches, those of the first few studies."""
    unfinished = [row for row in rows if row.resume is not None]
    if unfinished:
        yield ""
        yield "To resume:"
    width = max((len(row.summary.name) for row in unfinished[:RESUMED]), default=0)
    for row in unfinished[:RESUMED]:
        yield f"  {row.summary.name:{width}}  {row.resume}"
    if more := len(unfinished) - RESUMED:
        yield from [f"  and {more} more: `mnist-bench studies --json`"] if more > 0 else []


def _openings_line(opened: int, last: Opening | None) -> str:
    """Return how often the test set was opened from a results folder, and the command and subject of the last time."""
    from mnist_bench.leaderboard.board import test_set_line

    line = test_set_line(opened)
    if last is None:
        return line
    which, purpose = "" if opened == 1 else "last ", shortened(last.purpose.partition(";")[0], PURPOSE)
    return f'{line.removesuffix(".")}, {which}for "{purpose}" on {last.time[:10]} ({last.ledger}).'


def _refuse_options_before(context: typer.Context) -> None:
    """Refuse options before `remove` and others, which have their own: without them they would act elsewhere.

    Raises:
        UsageError: there are some.
    """
    names = {str(param.name): max(param.opts, key=len) for param in context.command.params}
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = [names[name] for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if given:
        raise UsageError(
            f"{listing(given)}: write options after `studies {context.invoked_subcommand}`, which ignores those before "
            "it."
        )


app.command("remove", cls=HelpfulCommand)(removal.remove)
