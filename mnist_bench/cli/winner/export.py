"""`mnist-bench export`: a trained model as files that work without this package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mnist_bench.cli import options, output, targets


def export(
    folder: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="A new folder, or the folder of an earlier export.")
    ],
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="STUDY|STUDY/17",
            show_default="the latest study",
            help="A trial, or a study for its best trial.",
        ),
    ] = None,
    confirmed: Annotated[
        bool,
        typer.Option(
            "--confirmed",
            help="Export the network that `confirm` trained on all images: the first of its eight seeds.",
        ),
    ] = False,
    device: options.Device = "auto",
    data_dir: options.Data = None,
    net: options.Net = None,
    results: options.Results = options.RESULTS,
    json: options.Json = False,
) -> None:
    """Export a trained model to files that work without mnist-bench.

    The files are the weights, the network in plain PyTorch and ONNX, a model card, and the training record. For data
    that can be drawn, there is also a web page to draw on. ONNX needs the extra packages of `mnist-bench[images]`. If
    the weights were not kept, the trial is trained again and compared with its record, bit for bit.

    Examples:
        mnist-bench export conv-0 --confirmed --to winner
        mnist-bench export conv-0/17 --to net-17
    """
    from mnist_bench import cells
    from mnist_bench.export import export_folder
    from mnist_bench.export.winner import WinnerOptions, load_winner

    asked = WinnerOptions(on_all=confirmed, device=device, data_dir=data_dir)
    export_folder.check(folder)
    study, trial = targets.open_target(target, results)
    winner = load_winner(study, trial, asked, output.note)
    written = export_folder.write(winner, folder)
    right = f"{cells.percent(winner.validation.accuracy)} of {winner.validation.images:,} validation images"
    of = "trained on all images; in the search its settings got" if winner.on_all else "in float32"
    output.note(f"{winner.name}, {of} {right}.")
    for remark in written.remarks:
        output.note(remark)
    if json:
        validation = {"accuracy": winner.validation.accuracy, "images": winner.validation.images}
        files = [str(path) for path in written.files]
        output.print_json({"name": winner.name, "files": files, "validation": validation, "remarks": written.remarks})
        return
    for path in written.files:
        output.print_line(path)
