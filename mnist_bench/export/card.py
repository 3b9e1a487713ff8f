"""The card of an exported network, `README.md`: its accuracy, its use, its layers and settings, and its origin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from keyword import iskeyword
from typing import Any, assert_never

from mnist_bench import cells
from mnist_bench.config.settings import DatasetName
from mnist_bench.config.values import recipe_yaml
from mnist_bench.data.choice import Data
from mnist_bench.experiments import confirmed as results, confirmed_table as result_tables
from mnist_bench.export.winner import SEED, Winner
from mnist_bench.leaderboard.board import test_set_line
from mnist_bench.nets import own_net
from mnist_bench.nets.planner import net_size, plan_layers
from mnist_bench.nets.summary import line
from mnist_bench.next_commands import NextCommands
from mnist_bench.picture_form import MNIST
from mnist_bench.rendering import render
from mnist_bench.statistics import wilson
from mnist_bench.studies.record import is_portable
from search.hashed import State
from search.messages import command_line, number_of
from search.space.yaml_text import to_yaml

DATASETS: dict[DatasetName, str] = {"mnist": "ylecun/mnist", "fashion-mnist": "zalando-datasets/fashion_mnist"}
"""Names of data sets at Hugging Face."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnCode:
    """The Python code that makes your own network without mnist-bench."""

    net: str  # its name: `file.py:function` or `package.module:function`
    names: tuple[str, ...]  # the names that the code imports from the file or module
    call: str  # the expression that makes the network

    @property
    def place(self) -> str:
        """The file or module."""
        return self.net.rpartition(":")[0]

    @property
    def function(self) -> str:
        """The function that makes the network."""
        return self.net.rpartition(":")[2]

    @property
    def module(self) -> str | None:
        """The module's name in an import statement; None for a file that no import statement can name."""
        module = self.place.removesuffix(".py")
        can_be_imported = module == self.place or (module.isidentifier() and not iskeyword(module))
        return module if can_be_imported else None


def card(winner: Winner, *, onnx: bool, page: bool) -> str:
    """Return the text of the card, in Markdown; `onnx` and `page` are whether those files lie next to it."""
    config, input_spec, validation = winner.config, winner.input_spec, winner.validation
    commands, best = _commands(winner), winner.study.best
    kind = ["--confirmed"] if winner.on_all else []
    is_own = config.net_code is not None
    text = render(
        "card.md.j2", winner=winner, what=_what(winner.record.data), figures=_figures(winner),
        head=to_yaml(_head(winner)).rstrip(), summary=line(config), recipe=_recipe(winner).rstrip(),
        parameters=cells.count(net_size(config, winner.form).parameters),
        images=f"{validation.images:,} validation images",
        ended_early=_ended_early(winner.trial.state), periods=number_of(len(winner.record.curve), "period"),
        is_best=best is not None and winner.trial.number == best.number,
        test_set=test_set_line(winner.test_evaluations),
        onnx=onnx, page=page, own=_own_code(winner) if is_own else None, prepared=_prepared(winner) + winner.in_red,
        picture="digit.png" if input_spec.digits else "picture.png", label="name" if input_spec.names else "label",
        layers=() if is_own else plan_layers(config.model, winner.form).layers,
        commands=commands, options=command_line(commands.needed_by("reproduce")),
        export_again=commands.line("export", *kind, "--to", "DIR", trial=winner.trial.number),
    )  # fmt: skip
    return text + "\n"


def _recipe(winner: Winner) -> str:
    recipe, data = winner.record.recipe, winner.record.data
    return recipe_yaml(
        recipe, name=winner.study.name, data=data.settings,
        is_portable=is_portable(winner.record.numerics),
    )  # fmt: skip


def _what(data: Data) -> str:
    if data.is_own:
        return "data in MNIST's format" if data.form == MNIST else f"images of {data.form}"
    return "MNIST" if data.dataset == "mnist" else data.dataset


def _own_code(winner: Winner) -> OwnCode:
    code = str(winner.config.net_code)
    net, loaded = own_net.split_code(code)[0], own_net.loaded_net(code)
    function = net.rpartition(":")[2]
    # Lists are lists, as they were in the search.
    declared, given = loaded.declared, loaded.argument(dict(winner.config.net))
    names: tuple[str, ...]
    if declared is None:
        names, argument = (function,), repr(given)
    else:
        fields_given = ", ".join(f"{item.name}={getattr(given, item.name)!r}" for item in fields(declared))
        names, argument = (declared.__name__, function), f"{declared.__name__}({fields_given})"
    return OwnCode(net=net, names=names, call=f"{function}({argument}, {winner.form.shape}, {winner.form.classes})")


