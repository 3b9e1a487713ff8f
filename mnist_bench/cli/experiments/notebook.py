"""`mnist-bench notebook`: train the 2017 notebook's networks again, and compare."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from mnist_bench.cli import options, output


def notebook(
    recipes: Annotated[
        list[str] | None,
        typer.Argument(metavar="RECIPE", show_default="all ten", help="Recipes: linear, hidden, vgg and others."),
    ] = None,
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, max=1000, metavar="N", help="Number of seeds, from 0 on.")
    ] = 5,
    workers: options.Workers = None,
    device: options.Device = "auto",
    precision: options.PrecisionOption = "auto",
    data_dir: options.DataDir = None,
    json: options.Json = False,
    csv: options.Csv = False,
    markdown: options.Markdown = False,
    results: options.Results = options.RESULTS,
) -> None:
    """Train the networks of the 2017 notebook again, and compare.

    As in the notebook, each network is evaluated on the test images after each epoch. These evaluations are logged;
    `mnist-bench studies` counts them. Run the same command again to resume an interrupted run. Runs of
    each precision are kept apart.

    Examples:
        mnist-bench notebook linear hidden --seeds 20
        mnist-bench notebook --markdown
    """
    form = output.form(json=json, csv=csv, markdown=markdown)
    from mnist_bench.cli.experiments import runner
    from mnist_bench.experiments import notebook as experiment

    # The recipes' own precision is portable, which no GPU computes.
    trains_on = device if precision in ("bf16", "fp32") else "cpu"
    asked = experiment.NotebookOptions(
        recipes=tuple(recipes or ()), seeds=seeds, workers=workers or options.suitable_workers(trains_on),
        device=device, precision=precision, data_dir=data_dir, results=results,
    )  # fmt: skip
    rows = runner.result_of(partial(experiment.train_notebook, asked))
    output.print_result(form, experiment.table_of(rows, seeds))
