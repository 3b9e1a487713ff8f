"""`mnist-bench bench`: measure recipes and search methods."""

from __future__ import annotations

from typing import Any

import typer

from mnist_bench import options
from mnist_bench.api import judging
from mnist_bench.cli import output
from mnist_bench.cli.command import takes
from mnist_bench.cli.help import HelpfulCommand

app = typer.Typer(help="Measure recipes and search methods.", no_args_is_help=True)


@app.command("search", cls=HelpfulCommand)
@takes(judging.compare_methods)
def search(json: options.Json = False, markdown: options.Markdown = False, **given: Any) -> None:
    """Compare search methods at equal budgets.

    Every sampler is combined with every pruner. The first pair is the method that all others are compared with, with
    paired tests, by the regret of the selected configurations: 0% is the best configuration of a table and 100% the
    median one. A search takes a few seconds at most, because every result is looked up in a table.

    Examples:
        mnist-bench bench search --tables conv-5k --samplers random,curves,tpe
        mnist-bench bench search --tables scikit-learn/mlp-wine --samplers random,curves
    """
    form = output.form(json=json, markdown=markdown)
    from mnist_bench.cli import running
    from mnist_bench.experiments.contest_table import tables_of
    from mnist_bench.numerics.kinds import cores

    found = running.result_of(
        lambda observer: judging.compare_methods(observer=observer, processes=cores(), **given),
        stopped="Stopped. The next run starts from the beginning.",
        keeps_work=False,
    )
    output.print_result(form, *tables_of(found))


@app.command("notebook", cls=HelpfulCommand)
@takes(judging.train_notebook)
def notebook(json: options.Json = False, markdown: options.Markdown = False, **given: Any) -> None:
    """Train the networks of the 2017 notebook again, and compare.

    As in the notebook, each network is evaluated on the test images after each epoch. These evaluations are logged;
    `mnist-bench studies` counts them. Run the same command again to resume an interrupted run. Runs of
    each precision are kept apart.

    Examples:
        mnist-bench bench notebook linear hidden --seeds 20
        mnist-bench bench notebook --markdown
    """
    form = output.form(json=json, markdown=markdown)
    from mnist_bench.cli import running

    found = running.result_of(lambda observer: judging.train_notebook(observer=observer, **given))
    output.print_result(form, found.table())


@app.command("ladder", cls=HelpfulCommand)
@takes(judging.train_ladder)
def ladder(json: options.Json = False, markdown: options.Markdown = False, **given: Any) -> None:
    """Train the recipes for test accuracies of 99.0, 99.4, 99.6 and 99.7%.

    Epochs and seeds are fixed, and each run is evaluated on the test images after its last epoch. These evaluations are
    logged. Run the same command again to resume an interrupted run.

    Examples:
        mnist-bench bench ladder 99.0 99.4
        mnist-bench bench ladder --seeds 3 --markdown
    """
    form = output.form(json=json, markdown=markdown)
    from mnist_bench.cli import running

    found = running.result_of(lambda observer: judging.train_ladder(observer=observer, **given))
    output.print_result(form, found.table())
