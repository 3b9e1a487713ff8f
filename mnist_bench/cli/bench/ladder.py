"""`mnist-bench bench ladder`: recipes that reach 99.0, 99.4 and 99.6 %, over many seeds, and what they take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench import cells
from mnist_bench.cli import options, output
from mnist_bench.cli.exit_codes import ExitCode
from mnist_bench.cli.experiments import PrecisionName
from mnist_bench.cli.interrupts import Interrupts
from search.study import ResultsFolder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.trainer_api import Report


def ladder(
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="TARGET...", help="99.0, 99.4, 99.6; left out, all three.")
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=1000, metavar="N", help="Train with N seeds.")] = 10,
    workers: options.Workers = None,
    device: options.Device = "auto",
    precision: Annotated[
        PrecisionName, typer.Option("--precision", help="Of convolutions; auto is the device's fastest.")
    ] = "auto",
    data_dir: options.DataDir = None,
    json: options.Json = False,
    csv: options.Csv = False,
    markdown: options.Markdown = False,
    results: options.Results = options.RESULTS,
) -> None:
    """Train the recipes that are to reach 99.0, 99.4 and 99.6 %.

    Epochs and seeds are fixed, and each run is judged on the test images after its last epoch; the opening stands in
    the ledger. Then one run of each recipe is timed as a process of its own. The same command goes on where an earlier
    run of it was stopped or killed; _ladder in the results folder holds the runs and their times.
    """
    from mnist_bench.experiments.ladder import Options, table_of
    from mnist_bench.experiments.ladder.run import run

    asked = Options(
        targets=tuple(targets or ()), seeds=seeds, workers=workers or options.suitable_workers(device), device=device,
        precision=precision, data_dir=data_dir, results=results, ledger=ResultsFolder(results).openings,
    )  # fmt: skip
    with Interrupts(output.note) as interrupts:
        found = run(asked, _Lines(), interrupts.stopping)
    if found is None:
        output.note("Stopped. The same command goes on where it stopped.")
        raise typer.Exit(ExitCode.INTERRUPTED)
    output.show(output.form(json=json, csv=csv, markdown=markdown), table_of(found))


class _Lines:
    """Lines on stderr: how much there is to train, each run that has ended, each that is timed."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def on_start(self, runs: int, seconds: float) -> None:
        output.note(f"{runs} runs, about {cells.duration(seconds)} where none was trained before")

    def on_run(self, recipe: str, seed: int, reports: Sequence[Report]) -> None:
        last = reports[-1]
        share = cells.percent(last.metrics.get("test_accuracy"))
        ended = last.end.replace("_", " ") if last.end else f"{share} on the test images"
        trained = cells.duration(sum(report.seconds for report in reports))
        output.note(f"{self._gone()}  {recipe}, seed {seed}: {ended}, trained in {trained}")

    def on_timing(self, recipe: str, seconds: float) -> None:
        about = cells.duration(seconds)
        output.note(f"{self._gone()}  {recipe}: one run alone, in a process of its own, about {about} of training")

    def _gone(self) -> str:
        return f"{cells.duration(time.monotonic() - self._started):>7}"
