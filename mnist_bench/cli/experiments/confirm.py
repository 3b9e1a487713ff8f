"""`mnist-bench confirm`: fresh seeds, then all training images, then the test set once."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from mnist_bench.cli import options, output


def confirm(
    study: Annotated[str | None, typer.Argument(metavar="[STUDY]", help="Left out, the latest.")] = None,
    top: Annotated[int, typer.Option("--top", min=1, max=100, metavar="N", help="Race the N best.")] = 8,
    budget: Annotated[
        str | None,
        typer.Option("--budget", metavar="TIME", help="End the race in time for this, e.g. 90s, 15m, 1h."),
    ] = None,
    workers: options.Workers = None,
    device: options.Device = "auto",
    data_dir: options.DataDir = None,
    json: options.Json = False,
    results: options.Results = options.RESULTS,
    storage: options.Storage = None,
) -> None:
    """Race the best with fresh seeds, then open the test set once.

    The best trials' configurations train with fresh seeds, the same for all: 1, 2, 4, then 8. A paired test drops those
    shown to be worse. Then the winner, and the cheapest of those tied with it, train on all training images with 8
    seeds, and the test set is opened once. The same command goes on where an earlier run of it was stopped or killed.
    """
    from mnist_bench.cli.experiments import runner
    from mnist_bench.experiments.confirm import Options, table_of
    from mnist_bench.experiments.confirm.run import run
    from mnist_bench.leaderboard import test_set_line
    from mnist_bench.studies import open_study, openings
    from search.study import StudyLocation

    asked = Options(
        top=top, budget=None if budget is None else options.seconds(budget),
        workers=workers or options.suitable_workers(device), device=device, data_dir=data_dir, results=results,
    )  # fmt: skip
    record = open_study(results, study, storage)
    found = runner.result_of(partial(run, record, asked), storage=storage)
    opened = openings.for_study(StudyLocation.of(record.name, results, storage))
    table = table_of(found)
    output.show(
        output.form(json=json),
        replace(
            table,
            footnotes=[*table.footnotes, test_set_line(opened)],
            document={**table.document, "test_openings": opened},
        ),
    )
