"""`mnist-bench table`: list, show, describe and verify tabular benchmarks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_bench import cells
from mnist_bench.cli import options, output, targets
from mnist_bench.cli.exit_codes import ExitCode
from mnist_bench.cli.help import HelpfulCommand
from mnist_bench.result_table import Column, Table, key_column
from search.messages import number_of

if TYPE_CHECKING:
    from mnist_bench.tables import RecordedBenchmark

app = typer.Typer(help="List, show and verify tabular benchmarks.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME|FILE.npz", help="A bundled table, or the file of a table.")]


@app.command("list", cls=HelpfulCommand)
def listing(json: options.Json = False, csv: options.Csv = False, markdown: options.Markdown = False) -> None:
    """List the bundled tables.

    Examples:
        mnist-bench table list
        mnist-bench table list --json
    """
    form = output.form(json=json, csv=csv, markdown=markdown)
    from mnist_bench import tables

    rows = [_shipped_row(tables.load(name)) for name in tables.SHA256]
    if not rows and form in ("table", "markdown"):
        output.note("This installation has no bundled table; `mnist-bench table show FILE.npz` shows your own.")
        return
    output.print_result(form, Table(rows=rows, columns=SHIPPED, document={"tables": rows}))


@app.command("show", cls=HelpfulCommand)
def show_table(
    target: Annotated[
        str,
        typer.Argument(
            metavar="NAME|NAME/17", help="A bundled table, the file of a table, or one of its configurations."
        ),
    ],
    json: options.Json = False,
    csv: options.Csv = False,
    markdown: options.Markdown = False,
) -> None:
    """Show the content and origin of a table, or one of its configurations with its learning curves.

    Examples:
        mnist-bench table show conv-5k
        mnist-bench table show conv-5k/17
    """
    form = output.form(json=json, csv=csv, markdown=markdown)
    from mnist_bench import tables

    name, point = (None if Path(target).is_file() else targets.numbered(target)) or (target, None)
    table = tables.load(name)
    if point is None:
        output.print_result(form, _whole(table))
    elif form == "csv":
        output.print_result(form, _curves(table, point))
    else:
        output.print_result(form, _parameters(table, point), _curves(table, point))


@app.command("card", cls=HelpfulCommand)
def card(
    name: Name,
    others: Annotated[
        list[str] | None,
        typer.Argument(metavar="OTHER", show_default="the bundled tables", help="Tables to compare the ranks with."),
    ] = None,
    json: options.Json = False,
    csv: options.Csv = False,
    markdown: options.Markdown = False,
) -> None:
    """Describe a table: its noise, its ranks after each report, and the ties with its best configuration.

    Other tables are included if they hold configurations with the same parameters. Then the ranks on the two tasks are
    compared.

    Examples:
        mnist-bench table card conv-5k
        mnist-bench table card conv-5k grid-5k --markdown
    """
    form = output.form(json=json, csv=csv, markdown=markdown)
    from mnist_bench import tables
    from mnist_bench.tables import table_card as statistics

    table = tables.load(name)
    compared = [tables.load(other) for other in others or tables.SHA256 if other != name]
    output.print_result(form, statistics.table_of(statistics.card_of(table, compared)))


@app.command("verify", cls=HelpfulCommand)
def verify(
    name: Name,
    rows: Annotated[
        int, typer.Option("--rows", min=1, metavar="N", help="Number of rows to train again, drawn at random.")
    ] = 20,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Seed of the draw.")] = 0,
    workers: options.Workers = None,
    device: options.Device = "auto",
    json: options.Json = False,
    csv: options.Csv = False,
    markdown: options.Markdown = False,
    results: options.Results = options.RESULTS,
) -> None:
    """Train rows of a table again, and compare them bit for bit.

    If this machine passes the numerics check of the row's machine, all errors, losses and weights must be identical.
    Otherwise the last error must be within the noise between seeds, which a table with one seed per configuration
    cannot show. The exit code is 4 if a row differs that must not. A row takes 5 to 15 s on one core. Run the same
    command again to resume an interrupted run; `_tables` in the results folder holds the runs so far.

    Examples:
        mnist-bench table verify conv-5k --rows 20
        mnist-bench table verify conv-5k --rows 5 --seed 1 --json
    """
    form = output.form(json=json, csv=csv, markdown=markdown)
    from mnist_bench import tables
    from mnist_bench.cli.experiments import runner
    from mnist_bench.experiments import verify_table

    asked = verify_table.VerifyOptions(
        rows=rows, seed=seed, workers=workers or options.suitable_workers(device), device=device, results=results
    )
    found = runner.result_of(partial(verify_table.verify_rows, tables.load(name), asked))
    output.print_result(form, verify_table.table_of(found))
    if not found.holds:
        raise typer.Exit(ExitCode.NOT_REPRODUCED)


def _shipped_row(table: RecordedBenchmark) -> dict[str, Any]:
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


def _whole(table: RecordedBenchmark) -> Table[dict[str, Any]]:
    about = table.about
    images = ", ".join(f"{count:,} {what}" for what, count in _images(table))
    epochs = ", ".join(f"{epoch:g}" for epoch in about.epochs)
    rows = list(_rows(table))
    versions = ", ".join(f"{name} {version}" for name, version in about.versions.items())
    return Table(
        rows=rows,
        columns=ROWS,
        caption=[
            f"Table {table.name}: space {table.space.name} ({number_of(len(table.space.ranges), 'range')}) on task "
            f"{about.task} ({images}).",
            f"{number_of(len(table), 'configuration')}, {number_of(len(table.arrays.point), 'run')}; a training "
            f"reports after {epochs} epochs.",
        ],
        footnotes=[
            f"Trainer revision {about.trainer_revision}, {versions}; data {about.data_hash[:8]}, split "
            f"{about.split_hash[:8]}. Made: {about.made}.",
            f"Seconds are modeled: {about.pace['scale']:.2f} times the estimated cost, a training off by "
            f"{100 * about.pace['deviation']:.0f}%.",
            *([f"{number_of(len(about.near), 'configuration')} near copies of others."] if about.near else []),
        ],
        document={
            "name": table.name, "task": about.task, "space": about.space, "images": dict(about.images),
            "points": len(table), "rows": len(table.arrays.point), "epochs": list(about.epochs), "trained": rows,
            "data_hash": about.data_hash, "split_hash": about.split_hash, "trainer_revision": about.trainer_revision,
            "coefficients": dict(about.coefficients), "numerics": list(about.numerics),
            "versions": dict(about.versions), "made": about.made, "pace": dict(about.pace),
            "near": [list(copy) for copy in about.near],
        },
    )  # fmt: skip


def _images(table: RecordedBenchmark) -> Iterator[tuple[str, int]]:
    words = {"train": "images to train on", "validation": "whose errors a search sees", "unseen": "that it never sees"}
    return ((words[part], table.about.images[part]) for part in words)


def _rows(table: RecordedBenchmark) -> Iterator[dict[str, Any]]:
    """Yield a row for each seed and machine."""
    arrays, about = table.arrays, table.about
    keys = list(zip(arrays.seed.tolist(), arrays.canary.tolist(), strict=True))
    diverged = Counter(key for key, unseen in zip(keys, arrays.unseen.tolist(), strict=True) if unseen < 0)
    for (seed, canary), count in sorted(Counter(keys).items()):
        machine = about.numerics[canary]
        yield {
            "seed": seed, "canary": about.canaries[canary], "cpu": machine.get("cpu"), "kind": machine.get("kind"),
            "rows": count, "diverged": diverged[seed, canary],
        }  # fmt: skip


def _parameters(table: RecordedBenchmark, point: int) -> Table[Mapping[str, Any]]:
    params = table.params(point)
    arrays = table.arrays
    copies = [
        f"A copy of configuration {origin}, {distance:.3f} away."
        for copy, origin, distance in table.about.near
        if copy == point
    ]
    return Table(
        rows=[{"parameter": path, "value": cells.value(value)} for path, value in params.items()],
        columns=[key_column("parameter", 9), key_column("value", 8)],
        caption=[
            f"Configuration {point} of table {table.name}: {int(arrays.parameters[point]):,} parameters, "
            f"{int(arrays.macs[point]):,} MACs per image.",
            *copies,
        ],
        document={
            "table": table.name, "point": point, "params": dict(params), "parameters": int(arrays.parameters[point]),
            "macs": int(arrays.macs[point]),
        },
    )  # fmt: skip


def _curves(table: RecordedBenchmark, point: int) -> Table[dict[str, Any]]:
    seeds = table.seeds.get(point, ())
    rows = [row for seed in seeds for row in _curve(table, point, seed)]
    unseen = [f"{cells.percent(table.unseen_error(point, seed))} (seed {seed})" for seed in seeds]
    return Table(
        rows=rows,
        columns=CURVES,
        footnotes=[f"On the images that no search sees, after the last report: {', '.join(unseen)}."] if unseen else [],
        document={
            "curve": rows,
            "unseen_errors": {str(seed): table.row(point, seed).unseen_errors for seed in seeds},
        },
    )


def _curve(table: RecordedBenchmark, point: int, seed: int) -> Iterator[dict[str, Any]]:
    costs = table.arrays.costs[point].tolist()
    for epoch, cost, period in zip(table.about.epochs, costs, table.row(point, seed).periods, strict=False):
        error = None if period.errors is None else period.errors / table.about.images["validation"]
        yield {
            "seed": seed, "epoch": epoch, "errors": period.errors, "error": error, "train_loss": period.train_loss,
            "val_loss": period.val_loss, "cost": cost / 1e6, "weights": period.weights,
        }  # fmt: skip


SHIPPED: list[Column[dict[str, Any]]] = [
    Column("name", lambda row: row["name"], 9),
    Column("task", lambda row: row["task"], 8),
    Column("space", lambda row: row["space"], 4),
    Column("points", lambda row: f"{row['points']:,}", 7, "right"),
    Column("rows", lambda row: f"{row['rows']:,}", 6, "right"),
    Column("seeds", lambda row: str(len(row["seeds"])), 5, "right"),
    Column("epochs of the periods", lambda row: ", ".join(f"{epoch:g}" for epoch in row["epochs"]), 3),
    Column("size", lambda row: cells.size(row["bytes"]), 2, "right"),
]
ROWS: list[Column[dict[str, Any]]] = [
    Column("seed", lambda row: str(row["seed"]), 8, "right"),
    Column("rows", lambda row: f"{row['rows']:,}", 9, "right"),
    Column("diverged", lambda row: f"{row['diverged']:,}", 6, "right"),
    Column("canary", lambda row: f"{row['canary'][:4]}…", 7),
    Column("kind", lambda row: row["kind"] or "–", 4),
    Column("processor", lambda row: row["cpu"] or "–", 5),
]
CURVES: list[Column[dict[str, Any]]] = [
    Column("seed", lambda row: str(row["seed"]), 9, "right"),
    Column("epoch", lambda row: f"{row['epoch']:g}", 8, "right"),
    Column("errors", lambda row: "diverged" if row["errors"] is None else str(row["errors"]), 6, "right"),
    Column("error", lambda row: cells.percent(row["error"]), 7, "right"),
    Column("train loss", lambda row: cells.value(row["train_loss"]), 4, "right"),
    Column("val loss", lambda row: cells.value(row["val_loss"]), 5, "right"),
    Column("cost (estimated)", lambda row: cells.duration(row["cost"]), 3, "right"),
    Column("weights", lambda row: f"{row['weights'][:8]}…", 2),
]
