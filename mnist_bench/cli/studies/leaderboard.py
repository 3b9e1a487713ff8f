"""`mnist-bench leaderboard`: trials by rank, how sure the ranks are, and what sets them apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_bench.cli import options, output

if TYPE_CHECKING:
    from mnist_bench.leaderboard import Board
    from mnist_bench.result_table import Table

SHORT = 10
"""Rows shown to a person who asks for no number."""


def leaderboard(
    studies: Annotated[
        list[str] | None, typer.Argument(metavar="STUDY...", help="Names of studies; left out, the latest.")
    ] = None,
    top: Annotated[int | None, typer.Option("--top", min=1, metavar="N", help="Only the N best trials.")] = None,
    json: options.Json = False,
    csv: options.Csv = False,
    markdown: options.Markdown = False,
    results: options.Results = options.RESULTS,
    storage: options.Storage = None,
) -> None:
    """Show the best trials, with intervals and ties."""
    from mnist_bench.studies import leaderboard_cache

    rows = top or (None if json or csv or markdown else SHORT)
    names: list[str | None] = [*studies] if studies else [None]
    boards = [leaderboard_cache.leaderboard(results, name, storage, top=rows) for name in names]
    tables = [_table(board, results) for board in boards]
    if json:
        output.print_json({"studies": [table.document for table in tables]})
    else:
        output.show(output.form(csv=csv, markdown=markdown), *tables)


def _table(board: Board, results: Path) -> Table[Any]:
    """Return a board with what `confirm` found of the study, unless the study was searched further since."""
    from mnist_bench.experiments import confirm
    from mnist_bench.leaderboard import table_of

    known = confirm.load(results / board.study)
    if known is None or known.digest != board.digest:
        table = table_of(board)
        return replace(table, document={**table.document, "confirmed": None})
    table = table_of(board, raced=True)
    return replace(
        table,
        footnotes=[*table.footnotes, confirm.footnote(known)],
        document={**table.document, "confirmed": confirm.plain(known)},
    )
