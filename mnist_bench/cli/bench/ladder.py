"""`mnist-bench bench ladder`: recipes for test accuracies of 99.0 to 99.7 %, over many seeds, and what they take."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from mnist_bench.cli import options, output


def ladder(
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="TARGET", help="99.0, 99.4, 99.6, 99.7; left out, all four.")
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=1000, metavar="N", help="Train with N seeds.")] = 10,
    workers: options.Workers = None,
    device: options.Device = "auto",
    precision: options.PrecisionOption = "auto",
    data_dir: options.DataDir = None,
    json: options.Json = False,
    csv: options.Csv = False,
    markdown: options.Markdown = False,
    results: options.Results = options.RESULTS,
) -> None:
    """Train the recipes that are to reach 99.0, 99.4, 99.6 and 99.7 %.

    Epochs and seeds are fixed, and each run is evaluated on the test images after its last epoch; the ledger logs that.
    Then one run of each recipe is timed as a process of its own. The same command continues a run that was stopped or
    killed; _ladder in the results folder holds the runs and their times.
    """
    form = output.form(json=json, csv=csv, markdown=markdown)
    from mnist_bench.cli.experiments import runner
    from mnist_bench.experiments import ladder as experiment

    asked = experiment.LadderOptions(
        targets=tuple(targets or ()), seeds=seeds, workers=workers or options.suitable_workers(device), device=device,
        precision=precision, data_dir=data_dir, results=results,
    )  # fmt: skip
    found = runner.result_of(partial(experiment.train_ladder, asked))
    output.show(form, experiment.table_of(found))
