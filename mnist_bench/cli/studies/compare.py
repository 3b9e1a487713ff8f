"""`mnist-bench compare`: what differs between studies, trials and records, and whether their results do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench.cli import options, output
from search.errors import UsageError
from search.files import make_folder

if TYPE_CHECKING:
    from mnist_bench.comparison import Comparison


def compare(
    context: typer.Context,
    sides: Annotated[
        list[str],
        typer.Argument(
            metavar="STUDY|STUDY/17|RECORD.json|DIR",
            help="Two or more studies, trials, records from `show --json`, or folders of exports or of studies.",
        ),
    ],
    trace: Annotated[
        bool,
        typer.Option(
            "--trace",
            help="Train both again up to the first different result, and name the first layer whose output, gradient "
            "or weight differs.",
        ),
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot",
            metavar="DIR",
            help="Draw a plot into this folder: the best result over the cost of training, or learning curves of runs.",
        ),
    ] = None,
    device: options.Device = "auto",
    data_dir: options.Data = None,
    net: options.Net = None,
    wide: options.Wide = False,
    json: options.Json = False,
    markdown: options.Markdown = False,
    results: options.Results = options.RESULTS,
    storage: options.Storage = None,
) -> None:
    """Compare studies, trials or records: settings, results, shared trials, and the first difference.

    The first one is compared with each other one. Their best networks are tested against each other, paired if they
    were judged on the same images. If the images differ, the first line reports that.

    Examples:
        mnist-bench compare conv-0 conv-1
        mnist-bench compare conv-0/48 conv-0/13
        mnist-bench compare conv-0 laptop/results/conv-0 --trace
    """
    from mnist_bench.comparison import TraceOptions, compare as compared, tables_of, traced

    form = output.form(json=json, markdown=markdown, wide=wide)
    if not trace and (device != "auto" or data_dir is not None):
        raise UsageError("--device and --data are for --trace, which trains again.")
    if plot is not None:
        make_folder(plot)  # one that cannot be made is reported before anything is trained
    comparison = compared(sides, results, storage)
    if trace:
        output.note("Training again, to find the first tensor that differs ...")
        comparison = traced(comparison, TraceOptions(device=device, data_dir=data_dir, net=net))
    output.print_result(form, *tables_of(comparison))
    if plot is not None:
        _draw(comparison, plot, verbose=context.find_root().params["verbose"])


def _draw(comparison: Comparison, folder: Path, *, verbose: bool) -> None:
    from mnist_bench.cli.pictures import picture_output
    from mnist_bench.plots import draw_comparison

    picture_output.note_drawn(draw_comparison(comparison, folder), verbose=verbose)
