"""`mnist-bench leaderboard`: the trials by rank, with intervals, ties and their settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_bench.cli import options, output
from search.errors import UsageError

if TYPE_CHECKING:
    from mnist_bench.leaderboard import Leaderboard, LeaderboardRow
    from mnist_bench.next_commands import NextCommands
    from mnist_bench.result_table import Table
    from search.study import StudyLocation

SHORT = 10
"""Rows of a table without --top and --all."""
FEWEST = 3
"""Rows of such a table in a terminal that is too low for more."""


def leaderboard(
    studies: Annotated[
        list[str] | None, typer.Argument(metavar="STUDY", show_default="the latest study", help="One study or several.")
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(
            "--top", min=1, metavar="N", show_default="10 in a table, else all", help="Show only the N best trials."
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Include trials that were not trained: infeasible ones and duplicates.")
    ] = False,
    where: Annotated[
        str | None,
        typer.Option(
            "--where",
            metavar="CONDITION",
            help="Show only trials that meet a condition, written like a constraint: 'lr >= 0.01 and blocks == 3'.",
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            "--sort",
            metavar="NAME",
            show_default="the rank",
            help="Sort by a column, the smallest first; -NAME puts the largest first.",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option("--columns", metavar="NAME,NAME", show_default="all", help="Show only these columns."),
    ] = None,
    curves: Annotated[
        bool,
        typer.Option(
            "--learning-curves",
            "--curves",
            help="With --json or --csv: print the learning curves; CSV has one row per report.",
        ),
    ] = False,
    legend: Annotated[
        bool, typer.Option("--legend", rich_help_panel=options.OUTPUT, help="Explain the columns and signs.")
    ] = False,
    wide: options.Wide = False,
    json: options.Json = False,
    csv: options.Csv = False,
    markdown: options.Markdown = False,
    results: options.Results = options.RESULTS,
    storage: options.Storage = None,
) -> None:
    """Rank the trials of a study by validation accuracy, with intervals and ties.

    Brackets are 95% intervals. `=` marks each trial that is not significantly different from the first. `ahead` marks
    each pruned trial that was better than the first had been after the same training.

    JSON and CSV hold each trial's exact parameters under their dotted names: under `params` in JSON, one column each in
    CSV. The columns are the same whatever --top is.

    Examples:
        mnist-bench leaderboard conv-0 --top 20
        mnist-bench leaderboard conv-0 --where "lr >= 0.01 and blocks == 3" --sort params
        mnist-bench leaderboard conv-0 --columns trial,validation,lr --sort=-lr
        mnist-bench leaderboard conv-0 --csv > trials.csv
        mnist-bench leaderboard conv-0 --json --learning-curves   # with all learning curves
    """
    from mnist_bench.leaderboard import Selection, curve_records, select
    from mnist_bench.studies import leaderboard_cache
    from search.study import StudyLocation

    form = output.form(json=json, csv=csv, markdown=markdown, wide=wide)
    if curves and form not in ("json", "csv"):
        raise UsageError("--learning-curves needs --json or --csv.")
    if columns is not None and (curves or form == "json"):
        raise UsageError("--columns chooses columns of a table, Markdown or CSV; it is not for --json and curves.")
    selection = Selection(where=where, sort=sort, columns=tuple(columns.split(",")) if columns else ())
    rows = top or (SHORT if form in ("table", "wide") and not every else None)
    names: list[str | None] = [*studies] if studies else [None]
    read = rows if selection == Selection() else None
    boards = [
        leaderboard_cache.leaderboard(results, name, storage, top=read, infeasible=every, curves=curves)
        for name in names
    ]
    boards = [board if selection == Selection() else select(board, selection, rows) for board in boards]
    tables = [_table(board, StudyLocation.of(board.study, results, storage), legend=legend) for board in boards]
    if form == "json":
        output.print_json({"studies": [table.document for table in tables]})
    elif curves:
        output.print_csv([record for board in boards for record in curve_records(board)])
    elif form == "table" and not (top or every or legend) and len(boards) == 1:
        output.print_result(form, _fitting(boards[0], tables[0], results, storage))
    else:
        output.print_result(form, *tables)


def _fitting(
    board: Leaderboard, table: Table[LeaderboardRow], results: Path, storage: str | None
) -> Table[LeaderboardRow]:
    """Return a board's table with as many of its rows as a terminal shows at once, the prompt below it included."""
    from mnist_bench.leaderboard import cut
    from search.study import StudyLocation

    while (over := output.overflow(table)) and len(board.rows) > FEWEST:
        board = cut(board, max(FEWEST, len(board.rows) - over))
        table = _table(board, StudyLocation.of(board.study, results, storage))
    return table


def _table(board: Leaderboard, location: StudyLocation, *, legend: bool = False) -> Table[LeaderboardRow]:
    """Return a board with the findings of `confirm` about the study, unless the search continued since.

    With `legend` every column is explained; without, the table names the option that explains them.
    """
    from mnist_bench.studies import commands_at
    from search.study import has_its_folder, specification

    owns_folder = has_its_folder(location)
    commands = commands_at(location, specification(location), owns_folder=owns_folder)
    found = _with_values if board.net is None else _with_race
    table = found(board, location.folder if owns_folder else None, commands)
    if not legend:
        return replace(table, explained_by="`--legend`")
    about = [f"{column.heading}: {column.about}" for column in table.columns if column.about]
    return replace(table, footnotes=[*table.footnotes, "", *about])


def _with_values(board: Leaderboard, folder: Path | None, commands: NextCommands) -> Table[LeaderboardRow]:
    from mnist_bench.experiments import confirm_values
    from mnist_bench.leaderboard import table_of

    table = table_of(board, commands=commands)
    found = confirm_values.load_values(folder) if folder else None
    found = found if found and found.digest == board.digest else None
    told = [confirm_values.footnote_of_values(found)] if found else []
    document = {**table.document, "confirmed": found and confirm_values.plain_values(found)}
    return replace(table, footnotes=[*table.footnotes, *told], document=document)


def _with_race(board: Leaderboard, folder: Path | None, commands: NextCommands) -> Table[LeaderboardRow]:
    from mnist_bench.experiments import confirm
    from mnist_bench.leaderboard import table_of

    race, front = (confirm.load(folder), confirm.load_front(folder)) if folder else (None, None)
    race = race if race and race.digest == board.digest else None
    front = front if front and front.digest == board.digest else None
    raced = race is not None and len(race.candidates) > 1
    table = table_of(board, raced=raced, commands=commands)
    below: list[str] = []
    more: dict[str, Any] = {"confirmed": race and confirm.plain(race)}
    if board.cost is not None:
        more["confirmed_front"] = front and confirm.plain_front(front)
        if front or (board.front and not board.live):
            below.append(confirm.front_footnote(front, commands))
    if race:
        below.append(confirm.footnote(race, commands))
    return replace(table, footnotes=[*table.footnotes, *below], document={**table.document, **more})
