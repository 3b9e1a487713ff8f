"""The card of an exported net, `README.md`: what it is, how good and how sure that is, how to use and repeat it."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from mnist_bench import cells
from mnist_bench.config import DatasetName, recipe
from mnist_bench.data import is_packaged
from mnist_bench.experiments import confirm
from mnist_bench.export.winner import SEED, Winner
from mnist_bench.leaderboard import test_set_line
from mnist_bench.nets import line, plan_layers
from mnist_bench.statistics import wilson
from mnist_bench.studies import Data
from search import yaml_writer
from search.messages import number_of

DATASETS: dict[DatasetName, str] = {"mnist": "ylecun/mnist", "fashion-mnist": "zalando-datasets/fashion_mnist"}
"""Names of data sets at Hugging Face."""
USE = """\
On a picture of any size, dark on light or light on dark, without any other file than these:

    python net.py digit.png

The same from the command line of mnist-bench, and from Python:

    mnist-bench predict . digit.png

    import mnist_bench
    mnist_bench.load_model(".")(["digit.png"])[0].label

With ONNX Runtime, `pictures` is float32 (N, 1, 28, 28), 0 to 255, ink on a background of 0, made as in `net.py`:

    session = onnxruntime.InferenceSession("model.onnx")
    (probabilities,) = session.run(None, {"pictures": pictures})

`draw.html` opens in a browser, without a network, and reads what is drawn."""


def card(winner: Winner) -> str:
    """Return the text of the card, in Markdown."""
    config, model = winner.config, plan_layers(winner.config.model)
    what = _what(winner.record.data)
    lines = [
        "---", yaml_writer.text(_head(winner)).rstrip(), "---", "",
        f"# {winner.name}: {cells.count(model.parameters)} parameters for {what}", "", f"{line(config)}.", "",
        "| figure | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in _figures(winner)), "",
        *_sentences(winner), "", "## Use", "", USE, "", "## Layers", "",
        "| layer | output | parameters |", "| --- | --- | ---: |", *_layers(winner), "", "## Settings", "", "```yaml",
        recipe.text(winner.record.recipe, name=winner.study.name, subset=winner.record.data.subset).rstrip(), "```", "",
        f"Seed {winner.record.seed}. `mnist-bench train` takes these lines as a file.", "", "## Repeat it", "",
        *_repeat(winner), "",
    ]  # fmt: skip
    return "\n".join(lines)


def _what(data: Data) -> str:
    if data.dataset != "mnist":
        return data.dataset
    return "MNIST" if is_packaged(data.data_hash) else "data in MNIST's format"


def _head(winner: Winner) -> dict[str, Any]:
    data, validation = winner.record.data, winner.validation
    head: dict[str, Any] = {
        "library_name": "pytorch", "pipeline_tag": "image-classification", "tags": ["mnist-bench", data.dataset],
        "metrics": ["accuracy"],
    }  # fmt: skip
    known = DATASETS.get(data.dataset)
    if known is None or (data.dataset == "mnist" and not is_packaged(data.data_hash)):
        return head
    head |= {"datasets": [known]}
    if winner.on_all or validation.seen:
        return head
    name = f"{_what(data)}, {validation.images:,} validation images of the training images"
    measured = {
        "task": {"type": "image-classification"}, "dataset": {"name": name, "type": known, "split": "train"},
        "metrics": [{"type": "accuracy", "value": round(validation.accuracy, 6)}],
    }  # fmt: skip
    return head | {"model-index": [{"name": winner.name.replace("/", "-"), "results": [measured]}]}


def _figures(winner: Winner) -> Iterator[tuple[str, str]]:
    """Yield names and values of the figures, those of the net itself first."""
    found, number, validation = winner.confirmed, winner.trial.number, winner.validation
    if not winner.on_all:
        right = cells.interval(*wilson(validation.images - validation.errors, validation.images))
        wrong = f"{validation.errors:,} of {validation.images:,} wrong"
        seen = ", all of which it was trained on" if validation.seen else ""
        yield (
            "validation images, measured again in float32",
            f"{cells.percent(validation.accuracy)} {right}, {wrong}{seen}",
        )
    final = next((final for final in found.evaluated if final.number == number), None) if found else None
    if found and final:
        own, tests = final.errors[SEED], confirm.figures(final.errors, found.test_images)
        if winner.on_all and own is not None:
            yield (
                "test images, by `confirm`",
                f"{cells.percent(1 - own / found.test_images)}, {own} of {found.test_images:,} wrong",
            )
        if tests:
            yield (
                "the same settings trained on all images, on the test images",
                f"{confirm.accuracy(tests)}, mean of {tests.seeds} seeds",
            )
    if found and any(candidate.number == number for candidate in found.candidates):
        fresh = found.validation(number)
        if fresh:
            seeds = f"mean of {fresh.seeds} fresh seeds" if fresh.seeds > 1 else "one fresh seed"
            yield "the same settings trained anew, on the validation images", f"{confirm.accuracy(fresh)}, {seeds}"
    yield "in the search, on the validation images", cells.percent(winner.trial.value)
    layers = plan_layers(winner.config.model)
    yield "parameters, running statistics included", f"{layers.parameters:,}"
    yield "multiply-accumulates a picture", f"{layers.macs:,}"


def _sentences(winner: Winner) -> Iterator[str]:
    bar, validation = winner.validation.threshold, winner.validation
    images = f"{validation.images:,} validation images"
    if winner.on_all:
        yield (
            f"This net was trained on all training images, the {images} among them. What is said of these is of nets "
            "that were not."
        )
        yield ""
    elif winner.trial.state != "COMPLETE":
        yield f"The search stopped this trial early, after {number_of(len(winner.record.curve), 'period')}."
        yield ""
    if winner.confirmed is None:
        yield (
            "This is one net, chosen by its validation accuracy, which is therefore a little too good; "
            f"`mnist-bench confirm {winner.study.name}` trains the best settings again with fresh seeds."
        )
        yield ""
    yield (
        f"A picture is unsure where the best probability is below {cells.percent(bar.probability)}, which parts right "
        f"answers from wrong ones best. Of the {images}, {bar.wrong_below:,} of {bar.wrong:,} wrong answers were below "
        f"it, and {bar.right_below:,} of {bar.right:,} right ones. {test_set_line(winner.test_openings)}"
    )


def _layers(winner: Winner) -> Iterator[str]:
    for layer in plan_layers(winner.config.model).layers:
        shape = " x ".join(map(str, layer.outputs))
        kind = layer.activation if layer.kind == "activation" else layer.kind
        kernel = f" {layer.kernel} x {layer.kernel}" if layer.kernel else ""
        yield f"| {kind}{kernel} | {shape} ({prod(layer.outputs):,}) | {layer.trainable + layer.running:,} |"


def _repeat(winner: Winner) -> Iterator[str]:
    record = winner.record
    yield "    mnist-bench reproduce RECORD.json      # trains it again and compares every figure and the weights"
    confirmed = " --confirmed" if winner.on_all else ""
    yield f"    mnist-bench export {winner.name}{confirmed} --to DIR      # where the study is"
    yield ""
    yield f"- weights, SHA-256: `{winner.weights}`"
    yield f"- training files, SHA-256: `{record.data.data_hash}`"
    yield f"- validation split, SHA-256: `{record.data.split_hash}`"
    yield f"- study, digest: `{winner.study.digest}`"
