"""`mnist-bench notebook`: the 2017 notebook's nets trained again, its figures beside ours."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench import cells
from mnist_bench.cli import options, output
from mnist_bench.cli.exit_codes import ExitCode
from mnist_bench.cli.interrupts import Interrupts
from search.study import ResultsFolder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.trainer_api import Report


def notebook(
    recipes: Annotated[
        list[str] | None, typer.Argument(metavar="RECIPE...", help="linear, hidden, vgg, ...; left out, all nine.")
    ] = None,
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, max=1000, metavar="N", help="Train with seeds 0 to N - 1.")
    ] = 5,
    workers: options.Workers = None,
    device: options.Device = "auto",
    data_dir: options.DataDir = None,
    json: options.Json = False,
    csv: options.Csv = False,
    markdown: options.Markdown = False,
    results: options.Results = options.RESULTS,
) -> None:
    """Train the 2017 notebook's nets again and compare.

    Like the notebook, it evaluates on the test images after each epoch; the opening stands in the ledger. The same
    command goes on where an earlier run of it was stopped or killed.
    """
    from mnist_bench.experiments.notebook import Options, table_of
    from mnist_bench.experiments.notebook.run import run

    asked = Options(
        recipes=tuple(recipes or ()), seeds=seeds, workers=workers or options.suitable_workers(device), device=device,
        data_dir=data_dir, results=results, ledger=ResultsFolder(results).openings,
    )  # fmt: skip
    with Interrupts(output.note) as interrupts:
        rows = run(asked, _Lines(), interrupts.stopping)
    if rows is None:
        output.note("Stopped. The same command goes on where it stopped.")
        raise typer.Exit(ExitCode.INTERRUPTED)
    output.show(output.form(json=json, csv=csv, markdown=markdown), table_of(rows, seeds))


class _Lines:
    """One line on stderr for each run that has ended."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, recipe: str, seed: int, reports: Sequence[Report]) -> None:
        accuracy = reports[-1].metrics.get("test_accuracy")
        ended = "diverged" if accuracy is None else f"{cells.percent(accuracy)} on the test images"
        gone = cells.duration(time.monotonic() - self._started)
        seconds = cells.duration(sum(report.seconds for report in reports))
        output.note(f"{gone:>7}  {recipe}, seed {seed}: {ended}, trained in {seconds}")
