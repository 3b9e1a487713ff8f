"""`mnist-bench export` and `predict`: use a trained model, as files that work alone, or on pictures."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mnist_bench import cells, options
from mnist_bench.api import using
from mnist_bench.cli import output
from mnist_bench.cli.command import Target, open_target, takes
from mnist_bench.cli.output import ExitCode
from mnist_bench.result_table import Figure, Line, Result, Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mnist_bench.errors import PictureError
    from mnist_bench.prediction.model import Model, Prediction

STDIN = "-"


@takes(using.export, prints=["json"])
def export(
    to: Path,
    confirmed: bool,
    data: Path | None,
    net: str | None,
    target: Target = None,
    results: options.Folder = options.RESULTS,
) -> Result:
    """Export a trained model to files that work without mnist-bench.

    The files are the weights, the network in plain PyTorch and ONNX, a model card, the training record, and for gray
    images a web page to draw on. ONNX needs the extra `images`. If the weights were not kept, the trial is trained
    again and compared with its record, bit for bit.

    Examples:
        mnist-bench export conv-0 --confirmed --to winner
        mnist-bench export conv-0/17 --to net-17
    """
    from mnist_bench.export import export_folder
    from mnist_bench.export.winner import load_winner

    export_folder.check(to)
    study, trial = open_target(target, results)
    winner = load_winner(study, trial, on_all=confirmed, data_dir=data, on_news=output.note)
    written = export_folder.write(winner, to)
    right = f"{cells.percent(winner.validation.accuracy)} of {winner.validation.images:,} validation images"
    of = "trained on all images; in the search its settings got" if winner.on_all else "in float32"
    validation = {"accuracy": winner.validation.accuracy, "images": winner.validation.images}
    files = [str(path) for path in written.files]
    return Result(
        [Table(caption=[*map(Line, files)])],
        document={"name": winner.name, "files": files, "validation": validation, "remarks": written.remarks},
        notes=[f"{winner.name}, {of} {right}.", *written.remarks],
    )


@takes(using.predict, prints=["json", "csv"])
def predict(
    model: str,
    images: Sequence[str],
    data: Path | None,
    net: str | None,
    results: options.Folder = options.RESULTS,
) -> Result:
    """Classify images with a trained model.

    It prints the label, its probability and the runner-up of each image. Any image of one digit works: of any size,
    dark on light or light on dark. It is cropped, fitted into 20x20 pixels and centered, as MNIST's digits are. For a
    network of your own data, an image is only scaled to the size and channels of that data.

    Examples:
        mnist-bench predict winner digit.png
        mnist-bench predict conv-0/17 scans/ --csv > labels.csv
    """
    from mnist_bench.errors import PictureError
    from mnist_bench.prediction.pictures import with_those_in_folders

    paths = list(map(str, with_those_in_folders(images)))
    loaded = _model(model, data, results)
    if loaded.assumed:
        output.note(
            f"{model} does not record its training data; assuming MNIST's mean and deviation. "
            "A study or an export records them."
        )
    answers = [*zip(paths, _predictions(loaded, paths), strict=True)]
    seen = [(path, said) for path, said in answers if not isinstance(said, PictureError)]
    faults = [str(said) for _, said in answers if isinstance(said, PictureError)]
    table = _table(seen)
    records = [
        {"image": path, "error": str(said)} if isinstance(said, PictureError) else table.record((path, said))
        for path, said in answers
    ]
    return Result(
        [table] if seen else [],
        document={"images": records},
        notes=[f"Error: {fault}" for fault in faults],
        exit_code=ExitCode.USAGE if faults else ExitCode.OK,
    )


def _model(name: str, data_dir: Path | None, results: Path) -> Model:
    from mnist_bench.prediction.model import UNFINISHED, WEIGHTS, load_model

    path = Path(name)
    is_folder = any((path / file).is_file() for file in (WEIGHTS, UNFINISHED))
    if path.is_file() or path.suffix == Path(WEIGHTS).suffix or is_folder:
        return load_model(path)
    from mnist_bench.export.winner import kept_net

    study, trial = open_target(name, results)
    return kept_net(study, trial, data_dir=data_dir).model


def _predictions(model: Model, paths: Sequence[str]) -> list[Prediction | PictureError]:
    """Return what the network says of each picture, which gets all readable ones at once, or why it says nothing."""
    from mnist_bench.errors import PictureError
    from mnist_bench.prediction.pictures import MAX_BYTES

    found: list[NDArray[np.float32] | PictureError] = []
    for path in paths:
        content = sys.stdin.buffer.read(MAX_BYTES + 1) if path == STDIN else Path(path)
        try:
            found.append(model.prepared(content, "stdin" if path == STDIN else path))
        except PictureError as error:
            found.append(error)
    said = iter(model.predict([each for each in found if not isinstance(each, PictureError)]))
    return [each if isinstance(each, PictureError) else next(said) for each in found]


def _table(seen: Sequence[tuple[str, Prediction]]) -> Table[tuple[str, Prediction]]:
    named = any(said.name is not None for _, said in seen)
    figures: list[Figure[tuple[str, Prediction]]] = [
        Figure("image", lambda row: row[0], 3, key="image"),
        Figure(
            "label", lambda row: row[1].label, 5, "right", key="label",
            reads=lambda row: _named(row[1].label, row[1].name),
        ),
        Figure("", lambda row: row[1].name, key="name" if named else ""),
        Figure("probability", lambda row: row[1].probability, 4, "right", cells.percent, key="probability"),
        Figure(
            "runner-up", lambda row: row[1].runner_up, 2, key="runner_up",
            reads=lambda row: f"{_named(row[1].runner_up, row[1].runner_up_name)} "
            f"({cells.percent(row[1].runner_up_probability)})",
        ),
        Figure("", lambda row: row[1].runner_up_name, key="runner_up_name" if named else ""),
        Figure("", lambda row: row[1].runner_up_probability, key="runner_up_probability"),
        Figure("", lambda row: row[1].probabilities, key="probabilities"),
    ]  # fmt: skip
    return Table(rows=seen, figures=figures)


def _named(label: int, name: str | None) -> str:
    return str(label) if name is None else name
