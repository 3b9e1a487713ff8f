"""The card of an exported net, `README.md`: what it is, how good and how sure that is, how to use and repeat it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from keyword import iskeyword
from math import prod
from textwrap import indent
from typing import Any, assert_never

from mnist_bench import cells, own_nets
from mnist_bench.config import DatasetName, recipe_yaml
from mnist_bench.experiments import confirm
from mnist_bench.export.winner import SEED, Winner
from mnist_bench.leaderboard import test_set_line
from mnist_bench.nets import line, net_size, plan_layers
from mnist_bench.next_commands import NextCommands
from mnist_bench.picture_form import MNIST
from mnist_bench.statistics import wilson
from mnist_bench.studies import Data
from search import yaml_writer
from search.event_log import State
from search.messages import command_line, number_of, quoted

DATASETS: dict[DatasetName, str] = {"mnist": "ylecun/mnist", "fashion-mnist": "zalando-datasets/fashion_mnist"}
"""Names of data sets at Hugging Face."""
USE = """\
On a picture of any size, without any other file than these:

    python net.py {picture}

The same from the command line of mnist-bench, and from Python:

    mnist-bench predict . {picture}

    import mnist_bench
    mnist_bench.load_model(".")(["{picture}"])[0].{label}

{prepared}"""
ONNX_USE = """\
With ONNX Runtime, `pictures` is float32 {shape}, 0 to 255, {values}made as in `net.py`:

    session = onnxruntime.InferenceSession("model.onnx")
    (probabilities,) = session.run(None, {{"pictures": pictures}})"""
OWN_USE = """\
`{function}` of `{place}` makes {what}:

{code}

From the command line of mnist-bench, and from Python:

    mnist-bench predict . {picture} --net {quoted}

    import mnist_bench
    mnist_bench.predict(".", ["{picture}"], net="{net}")[0].{label}

{prepared}"""
IMPORTS = """\
import torch
from safetensors.torch import load_file
from {module} import {names}"""
LOADING = """\
import importlib.util, sys
import torch
from safetensors.torch import load_file

