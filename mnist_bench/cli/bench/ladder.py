"""`mnist-bench bench ladder`: recipes that reach 99.0, 99.4 and 99.6 %, over many seeds, and what they take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench.cli import options
from mnist_bench.cli.exit_codes import ExitCode
from mnist_bench.cli.experiments import PrecisionName
from search.study import ResultsFolder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mnist_bench.cli.output import Column
    from mnist_bench.experiments.ladder import Ladder, Rung
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
    from mnist_bench.cli import output
    from mnist_bench.cli.interrupts import Interrupts
    from mnist_bench.experiments.ladder import Options, plain
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
    if json:
        output.print_json(plain(found))
    elif csv:
        output.print_csv([_flat(rung) for rung in found.rungs])
    else:
        (output.print_markdown if markdown else output.print_table)(found.rungs, _columns())
        output.print_line()
        for line in footnotes(found):
            output.print_line(line)


class _Lines:
    """Lines on stderr: how much there is to train, each run that has ended, each that is timed."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def on_start(self, runs: int, seconds: float) -> None:
        from mnist_bench.cli import cells, output

        output.note(f"{runs} runs, about {cells.duration(seconds)} where none was trained before")

    def on_run(self, recipe: str, seed: int, reports: Sequence[Report]) -> None:
        from mnist_bench.cli import cells, output

        last = reports[-1]
        share = cells.percent(last.metrics.get("test_accuracy"))
        ended = last.end.replace("_", " ") if last.end else f"{share} on the test images"
        trained = cells.duration(sum(report.seconds for report in reports))
        output.note(f"{self._gone()}  {recipe}, seed {seed}: {ended}, trained in {trained}")

    def on_timing(self, recipe: str, seconds: float) -> None:
        from mnist_bench.cli import cells, output

        about = cells.duration(seconds)
        output.note(f"{self._gone()}  {recipe}: one run alone, in a process of its own, about {about} of training")

    def _gone(self) -> str:
        from mnist_bench.cli import cells

        return f"{cells.duration(time.monotonic() - self._started):>7}"


def verdict(rung: Rung) -> str:
    """Return whether a target was met, with the figures: "met: 99.05 % [99.02, 99.08]"."""
    from mnist_bench.cli import cells

    low, high = rung.interval or (None, None)
    figures = f"{cells.percent(rung.mean)} {cells.interval(low, high)}".strip()
    if rung.unended:
        figures = f"{rung.unended} of {rung.unended + len(rung.runs)} runs did not end" + (
            f", the others {figures}" if rung.runs else ""
        )
    elif rung.interval is None:
        figures += " by one run, which shows no spread"
    return f"{'met' if rung.met else 'not met'}: {figures}"


def footnotes(found: Ladder) -> list[str]:
    """Return what the table's figures mean, and what they were measured on."""
    from mnist_bench.numerics import sentence

    return [
        f"Trained on all {found.train_images:,} training images. In brackets: 95 % interval of the mean test accuracy "
        "after the last epoch;",
        "a target is met where its lower end reaches it. Epochs and seeds were fixed before the test set was opened.",
        f"training: seconds of a run on one worker, median over the seeds{_together(found)}.",
        f"wall: one run alone, from the start of its process to its end. {_threads(found)}",
        sentence(found.machine),
    ]


def _together(found: Ladder) -> str:
    return f", {found.workers} at a time" if found.workers > 1 else ""


def _threads(found: Ladder) -> str:
    machine = found.machine
    if machine.gpu or machine.cores == 1:
        return "A run trains with one thread of the processor."
    return f"A run trains with one thread, so a single one leaves {machine.cores - 1} of {machine.cores} cores idle."


def _columns() -> list[Column]:
    from mnist_bench.cli import cells
    from mnist_bench.cli.output import Column

    return [
        Column("target", lambda rung: cells.percent(rung.target, 1), 9),
        Column("reached", verdict, 8),
        Column("recipe", lambda rung: rung.recipe, 4),
        Column("epochs", lambda rung: str(rung.epochs), 5, "right"),
        Column("parameters", lambda rung: f"{rung.parameters:,}", 3, "right"),
        Column("seeds", lambda rung: str(len(rung.runs) + rung.unended), 2, "right"),
        Column("training", lambda rung: _seconds(rung.seconds), 7, "right"),
        Column("wall", lambda rung: _seconds(rung.wall_seconds), 6, "right"),
    ]


def _seconds(seconds: float | None) -> str:
    from mnist_bench.cli import cells

    return "–" if seconds is None else cells.duration(seconds)


def _flat(rung: Rung) -> dict[str, float | int | str | None]:
    """Return a rung as CSV has it."""
    low, high = rung.interval or (None, None)
    return {
        "target": rung.target, "met": rung.met, "mean": rung.mean, "low": low, "high": high, "recipe": rung.recipe,
        "epochs": rung.epochs, "parameters": rung.parameters, "macs": rung.macs, "seeds": len(rung.runs) + rung.unended,
        "unended": rung.unended, "seconds": rung.seconds, "wall_seconds": rung.wall_seconds,
    }  # fmt: skip
