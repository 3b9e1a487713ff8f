"""`mnist-bench leaderboard`: trials by rank, how sure the ranks are, and what sets them apart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_bench.cli import options

if TYPE_CHECKING:
    from mnist_bench.cli.views import Board
    from mnist_bench.experiments.confirm import Confirmed

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
    from mnist_bench.cli import output
    from mnist_bench.cli.views import board

    rows = top or (None if json or csv or markdown else SHORT)
    names: list[str | None] = [*studies] if studies else [None]
    boards = [_read(name, results, storage, rows) for name in names]
    confirmed = [_confirmed(one, results) for one in boards]
    if json:
        pairs = zip(boards, confirmed, strict=True)
        output.print_json({"studies": [board.plain(one) | {"confirmed": _plain(found)} for one, found in pairs]})
    elif csv:
        output.print_csv(board.csv_rows(boards))
    else:
        for index, one in enumerate(boards):
            if index:
                output.print_line()
            board.show(one, markdown=markdown)
            _print_confirmed(confirmed[index])


def _read(name: str | None, results: Path, storage: str | None, top: int | None) -> Board:
    from mnist_bench.studies import leaderboard_cache

    return leaderboard_cache.leaderboard(results, name, storage, top=top)


def _confirmed(board: Board, results: Path) -> Confirmed | None:
    """Return what `confirm` found of the study, unless the study was searched further since."""
    from mnist_bench.experiments.confirm import load

    found = load(results / board.study)
    return found if found and found.digest == board.digest else None


def _plain(found: Confirmed | None) -> dict[str, Any] | None:
    from mnist_bench.experiments.confirm import plain

    return None if found is None else plain(found)


def _print_confirmed(found: Confirmed | None) -> None:
    from mnist_bench.cli import output
    from mnist_bench.cli.views import confirmation

    if found is not None:
        output.print_line(confirmation.footnote(found))
