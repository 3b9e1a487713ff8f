"""`mnist-bench studies`: list the studies, with what is needed to find and to resume one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench import cells
from mnist_bench.cli import options, output
from mnist_bench.cli.help import HelpfulCommand
from mnist_bench.cli.study_list import annotating, removal
from mnist_bench.cli.study_list.rows import Row, columns_for, row_of
from mnist_bench.result_table import Table
from search.errors import UsageError
from search.messages import command_line, listing, number_of, shortened
from search.study import SortKey

if TYPE_CHECKING:
    from search.study import StudySummary

RESUMED = 3
"""Unfinished studies whose commands are printed below the table."""
PURPOSE = 80
"""Characters of the purpose of a test-set evaluation: a line may be of another person's making."""
app = typer.Typer(invoke_without_command=True)


@app.callback()
def studies(
    context: typer.Context,
    match: Annotated[
        str | None,
        typer.Option("--match", metavar="TEXT", help="Only studies with this text in their name, note or tags."),
    ] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="Only studies with this tag. Repeatable.")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            "--where",
            metavar="CONDITION",
            help="Only studies that meet a condition, written like a constraint: 'days < 7 and failed == 0'.",
        ),
    ] = None,
    sort: Annotated[
        SortKey, typer.Option("--sort", help="Order: the newest, best or largest first, or by name.")
    ] = "modified",
    long: Annotated[
        bool, typer.Option("--long", "-l", help="Print all that is known about each study, with its whole note.")
    ] = False,
    json: options.Json = False,
    csv: options.Csv = False,
    markdown: options.Markdown = False,
    results: options.Results = options.RESULTS,
    storage: options.Storage = None,
) -> None:
    """List studies, or annotate and remove them.

    Below the table stand the commands that resume unfinished searches.

    Examples:
        mnist-bench studies
        mnist-bench studies --tag paper --sort best
        mnist-bench studies --match rotation --long
    """
    if context.invoked_subcommand is not None:
        _refuse_options_before(context)
        return
    from mnist_bench.studies import openings
    from search.study import list_studies, selected

    listed = list_studies(results, storage)
    found = selected(listed, match=match, tags=tags or (), where=where, sort=sort)
    rows = [row_of(summary, storage) for summary in found]
    _note_faults(found, results, storage)
    form = output.form(json=json, csv=csv, markdown=markdown)
    if not rows and form in ("table", "markdown"):
        _note_none(results, storage, are_others=bool(listed))
        return
    opened = openings.from_results(results)
    if long and form == "table":
        _print_long(rows)
        output.print_prose(_openings_line(results, opened))
        return
    document = {"studies": rows, "test_openings": opened}
    footnotes = [_openings_line(results, opened)]
    output.print_result(form, Table(rows=rows, columns=columns_for(rows), footnotes=footnotes, document=document))
    if form == "table":
        for line in _resuming_lines(rows):
            output.print_line(line)


def _note_faults(summaries: Sequence[StudySummary], results: Path, storage: str | None) -> None:
    from search.study import StudyLocation, all_failed

    for summary in summaries:
        if summary.unreadable is not None:
            output.note(f"{summary.name} cannot be read: {summary.unreadable}")
        if summary.first_failed is not None:
            output.note(all_failed(StudyLocation.of(summary.name, results, storage), summary.first_failed))


def _note_none(results: Path, storage: str | None, *, are_others: bool) -> None:
    from search.study import place_words, where

    if are_others:
        output.note(f"No study in {where(results, storage)} fits; without --match, --tag and --where, all are listed.")
        return
    command = command_line(["mnist-bench", "search", "conv", "--trials", "50", *place_words(results, storage)])
    output.note(f"No studies in {where(results, storage)}; `{command}` makes one.")


def _print_long(rows: Sequence[Row]) -> None:
    """Print a block of lines for each study, the note with its line breaks."""
    for row in rows:
        output.print_line(row["study"], "bold")
        for label, text in _entries(row):
            for number, line in enumerate(text.splitlines() if label == "note" else [text]):
                output.print_entry("" if number else f"  {label}", line)
        if row["resume"] is not None:
            output.print_line(output.entry("  resume", row["resume"]))
        output.print_line()


def _entries(row: Row) -> Iterator[tuple[str, str]]:
    failed = f", {row['failed']} failed" if row["failed"] else ""
    yield (
        "state",
        f"{row['state']}, {row['trials']} of {number_of(row['goal'], 'trial')}, {row['complete']} complete{failed}",
    )
    if row["best"] is not None:
        yield "best", (cells.value if row["foreign"] else cells.percent)(row["best"])
    yield "written", f"{row['modified'][:16].replace('T', ' ')} UTC"
    yield "folder", f"{row['path']}, {cells.size(row['bytes'])}"
    if row["tags"]:
        yield "tags", ", ".join(row["tags"])
    if row["note"]:
        yield "note", row["note"]
    for opening in row["test_openings"]:
        yield "tested", f'test set evaluated on {opening["time"][:10]} for "{_purpose(opening["purpose"])}"'


def _resuming_lines(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the commands that resume unfinished searches, those of the first few studies."""
    unfinished = [row for row in rows if row["resume"] is not None]
    if unfinished:
        yield ""
        yield "To resume:"
    width = max((len(row["study"]) for row in unfinished[:RESUMED]), default=0)
    for row in unfinished[:RESUMED]:
        yield f"  {row['study']:{width}}  {row['resume']}"
    if more := len(unfinished) - RESUMED:
        yield from [f"  and {more} more: `mnist-bench studies --long`"] if more > 0 else []


def _openings_line(results: Path, opened: int) -> str:
    """Return how often the test set was opened from a results folder, and the purpose of the last time."""
    from mnist_bench.leaderboard import test_set_line
    from mnist_bench.studies import openings

    line, last = test_set_line(opened), openings.latest_from_results(results)
    if last is None:
        return line
    which = "" if opened == 1 else "last "
    return f'{line.removesuffix(".")}, {which}for "{_purpose(last.purpose)}" on {last.time[:10]} ({last.ledger}).'


def _purpose(text: str) -> str:
    """Return the command and the subject for which the test set was opened."""
    return shortened(text.partition(";")[0], PURPOSE)


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


app.command("note", cls=HelpfulCommand)(annotating.note)
app.command("tag", cls=HelpfulCommand)(annotating.tag)
app.command("remove", cls=HelpfulCommand)(removal.remove)
