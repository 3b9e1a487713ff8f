"""`mnist-bench studies`: list the studies, remove one, or log one to another program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_bench import cells
from mnist_bench.cells import size
from mnist_bench.cli import options, output
from mnist_bench.cli.help import HelpfulCommand
from mnist_bench.result_table import Column, Table
from search.errors import UsageError
from search.event_log import repeats
from search.messages import command_line, joined, listing, number_of

if TYPE_CHECKING:
    from search.study import StudySummary

app = typer.Typer(invoke_without_command=True)


@app.callback()
def studies(
    context: typer.Context,
    json: options.Json = False,
    csv: options.Csv = False,
    markdown: options.Markdown = False,
    results: options.Results = options.RESULTS,
    storage: options.Storage = None,
) -> None:
    """List studies, the most recently written first; remove one, or log one to another program.

    Examples:
        mnist-bench studies
        mnist-bench studies --results other --json
    """
    if context.invoked_subcommand is not None:
        _refuse_options_before(context)
        return
    from mnist_bench.studies import openings
    from search.study import StudyLocation, all_failed, list_studies, place_words, where

    opened = openings.from_results(results)
    summaries = list_studies(results, storage)
    rows = [_row(summary) for summary in summaries]
    for summary in summaries:
        if summary.unreadable is not None:
            output.note(f"{summary.name} cannot be read: {summary.unreadable}")
        if summary.first_failed is not None:
            output.note(all_failed(StudyLocation.of(summary.name, results, storage), summary.first_failed))
    form = output.form(json=json, csv=csv, markdown=markdown)
    if not rows and form in ("table", "markdown"):
        command = command_line(["mnist-bench", "search", "conv", "--trials", "50", *place_words(results, storage)])
        output.note(f"No studies in {where(results, storage)}; `{command}` makes one.")
        return
    document = {"studies": rows, "test_openings": opened}
    columns = COLUMNS if all(repeats(row["order"]) for row in rows) else [*COLUMNS[:-1], ORDER, COLUMNS[-1]]
    output.print_result(
        form, Table(rows=rows, columns=columns, footnotes=[_openings_line(results, opened)], document=document)
    )


def _openings_line(results: Path, opened: int) -> str:
    """Return how often the test set was opened from a results folder, and the purpose of the last time."""
    from mnist_bench.leaderboard import test_set_line
    from mnist_bench.studies import openings

    line, last = test_set_line(opened), openings.latest_from_results(results)
    if last is None:
        return line
    which = "" if opened == 1 else "last "
    purpose, day = last.purpose.partition(";")[0], last.time[:10]
    return f'{line.removesuffix(".")}, {which}for "{purpose}" on {day} ({last.ledger}).'


def _refuse_options_before(context: typer.Context) -> None:
    """Refuse options before `remove`, which has its own: without them it would act on the wrong folder.

    Raises:
        UsageError: there are some.
    """
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = [f"--{name}" for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if given:
        raise UsageError(
            f"{listing(given)}: write options after `studies {context.invoked_subcommand}`, which ignores those before "
            "it."
        )


@app.command("remove", cls=HelpfulCommand)
def remove(
    name: Annotated[str, typer.Argument(metavar="STUDY", help="The study to remove, with its weights.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    results: options.Results = options.RESULTS,
    storage: options.Storage = None,
) -> None:
    """Remove a study and all its files.

    The command asks for confirmation first. A removed study cannot be restored.

    Examples:
        mnist-bench studies remove conv-0
        mnist-bench studies remove conv-0 --results other
    """
    from search.study import StudyLocation, list_studies, no_such_study, remove_study, where

    location = StudyLocation.of(name, results, storage)
    found = {summary.name: summary for summary in list_studies(results, storage)}
    summary = found.get(name)
    if summary is None:
        raise no_such_study(location)
    what = str(summary.path) if storage is None else f"study {name} from {where(results, storage)}, and {summary.path}"
    if not yes:
        held = f"{number_of(summary.trials, 'trial')}, {size(summary.bytes)}"
        typer.confirm(f"Remove {what} ({held})?", abort=True, err=True)
    remove_study(results, name, storage)
    output.note(f"Removed {what}.")


@app.command("log", cls=HelpfulCommand)
def log(
    name: Annotated[str, typer.Argument(metavar="STUDY", help="The study to log.")],
    programs: Annotated[list[str], typer.Argument(metavar="PROGRAM", help="tensorboard, mlflow.")],
    results: options.Results = options.RESULTS,
    storage: options.Storage = None,
) -> None:
    """Log a study to TensorBoard or MLflow, finished or not.

    `search --log` does this while a search runs. What is logged already is left as it is.

    Examples:
        mnist-bench studies log conv-0 tensorboard
        mnist-bench studies log conv-0 mlflow
    """
    from mnist_bench.studies import validated
    from search import log_study

    study = validated.open_any(results, name, storage)
    log_study(study, programs)
    output.note(f"Logged study {name} to {joined(programs)}.")


def _row(summary: StudySummary) -> dict[str, Any]:
    from mnist_bench.studies import is_foreign

    return {
        "study": summary.name,
        "trials": summary.trials,
        "goal": summary.goal,
        "complete": summary.complete,
        "best": summary.best_value,
        "state": _state(summary),
        "bytes": summary.bytes,
        "modified": summary.modified,
        "path": str(summary.path),
        "foreign": is_foreign(summary.spec),
        "order": summary.spec.get("order", "logical"),
    }


def _state(summary: StudySummary) -> str:
    if summary.live:
        return "running"
    if summary.unreadable is not None:
        return "unreadable"
    if summary.ended_early:
        return "stopped early"
    return "finished" if summary.trials >= summary.goal else "paused"


COLUMNS: list[Column[dict[str, Any]]] = [
    Column("study", lambda row: row["study"], 9),
    Column("trials", lambda row: f"{row['trials']}/{row['goal']}", 6, "right"),
    Column("complete", lambda row: str(row["complete"]), 3, "right"),
    Column("best", lambda row: (cells.value if row["foreign"] else cells.percent)(row["best"]), 8, "right"),
    Column("state", lambda row: row["state"], 7),
    Column("size", lambda row: size(row["bytes"]), 2, "right"),
    Column("modified (UTC)", lambda row: row["modified"][:16].replace("T", " "), 4),
    Column("folder", lambda row: row["path"], 1),
]
ORDER: Column[dict[str, Any]] = Column(
    "order", lambda row: "deterministic" if repeats(row["order"]) else "completion", 5
)
"""The order of events, if a study used completion order, so that another run of its search may differ."""
