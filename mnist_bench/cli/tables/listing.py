"""`mnist-bench table list`: the tables that come with the program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mnist_bench import units
from mnist_bench.cli import options, output
from mnist_bench.result_table import Column, Table

if TYPE_CHECKING:
    from mnist_bench.tables import RecordedBenchmark


def listing(json: options.Json = False, csv: options.Csv = False, markdown: options.Markdown = False) -> None:
    """List the tables that come with the program: their task, their size."""
    form = output.form(json=json, csv=csv, markdown=markdown)
    from mnist_bench import tables

    rows = [_row(tables.load(name)) for name in tables.SHA256]
    if not rows and form in ("table", "markdown"):
        output.note("This installation ships no table; `mnist-bench table show FILE.npz` shows one of yours.")
        return
    output.show(form, Table(rows=rows, columns=COLUMNS, document={"tables": rows}))


def _row(table: RecordedBenchmark) -> dict[str, Any]:
    from mnist_bench.tables import shipped

    return {
        "name": table.name,
        "task": table.about.task,
        "space": table.space.name,
        "points": len(table),
        "rows": len(table.arrays.point),
        "seeds": sorted({seed for seeds in table.seeds.values() for seed in seeds}),
        "epochs": list(table.about.epochs),
        "bytes": shipped.path_of(table.name).stat().st_size,
    }


COLUMNS: list[Column[dict[str, Any]]] = [
    Column("name", lambda row: row["name"], 9),
    Column("task", lambda row: row["task"], 8),
    Column("space", lambda row: row["space"], 4),
    Column("points", lambda row: f"{row['points']:,}", 7, "right"),
    Column("rows", lambda row: f"{row['rows']:,}", 6, "right"),
    Column("seeds", lambda row: str(len(row["seeds"])), 5, "right"),
    Column("epochs of the periods", lambda row: ", ".join(f"{epoch:g}" for epoch in row["epochs"]), 3),
    Column("size", lambda row: units.size(row["bytes"]), 2, "right"),
]
