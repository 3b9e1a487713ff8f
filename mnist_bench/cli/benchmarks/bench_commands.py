"""`mnist-bench bench`: measure recipes and search methods."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_bench.cli import options, output
from mnist_bench.cli.benchmarks import bench_search
from mnist_bench.cli.help import HelpfulCommand

if TYPE_CHECKING:
    from mnist_bench.experiments.scored_recipes import Benchmark

app = typer.Typer(help="Measure recipes and search methods.", no_args_is_help=True)


app.command("search", cls=HelpfulCommand)(bench_search.search)


@app.command("notebook", cls=HelpfulCommand)
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
    json: options.Json = False,
    markdown: options.Markdown = False,
    results: options.Results = options.RESULTS,
) -> None:
    """Train the networks of the 2017 notebook again, and compare.

    As in the notebook, each network is evaluated on the test images after each epoch. These evaluations are logged;
    `mnist-bench studies` counts them. Run the same command again to resume an interrupted run. Runs of
    each precision are kept apart.

    Examples:
        mnist-bench bench notebook linear hidden --seeds 20
        mnist-bench bench notebook --markdown
    """
    form = output.form(json=json, markdown=markdown)
    from mnist_bench.experiments.scored_recipes import NOTEBOOK

    # The recipes' own precision is portable, which no GPU computes.
    trains_on = device if precision in ("bf16", "fp32") else "cpu"
    _print_benchmark(
        NOTEBOOK, form, recipes=tuple(recipes or ()), seeds=seeds, device=device, precision=precision, results=results,
        workers=workers or options.suitable_workers(trains_on),
    )  # fmt: skip


@app.command("ladder", cls=HelpfulCommand)
def ladder(
    recipes: Annotated[
        list[str] | None,
        typer.Argument(metavar="RECIPE", show_default="all four", help="Recipes: 99.0, 99.4, 99.6 or 99.7."),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=1000, metavar="N", help="Number of seeds.")] = 10,
    workers: options.Workers = None,
    device: options.Device = "auto",
    precision: options.PrecisionOption = "auto",
    json: options.Json = False,
    markdown: options.Markdown = False,
    results: options.Results = options.RESULTS,
) -> None:
    """Train the recipes for test accuracies of 99.0, 99.4, 99.6 and 99.7%.

    Epochs and seeds are fixed, and each run is evaluated on the test images after its last epoch. These evaluations are
    logged. Run the same command again to resume an interrupted run.

    Examples:
        mnist-bench bench ladder 99.0 99.4
        mnist-bench bench ladder --seeds 3 --markdown
    """
    form = output.form(json=json, markdown=markdown)
    from mnist_bench.experiments.scored_recipes import LADDER

    _print_benchmark(
        LADDER, form, recipes=tuple(recipes or ()), seeds=seeds, device=device, precision=precision, results=results,
        workers=workers or options.suitable_workers(device),
    )  # fmt: skip


def _print_benchmark(benchmark: Benchmark, form: output.Form, **asked: Any) -> None:
    """Train a benchmark's recipes and print the table; `asked` is as in `BenchmarkOptions`."""
    from mnist_bench.cli import running
    from mnist_bench.experiments import scored_recipes

    options = scored_recipes.BenchmarkOptions(**asked)
    found = running.result_of(partial(scored_recipes.train, benchmark, options))
    output.print_result(form, found.table())
