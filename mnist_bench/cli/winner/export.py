"""`mnist-bench export`: the winner as files that work without this package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mnist_bench.cli import options, output, targets


def export(
    folder: Annotated[Path, typer.Option("--to", metavar="DIR", help="A new folder, or one of an earlier export.")],
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="STUDY|STUDY/17",
            help="A trial, or a study's best; left out, the latest study's.",
            show_default=False,
        ),
    ] = None,
    confirmed: Annotated[
        bool,
        typer.Option("--confirmed", help="The net that `confirm` trained on all images, with the first of its seeds."),
    ] = False,
    committee: Annotated[
        bool,
        typer.Option(
            "--committee",
            help="With --confirmed: all of those nets, whose probabilities are averaged. Often a little better; eight "
            "nets cost eight times as much.",
        ),
    ] = False,
    device: options.Device = "auto",
    data_dir: options.Data = None,
    net: options.Net = None,
    results: options.Results = options.RESULTS,
    storage: options.Storage = None,
) -> None:
    """Take a trained net away, as files that work without mnist-bench.

    The weights, the net in plain PyTorch, ONNX, a page to draw on (of data that one can draw), a model card, and the
    record that repeats it.
    Weights that were not kept are trained again and compared with the record, bit for bit.
    """
    from mnist_bench import cells
    from mnist_bench.export import Options, folder as exports, load_winner
    from search.files import check_target

    asked = Options(on_all=confirmed, committee=committee, device=device, data_dir=data_dir)
    check_target(folder, folder=True)
    exports.check(folder)
    study, number = targets.open_target(target, results, storage)
    trial = None if number is None else targets.find_trial(study, number)
    winner = load_winner(study, trial, asked, output.note)
    written = exports.write(winner, folder)
    right = f"{cells.percent(winner.validation.accuracy)} of {winner.validation.images:,} validation images"
    of = "trained on all images; in the search its settings got" if winner.on_all else "in float32"
    nets = f"a committee of {len(winner.members)} nets " if committee else ""
    output.note(f"{winner.name}, {nets}{of} {right}.")
    for remark in written.remarks:
        output.note(remark)
    for path in written.files:
        output.print_line(path)
