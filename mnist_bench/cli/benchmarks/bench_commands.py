"""`mnist-bench bench`: measure recipes and search methods."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from mnist_bench.cli import options, output
from mnist_bench.cli.benchmarks import bench_search
from mnist_bench.cli.help import HelpfulCommand

app = typer.Typer(help="Measure accuracy for training time, and search methods.", no_args_is_help=True)


app.command("search", cls=HelpfulCommand)(bench_search.search)


@app.command("ladder", cls=HelpfulCommand)
def ladder(
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="TARGET", show_default="all four", help="Targets: 99.0, 99.4, 99.6 or 99.7."),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=1000, metavar="N", help="Number of seeds.")] = 10,
    workers: options.Workers = None,
    device: options.Device = "auto",
    precision: options.PrecisionOption = "auto",
    data_dir: options.DataDir = None,
    json: options.Json = False,
    csv: options.Csv = False,
    markdown: options.Markdown = False,
    results: options.Results = options.RESULTS,
) -> None:
    """Train the recipes for test accuracies of 99.0, 99.4, 99.6 and 99.7%, and time them.

    Epochs and seeds are fixed, and each run is evaluated on the test images after its last epoch. These evaluations are
    logged. Then one run of each recipe is timed as a separate process. Run the same command again to resume an
    interrupted run; `_ladder` in the results folder holds the runs and their times.

    Examples:
        mnist-bench bench ladder 99.0 99.4
        mnist-bench bench ladder --seeds 3 --markdown
    """
    form = output.form(json=json, csv=csv, markdown=markdown)
    from mnist_bench.cli.experiments import runner
    from mnist_bench.experiments import ladder as experiment

    asked = experiment.LadderOptions(
        targets=tuple(targets or ()), seeds=seeds, workers=workers or options.suitable_workers(device), device=device,
        precision=precision, data_dir=data_dir, results=results,
    )  # fmt: skip
    found = runner.result_of(partial(experiment.train_ladder, asked))
    output.print_result(form, experiment.table_of(found))
