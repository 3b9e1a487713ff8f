"""The net as files that need nothing of this package: plain PyTorch (`net.py`), and a graph of ONNX."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray
from torch import nn

from mnist_bench.data.mnist import in_red
from mnist_bench.export.winner import TrainedNet
from mnist_bench.nets.modules import Node, forms_of
from mnist_bench.nets.planner import Layer, plan_layers, views_of
from mnist_bench.nets.summary import line
from mnist_bench.prediction import pictures
from mnist_bench.rendering import render
from search.errors import UsageError

OPSET, FORMAT = 17, 8  # versions that the runtimes of 2022 read
INPUT, OUTPUT = "pictures", "probabilities"
Arrays = Mapping[str, NDArray[Any]]


def known_layers(trained: TrainedNet) -> tuple[Layer, ...]:
    """Return the layers of a network, if an export can write them all."""
    layers = plan_layers(trained.config.model, trained.form).layers
    for layer, module in zip(layers, trained.net.children(), strict=True):
        wanted = forms_of(layer, trained.config.model).plain.partition("(")[0].removeprefix("nn.")
        is_known = isinstance(module, getattr(nn, wanted, ())) or type(module).__name__ == wanted
        if layer.kind != "dropout" and not is_known:
            raise UsageError(
                f"{trained.name}: its network has {type(module).__name__} instead of {wanted}; mnist_bench/export "
                "cannot write this layer yet."
            )
    return layers


def plain_net(trained: TrainedNet) -> str:
    """Return the text of `net.py`; the weights are next to it in `model.safetensors`."""
    model, input_spec, layers = trained.config.model, trained.input_spec, known_layers(trained)
    prepare, functions = _preparation(trained)
    text = render(
        "net.py.j2", name=trained.name, summary=line(trained.config), form=trained.form, input_spec=input_spec,
        mean=_levels(input_spec.mean), std=_levels(input_spec.std), names=_names(trained),
        layers=[(forms_of(layer, model).plain, layer.outputs) for layer in layers],
        views=[tuple(view) for view in views_of(model)] if model.test_shift else [],
        has_odd_pool=any(layer.kind == "pool" and layer.pool_axes == "channels_rows" for layer in layers),
        prepare=prepare, functions="\n\n".join(inspect.getsource(function) for function in functions),
    )  # fmt: skip
    return text + "\n"


def _levels(channels: tuple[float, ...]) -> str:
    return repr(list(channels)) if len(channels) > 1 else repr(channels[0])


def _names(trained: TrainedNet) -> str:
    names = trained.input_spec.names
    if not names:
        return f"range({trained.form.classes})"
    line = f"({', '.join(map(ascii, names))})"
    return line if len(line) < 90 else "(\n{}\n)".format("\n".join(f"    {name!a}," for name in names))


def _preparation(trained: TrainedNet) -> tuple[str, tuple[Callable[..., Any], ...]]:
    """Return the expression that turns `image` into a picture, and the functions that it needs."""
    call, functions = _at_size(trained)
    return (f"in_red({call})", (*functions, in_red)) if trained.input_spec.red else (call, functions)


def _at_size(trained: TrainedNet) -> tuple[str, tuple[Callable[..., Any], ...]]:
    drawn = (pictures.brightness, pictures.prepare, pictures.shares)
    match trained.input_spec.preparation:
        case "digit":
            return "prepare(brightness(image))", drawn
        case "drawing":
            return "prepare(brightness(image), digit=False)", drawn
        case "picture":
            form = trained.form
            call = f"fit(pixels(image, {trained.input_spec.channels_read}), {form.height}, {form.width})"
            return call, (pictures.pixels, pictures.fit, pictures.shares)
        case _:
            assert_never(trained.input_spec.preparation)


def onnx_graph(trained: TrainedNet) -> bytes:
    """Return the model: `pictures`, float32 (N, C, H, W), 0 to 255, to `probabilities`, float32 (N, classes)."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, arrays = operations(trained)
    made = helper.make_model(
        helper.make_graph(
            [helper.make_node(node.operation, node.inputs, [node.output], **node.attributes) for node in nodes],
            "mnist-bench",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["N", *trained.form.shape])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", trained.form.classes])],
            [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in arrays.items()],
        ),
        producer_name="mnist-bench",
        ir_version=FORMAT,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    named = {"classes": json.dumps(trained.input_spec.names)} if trained.input_spec.names else {}
    helper.set_model_props(made, {"trial": trained.name, "weights": trained.weights, **named})
    onnx.checker.check_model(made, full_check=True)
    return bytes(made.SerializeToString(deterministic=True))


def operations(trained: TrainedNet) -> tuple[list[Node], Arrays]:
    """Return the net as operations of ONNX, from INPUT to OUTPUT, and the arrays that they use, by name."""
    nodes = list(_nodes(trained))
    weights = {name: value.numpy() for name, value in trained.net.state_dict().items()}
    constants = {"half": 0.5, "one": 1.0, "root": 2**0.5}
    arrays: Arrays = {
        **{name: np.array(value, np.float32) for name, value in constants.items()},
        "mean": _by_channel(trained.input_spec.mean),
        "std": _by_channel(trained.input_spec.std),
        **weights,
        **_view_arrays(trained),
    }
    used = {name for node in nodes for name in node.inputs}
    return nodes, {name: array for name, array in arrays.items() if name in used}


def _by_channel(channels: tuple[float, ...]) -> NDArray[np.float32]:
    """Return a number for pictures of one channel, or numbers of shape (C, 1, 1)."""
    found = np.array(channels, np.float32)
    return found.reshape(-1, 1, 1) if len(channels) > 1 else found[0]


def _views(trained: TrainedNet) -> list[str]:
    """Return the prefix of each view's names; empty if there is only one view."""
    views = len(views_of(trained.config.model))
    return [f"view{number}." for number in range(views)] if views > 1 else [""]


def _view_arrays(trained: TrainedNet) -> Arrays:
    """Return the weight of each view, and the rows and columns that it takes; at the edge it repeats them."""
    arrays: dict[str, NDArray[Any]] = {}
    for view, (down, right, weight) in zip(_views(trained), views_of(trained.config.model), strict=True):
        arrays[f"{view}weight"] = np.array(weight, np.float32)
        for name, size, distance in (("rows", trained.form.height, down), ("columns", trained.form.width, right)):
            arrays[f"{view}{name}"] = (np.arange(size) - distance).clip(0, size - 1)
    return arrays


def _nodes(trained: TrainedNet) -> Iterator[Node]:
    yield Node("Sub", (INPUT, "mean"), "shifted")
    yield Node("Div", ("shifted", "std"), "input")
    for view in filter(None, _views(trained)):
        yield Node("Gather", ("input", f"{view}rows"), f"{view}moved", {"axis": 2})
        yield Node("Gather", (f"{view}moved", f"{view}columns"), f"{view}input", {"axis": 3})
    logits = []
    for view in _views(trained):
        name = f"{view}input"
        for number, layer in enumerate(known_layers(trained)):
            nodes = forms_of(layer, trained.config.model, name, f"{view}layer{number}", str(number)).nodes
            yield from nodes
            name = nodes[-1].output if nodes else name
        if view:
            yield Node("Mul", (name, f"{view}weight"), f"{view}weighted")
            name = f"{view}weighted"
        logits.append(name)
    if len(logits) > 1:
        name = "logits"
        yield Node("Sum", tuple(logits), name)
    yield Node("Softmax", (name,), OUTPUT, {"axis": 1})