spec = importlib.util.spec_from_file_location("net_code", {file!r})
code = sys.modules["net_code"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(code)
{names} = {found}"""
"""The same of a file that no import statement can name."""
OWN_NET = """\
net = {call}
net.load_state_dict(load_file("model.safetensors"))
logits = net.eval()(normalised)"""
OWN_COMMITTEE = """\
nets = torch.nn.ModuleList({call} for _ in range({nets}))
nets.load_state_dict(load_file("model.safetensors"))
probabilities = torch.stack([net(normalised).softmax(1) for net in nets.eval()]).mean(0)"""
NORMALISED = """\
mean, std = torch.tensor([[{mean}], [{std}]]).view(2, -1, 1, 1)
normalised = (pictures - mean) / std  # pictures: float32 (N, channels, height, width), 0 to 255"""
DRAWN = "`draw.html` opens in a browser, without a network, and reads what is drawn."


MARKS = "\\`*_[]<>|~&$#"
"""What may mean something in Markdown."""


def card(winner: Winner, *, onnx: bool, page: bool) -> str:
    """Return the text of the card, in Markdown; whether `model.onnx` and `draw.html` lie beside it."""
    config, model = winner.config, net_size(winner.config, winner.form)
    what, nets = _what(winner.record.data), len(winner.members)
    of = f"a committee of {nets} nets of " if nets > 1 else ""
    options = command_line(_commands(winner).needed_by("reproduce"))
    use = _use(winner, onnx=onnx, page=page)
    lines = [
        "---", yaml_writer.text(_head(winner)).rstrip(), "---", "",
        f"# {winner.name}: {of}{cells.count(model.parameters)} parameters for {what}", "", f"{line(config)}.", "",
        "| figure | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in _figures(winner)), "",
        *_sentences(winner), "", "## Use", "", *use, "", *_classes(winner), *_layers(winner),
        "## Settings", "", "```yaml",
        _recipe(winner).rstrip(), "```", "",
        f"{_seeds(winner)} `mnist-bench train` takes these lines as a file{f' with {options}' if options else ''}.", "",
        "## Repeat it", "",
        *_repeat(winner), "",
    ]  # fmt: skip
    return "\n".join(lines)


def _recipe(winner: Winner) -> str:
    recipe, data = winner.record.recipe, winner.record.data
    return recipe_yaml.text(recipe, name=winner.study.name, subset=data.subset, dataset=data.dataset)


def _what(data: Data) -> str:
    if data.is_own:
        return "data in MNIST's format" if data.form == MNIST else f"pictures of {data.form}"
    return "MNIST" if data.dataset == "mnist" else data.dataset


def _use(winner: Winner, *, onnx: bool, page: bool) -> Iterator[str]:
    traits = winner.traits
    picture, label = "digit.png" if traits.digits else "picture.png", "name" if traits.names else "label"
    if winner.config.net_code is not None:
        yield _own_use(winner, picture, label)
        return
    yield USE.format(picture=picture, label=label, prepared=_prepared(winner))
    if onnx:
        shape = f"(N, {', '.join(map(str, winner.form.shape))})"
        yield ""
        yield ONNX_USE.format(shape=shape, values="ink on a background of 0, " if traits.drawn else "")
    if page:
        yield ""
        yield DRAWN


def _own_use(winner: Winner, picture: str, label: str) -> str:
    net = own_nets.named(str(winner.config.net_code))[0]
    place, _, function = net.rpartition(":")
    nets = len(winner.members)
    return OWN_USE.format(
        function=function, place=place, what="the net" if nets == 1 else f"each of the {nets} nets",
        code=indent(_own_code(winner, place, function), " " * 4), net=net, quoted=quoted(net), picture=picture,
        label=label, prepared=_prepared(winner),
    )  # fmt: skip


def _own_code(winner: Winner, place: str, function: str) -> str:
    """Return Python that makes the nets by a function of a file or a package and asks them, without mnist-bench."""
    taken = own_nets.known(str(winner.config.net_code)).settings
    declared, given = taken.declared, taken.as_argument(dict(winner.config.net))  # lists are lists, as in the search
    if declared is None:
        settings = repr(given)
    else:
        arguments = ", ".join(f"{item.name}={getattr(given, item.name)!r}" for item in fields(declared))
        settings = f"{declared.__name__}({arguments})"
    names = [function] if declared is None else [declared.__name__, function]
    make = OWN_NET if len(winner.members) == 1 else OWN_COMMITTEE
    return "\n".join([
        _imports(place, names), "",
        NORMALISED.format(mean=_by_channel(winner.traits.mean), std=_by_channel(winner.traits.std)),
        make.format(
            call=f"{function}({settings}, {winner.form.shape}, {winner.form.classes})", nets=len(winner.members)
        ),
    ])  # fmt: skip


def _imports(place: str, names: Sequence[str]) -> str:
    module, listed = place.removesuffix(".py"), ", ".join(names)
    if module == place or (module.isidentifier() and not iskeyword(module)):
        return IMPORTS.format(module=module, names=listed)
    return LOADING.format(file=place, names=listed, found=", ".join(f"code.{name}" for name in names))


def _by_channel(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.9g}" for value in values)


def _prepared(winner: Winner) -> str:
    red = " Its grey becomes the red channel; green and blue are 0." if winner.traits.red else ""
    return f"{_at_size(winner)}{red}"


def _at_size(winner: Winner) -> str:
    form = winner.form
    match winner.traits.preparation:
        case "digit":
            return (
                "A digit may be dark on light or light on dark, anywhere in the picture. As those of MNIST it is "
                "cropped, fitted into 20x20 pixels, and shifted until its centre of mass lies in the middle of 28x28."
            )
        case "drawing":
            return (
                "What differs most from the picture's border is ink, dark on light or light on dark. The picture is "
                "fitted whole into 28x28 pixels; nothing is cropped or centred."
            )
        case "picture":
            channels = "grey" if winner.traits.channels_read == 1 else "red, green and blue"
            return (
                f"The picture is scaled to fit whole into {form.height}x{form.width} pixels (height by width), "
                f"{channels}, in the middle and in its proportions; what is left over is black. Nothing is cropped, "
                "centred or inverted: it has to be lit and framed like the pictures that the net was trained on."
            )
        case _:
            assert_never(winner.traits.preparation)


def _classes(winner: Winner) -> Iterator[str]:
    """Yield the section of the classes' names; nothing where they have none."""
    if not winner.traits.names:
        return
    yield "## Classes"
    yield ""
    yield "| output | class |"
    yield "| ---: | --- |"
    for number, name in enumerate(winner.traits.names):
        yield f"| {number} | {_in_a_cell(name)} |"
    yield ""


def _in_a_cell(name: str) -> str:
    """Return a name that Markdown shows as it is, and no more than that."""
    return "".join(f"\\{sign}" if sign in MARKS else sign for sign in name)


def _seeds(winner: Winner) -> str:
    seeds = [str(member.record.seed) for member in winner.members]
    return f"Seed {seeds[0]}." if len(seeds) == 1 else f"Seeds {', '.join(seeds)}."


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
    if final := winner.final:
        images = winner.tested.images
        own, tests = final.errors[SEED], confirm.figures(final.errors, images)
        if winner.committee_errors is not None:
            yield "test images, the committee, by `confirm`", confirm.committee(final, images)
        if winner.on_all and len(winner.members) == 1 and own is not None:
            yield (
                "test images, by `confirm`",
                f"{cells.percent(1 - own / images)}, {own} of {images:,} wrong",
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
    size, nets = net_size(winner.config, winner.form), len(winner.members)
    each = f"{nets} nets of " if nets > 1 else ""
    yield "parameters, running statistics included", f"{each}{size.parameters:,}"
    yield "multiply-accumulates a picture", f"{each}{size.macs:,}"


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


def _sentences(winner: Winner) -> Iterator[str]:
    bar, validation = winner.validation.threshold, winner.validation
    images = f"{validation.images:,} validation images"
    if winner.on_all:
        nets = len(winner.members)
        these = "This net was" if nets == 1 else f"These {nets} nets, of which the probabilities are averaged, were"
        yield (
            f"{these} trained on all training images, the {images} among them. What is said of these, the "
            "threshold below too, is of a single net that was not."
        )
        if nets > 1 and winner.committee_errors is None:
            yield "What the committee gets right of the test images was not measured."
        yield ""
    elif winner.trial.state != "COMPLETE":
        yield f"{_ended_early(winner.trial.state)} after {number_of(len(winner.record.curve), 'period')}."
        yield ""
    if winner.confirmed is None and winner.final is None:
        best = winner.study.best
        is_best = best is not None and winner.trial.number == best.number
        chosen = ", chosen by its validation accuracy, which is therefore a little too good" if is_best else ""
        yield (
            f"This is one net{chosen}; "
            f"`{_commands(winner).line('confirm')}` trains the best settings again with fresh seeds, then evaluates "
            "once on the test set."
        )
        yield ""
    if not bar.wrong:
        yield (
            f"No answer to the {images} was wrong, so which pictures are unsure could not be measured: a picture is "
            f"called so where the best probability is below {cells.percent(bar.probability)}, the lowest of them. "
            f"{test_set_line(winner.test_openings)}"
        )
        return
    yield (
        f"A picture is unsure where the best probability is below {cells.percent(bar.probability)}, which parts right "
        f"answers from wrong ones best. Of the {images}, {bar.wrong_below:,} of {bar.wrong:,} wrong answers were below "
        f"it, and {bar.right_below:,} of {bar.right:,} right ones. {test_set_line(winner.test_openings)}"
    )


def _commands(winner: Winner) -> NextCommands:
    """Return the commands about the study; the card goes to others, so they name no path of this machine."""
    code = winner.config.net_code
    return NextCommands(
        study=winner.study.name,
        data="DATA" if winner.record.data.is_own else None,
        net=None if code is None else own_nets.named(code)[0],
    )


def _layers(winner: Winner) -> Iterator[str]:
    """Yield the section of the layers, which are known of our own nets alone."""
    if winner.config.net_code is not None:
        return
    yield from ("## Layers", "", "| layer | output | parameters |", "| --- | --- | ---: |")
    for layer in plan_layers(winner.config.model, winner.form).layers:
        shape = " x ".join(map(str, layer.outputs))
        kind = layer.activation if layer.kind == "activation" else layer.kind
        kernel = f" {layer.kernel} x {layer.kernel}" if layer.kernel else ""
        yield f"| {kind}{kernel} | {shape} ({prod(layer.outputs):,}) | {layer.trainable + layer.running:,} |"
    yield ""


def _repeat(winner: Winner) -> Iterator[str]:
    record, nets = winner.record, len(winner.members)
    commands = _commands(winner)
    file = "RECORD.json" if nets == 1 else "RECORD-0.json"
    yield f"    {commands.of_record(file)}      # trains it again and compares every figure and the weights"
    kind = [*(["--confirmed"] if winner.on_all else []), *(["--committee"] if nets > 1 else [])]
    again = commands.line("export", *kind, "--to", "DIR", trial=winner.trial.number)
    yield f"    {again}      # where the study is"
    yield ""
    if record.data.is_own:
        yield "- DATA is the file or folder of the pictures that it was trained on"
    for member in winner.members:
        yield f"- weights, SHA-256: `{member.weights}`"
    yield f"- training files, SHA-256: `{record.data.data_hash}`"
    yield f"- validation split, SHA-256: `{record.data.split_hash}`"
    yield f"- study, digest: `{winner.study.digest}`"
