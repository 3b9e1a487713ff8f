"""`mnist-bench table card`: how noisy a table is, and how early its errors tell."""

from __future__ import annotations

from typing import Annotated

import typer

from mnist_bench.cli import options, output

Name = Annotated[str, typer.Argument(metavar="NAME|FILE.npz", help="A shipped table, or a table's file.")]


def card(
    name: Name,
    others: Annotated[
        list[str] | None,
        typer.Argument(metavar="OTHER", help="Tables to compare the ranks with; left out, the shipped ones."),
    ] = None,
    json: options.Json = False,
    csv: options.Csv = False,
    markdown: options.Markdown = False,
) -> None:
    """Print what a table is like: noise, ranks after each period, how many points tie with the best.

    Other tables count where they hold points with the same parameters: the ranks of one task beside those of another.
    """
    form = output.form(json=json, csv=csv, markdown=markdown)
    from mnist_bench import tables
    from mnist_bench.tables import table_card as statistics

    table = tables.load(name)
    beside = [tables.load(other) for other in others or tables.SHA256 if other != name]
    output.show(form, statistics.table_of(statistics.card_of(table, beside)))
