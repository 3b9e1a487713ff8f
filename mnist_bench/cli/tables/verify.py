"""`mnist-bench table verify`: rows of a table trained again, and compared bit for bit."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from mnist_bench.cli import options, output
from mnist_bench.cli.exit_codes import ExitCode
from mnist_bench.cli.tables.card import Name


def verify(
    name: Name,
    rows: Annotated[int, typer.Option("--rows", min=1, metavar="N", help="Rows to train again, drawn at random.")] = 20,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the draw.")] = 0,
    workers: options.Workers = None,
    device: options.Device = "auto",
    json: options.Json = False,
    csv: options.Csv = False,
    markdown: options.Markdown = False,
    results: options.Results = options.RESULTS,
) -> None:
    """Train rows of a table again and compare bit for bit.

    If this machine has the canary of the row's machine, each period's errors, losses and weights and the errors on
    unseen images must be the same. Elsewhere the last error must be within the noise of a seed, which a table with one
    seed per point cannot tell. Exits with 4 if a row differs that must not. A row takes 5 to 15 seconds on one core.
    The same command continues a run that was stopped; _tables in the results folder holds the runs so far.
    """
    form = output.form(json=json, csv=csv, markdown=markdown)
    from mnist_bench import tables
    from mnist_bench.cli.experiments import runner
    from mnist_bench.experiments import verify_table

    asked = verify_table.VerifyOptions(
        rows=rows, seed=seed, workers=workers or options.suitable_workers(device), device=device, results=results
    )
    found = runner.result_of(partial(verify_table.verify_rows, tables.load(name), asked))
    output.show(form, verify_table.table_of(found))
    if not found.holds:
        raise typer.Exit(ExitCode.NOT_REPRODUCED)
