"""`mnist-bench export` and `predict`: use a trained model, as files that work alone, or on pictures."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
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

    The files are the weights, the network in plain PyTorch and ONNX, a model card, and the training record. For data
    that can be drawn, there is also a web page to draw on. ONNX needs the extra packages of `mnist-bench[images]`. If
    the weights were not kept, the trial is trained again and compared with its record, bit for bit.

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The prediction for a picture."""

    picture: str
    prediction: Prediction


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureFault:
    """Why there is no prediction for a picture."""

    picture: str
    error: str


@takes(using.predict, prints=["json", "csv"])
def predict(
    model: str,
    images: Sequence[str],
    data: Path | None,
    net: str | None,
    results: options.Folder = options.RESULTS,
) -> Result:
    """Classify images with a trained model.

    For each image, the label, its probability and the runner-up are printed. Any image of one digit works: of any size,
    dark on light or light on dark. It is cropped, fitted into 20x20 pixels and centered, as MNIST's digits are. For a
    network trained on your own data, an image is only scaled to the size and channels of that data.

    Examples:
        mnist-bench predict winner digit.png
        mnist-bench predict conv-0/17 scans/ --csv > labels.csv
    """
    from mnist_bench.prediction.pictures import with_those_in_folders

    paths = list(map(str, with_those_in_folders(images)))
    loaded = _model(model, data, results)
    if loaded.assumed:
        output.note(
            f"{model} does not record its training data; assuming MNIST's mean and deviation. "
            "A study or an export records them."
        )
    answers = _answers(loaded, paths)
    seen = [answer for answer in answers if isinstance(answer, Answer)]
    faults = [answer for answer in answers if isinstance(answer, PictureFault)]
    return Result(
        [_table(answers, seen)] if seen else [],
        document=None if seen else {"pictures": [asdict(fault) for fault in faults]},
        notes=[f"Error: {fault.error}" for fault in faults],
        exit_code=ExitCode.USAGE if faults else ExitCode.OK,
    )


def _model(name: str, data_dir: Path | None, results: Path) -> Model:
    """Return the network of a file, an export's folder, a study or a trial."""
    from mnist_bench.prediction.model import UNFINISHED, WEIGHTS, load_model

    path = Path(name)
    is_folder = any((path / file).is_file() for file in (WEIGHTS, UNFINISHED))
    if path.is_file() or path.suffix == Path(WEIGHTS).suffix or is_folder:
        return load_model(path)
    from mnist_bench.export.winner import kept_net

    study, trial = open_target(name, results)
    return kept_net(study, trial, data_dir=data_dir).model


def _answers(model: Model, paths: Sequence[str]) -> list[Answer | PictureFault]:
    """Return an answer or a fault per picture; the network gets all readable pictures at once."""
    from mnist_bench.errors import PictureError

    prepared: dict[int, NDArray[np.float32]] = {}
    faults: dict[int, PictureFault] = {}
    for number, path in enumerate(paths):
        try:
            prepared[number] = model.prepared(_content(path), "stdin" if path == STDIN else path)
        except PictureError as error:
            faults[number] = PictureFault(picture=path, error=str(error))
    said = dict(zip(prepared, model.predict(list(prepared.values())), strict=True))
    answers = {number: Answer(picture=paths[number], prediction=prediction) for number, prediction in said.items()}
    return [answers.get(number) or faults[number] for number in range(len(paths))]


def _content(path: str) -> Path | bytes:
    """Return a file, or the content of stdin."""
    from mnist_bench.prediction.pictures import MAX_BYTES

    return sys.stdin.buffer.read(MAX_BYTES + 1) if path == STDIN else Path(path)


def _table(answers: Sequence[Answer | PictureFault], seen: Sequence[Answer]) -> Table[Answer]:
    named = any(answer.prediction.name is not None for answer in seen)
    figures: list[Figure[Answer]] = [
        Figure("picture", lambda answer: answer.picture, 3, key="picture"),
        Figure(
            "label", lambda answer: answer.prediction.label, 5, "right", key="label",
            reads=lambda answer: _named(answer.prediction.label, answer.prediction.name),
        ),
        Figure("", lambda answer: answer.prediction.name, key="name" if named else ""),
        Figure(
            "probability", lambda answer: answer.prediction.probability, 4, "right", cells.percent, key="probability"
        ),
        Figure("runner-up", lambda answer: answer.prediction.runner_up, 2, reads=_runner_up, key="runner_up"),
        Figure("", lambda answer: answer.prediction.runner_up_name, key="runner_up_name" if named else ""),
        Figure("", lambda answer: answer.prediction.runner_up_probability, key="runner_up_probability"),
        Figure("", lambda answer: answer.prediction.probabilities, key="probabilities"),
    ]  # fmt: skip
    table = Table(rows=seen, figures=figures)
    found = [table.record(answer) if isinstance(answer, Answer) else asdict(answer) for answer in answers]
    return replace(table, document={"pictures": found})


def _runner_up(answer: Answer) -> str:
    said = answer.prediction
    name = _named(said.runner_up, said.runner_up_name)
    return f"{name} ({cells.percent(said.runner_up_probability)})"


def _named(label: int, name: str | None) -> str:
    return str(label) if name is None else name
