"""`mnist-bench bench search`: which way of searching finds more for the same budget."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench.cli import options, output
from mnist_bench.cli.pictures import drawing
from search.files import make_folder

if TYPE_CHECKING:
    from mnist_bench.experiments.contest import Contest

PICTURE = "contest"


def search(
    context: typer.Context,
    space: Annotated[str, typer.Argument(metavar="SPACE", help="A space file, or a shipped one's name.")] = "mini",
    samplers: Annotated[
        str, typer.Option("--samplers", metavar="NAMES", help="Of tpe, random, qmc, gp; with commas between them.")
    ] = "tpe,random",
    pruners: Annotated[
        str, typer.Option("--pruners", metavar="NAMES", help="Of asha, hyperband, median, none.")
    ] = "asha,none",
    seeds: Annotated[
        int, typer.Option("--seeds", min=2, max=100, metavar="N", help="Searches of each, with seeds 0 to N - 1.")
    ] = 5,
    trials: Annotated[
        int,
        typer.Option("--trials", "-n", min=1, max=1000, metavar="N", help="The budget: what N whole trainings cost."),
    ] = 30,
    workers: options.Workers = None,
    device: options.Device = "auto",
    folder: Annotated[
        Path | None, typer.Option("--output", metavar="DIR", help="For the picture; left out, beside the studies.")
    ] = None,
    json: options.Json = False,
    csv: options.Csv = False,
    markdown: options.Markdown = False,
    results: options.Results = options.RESULTS,
) -> None:
    """Let ways of searching compete for the best net.

    Every sampler with every pruner, and random search with twice the budget: real searches, the same seeds for all,
    each until its budget is spent. The same command goes on where an earlier run of it was stopped or killed.
    """
    form = output.form(json=json, csv=csv, markdown=markdown)
    from mnist_bench.cli.experiments import runner
    from mnist_bench.experiments.contest import Options, shortfalls, table_of
    from mnist_bench.experiments.contest.run import run

    if folder:
        make_folder(folder)  # one that cannot be made is told of before anything is trained
    asked = Options(
        space=space, samplers=_names(samplers), pruners=_names(pruners), seeds=seeds, trials=trials,
        workers=workers or options.suitable_workers(device), device=device, results=results,
    )  # fmt: skip
    found = runner.result_of(partial(run, asked))
    table = table_of(found)
    for warning in shortfalls(found):
        output.note(warning)
    output.show(form, table)
    _draw(found, folder or Path(found.folder), verbose=context.find_root().params["verbose"])


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",")))


def _draw(found: Contest, folder: Path, *, verbose: bool) -> None:
    """Draw the picture; where it lies is told on stderr, for stdout is the table's."""
    from mnist_bench.plots.experiments import contest

    make_folder(folder)
    job = drawing.Job(kind=PICTURE, make=partial(contest.draw, contest.rows(found)))
    drawn = drawing.draw(job, folder, ("png", "svg"), verbose=verbose)
    for file in drawn.files:
        output.note(file)
    if code := drawing.exit_code([drawn], named=True):
        raise typer.Exit(code)