def _prepared(winner: Winner) -> str:
    form = winner.form
    match winner.input_spec.preparation:
        case "digit":
            return (
                "A digit may be dark on light or light on dark, anywhere in the image. As those of MNIST it is "
                "cropped, fitted into 20x20 pixels, and shifted until its center of mass lies in the middle of 28x28."
            )
        case "drawing":
            return (
                "What differs most from the image's border is ink, dark on light or light on dark. The image is "
                "fitted whole into 28x28 pixels; nothing is cropped or centered."
            )
        case "picture":
            channels = "gray" if winner.input_spec.channels_read == 1 else "red, green and blue"
            return (
                f"The image is scaled to fit whole into {form.height}x{form.width} pixels (height by width), "
                f"{channels}, in the middle and in its proportions; what is left over is black. Nothing is cropped, "
                "centered or inverted: it has to be lit and framed like the images that the network was trained on."
            )
        case _:
            assert_never(winner.input_spec.preparation)


def _head(winner: Winner) -> dict[str, Any]:
    data, validation = winner.record.data, winner.validation
    head: dict[str, Any] = {
        "library_name": "pytorch", "pipeline_tag": "image-classification",
        "tags": ["mnist-bench", *([] if data.is_own else [data.dataset])], "metrics": ["accuracy"],
    }  # fmt: skip
    known = DATASETS.get(data.dataset)
    if known is None or data.is_own:
        return head
    head |= {"datasets": [known]}
    if winner.on_all:
        return head
    name = f"{_what(data)}, {validation.images:,} validation images of the training images"
    measured = {
        "task": {"type": "image-classification"}, "dataset": {"name": name, "type": known, "split": "train"},
        "metrics": [{"type": "accuracy", "value": round(validation.accuracy, 6)}],
    }  # fmt: skip
    return head | {"model-index": [{"name": winner.name.replace("/", "-"), "results": [measured]}]}


def _figures(winner: Winner) -> Iterator[tuple[str, str]]:
    found, number, validation = winner.confirmed, winner.trial.number, winner.validation
    if not winner.on_all:
        right = cells.interval(*wilson(validation.images - validation.errors, validation.images))
        wrong = f"{validation.errors:,} of {validation.images:,} wrong"
        yield (
            "validation images, measured again in float32",
            f"{cells.percent(validation.accuracy)} {right}, {wrong}",
        )
    if (final := winner.final) and winner.tested:
        images = winner.tested.test_images
        own, tests = final.errors[SEED], results.figures(final.errors, images)
        if winner.on_all and own is not None:
            yield (
                "test images, by `confirm`",
                f"{cells.percent(1 - own / images)}, {own} of {images:,} wrong",
            )
        if tests:
            yield (
                "the same settings trained on all images, on the test images",
                f"{result_tables.accuracy(tests)}, mean of {tests.seeds} seeds",
            )
    if found and number in [row.number for row in found.candidates] and (fresh := found.fresh(number)):
        yield (
            "the same settings trained again, on the validation images",
            f"{result_tables.accuracy(fresh)}, mean of {fresh.seeds} fresh seeds",
        )
    yield "in the search, on the validation images", cells.percent(winner.trial.value)
    size = net_size(winner.config, winner.form)
    yield "parameters, running statistics included", f"{size.parameters:,}"
    yield "multiply-accumulates per image", f"{size.macs:,}"


def _ended_early(state: State) -> str:
    match state:
        case "RUNNING":
            return "The search was paused while this trial ran,"
        case "FAIL":
            return "This trial failed"
        case "PRUNED" | "COMPLETE":
            return "The search stopped this trial early,"
        case _:
            assert_never(state)


def _commands(winner: Winner) -> NextCommands:
    """Return the commands about the study; the card goes to others, so they name no path of this machine."""
    code = winner.config.net_code
    return NextCommands(
        study=winner.study.name,
        data="DATA" if winner.record.data.is_own else None,
        net=None if code is None else own_net.split_code(code)[0],
    )
