"""The net's layers as files that need nothing of this package: plain PyTorch (`net.py`), and operations of ONNX."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, assert_never

import numpy as np
from numpy.typing import NDArray
from torch import nn

from mnist_bench.config.settings import Activation, ModelConfig, PixelPool, PoolAxes
from mnist_bench.data.mnist import in_red
from mnist_bench.export.winner import TrainedNet
from mnist_bench.nets.planner import Layer, plan_layers, views_of
from mnist_bench.nets.summary import line
from mnist_bench.prediction import pictures
from mnist_bench.rendering import render
from search.errors import UsageError

OPSET, FORMAT = 17, 8
"""Versions that the runtimes of 2022 read."""
INPUT, OUTPUT = "pictures", "probabilities"
Arrays = Mapping[str, NDArray[Any]]


class Node(NamedTuple):
    """An operation of ONNX."""

    operation: str
    inputs: tuple[str, ...]  # names of arrays, or of other nodes' outputs
    output: str
    attributes: Mapping[str, Any] = {}


class Written(NamedTuple):
    """A layer as it is written."""

    module: str  # in net.py
    nodes: tuple[Node, ...]  # the last one's output is the layer's; none if a net at rest does nothing there


def written(layer: Layer, model: ModelConfig, source: str = "", target: str = "", number: str = "") -> Written:
    """Return a layer in all forms: its nodes lead from `source` to `target`, its weights are named `number`.weight."""
    features, same, images = f"{layer.inputs[0]}, {layer.outputs[0]}", layer.kernel // 2, len(layer.inputs) == 3
    affine = (source, f"{number}.weight", f"{number}.bias")
    match layer.kind:
        case "convolution":
            node = Node("Conv", affine, target, {"pads": [same] * 4})
            return Written(f"nn.Conv2d({features}, {layer.kernel}, padding={same})", (node,))
        case "separable":
            maps = layer.inputs[0]
            each = f"nn.Conv2d({maps}, {maps}, {layer.kernel}, padding={same}, groups={maps}, bias=False)"
            nodes = (
                Node("Conv", (source, f"{number}.0.weight"), f"{target}.each", {"pads": [same] * 4, "group": maps}),
                Node("Conv", (f"{target}.each", f"{number}.1.weight", f"{number}.1.bias"), target),
            )
            return Written(f"nn.Sequential({each}, nn.Conv2d({features}, 1))", nodes)
        case "linear":
            return Written(f"nn.Linear({features})", (Node("Gemm", affine, target, {"transB": 1}),))
        case "batchnorm":
            statistics = (*affine, f"{number}.running_mean", f"{number}.running_var")
            node = Node("BatchNormalization", statistics, target, {"epsilon": model.batchnorm_epsilon})
            axes = "2d" if images else "1d"
            return Written(f"nn.BatchNorm{axes}({layer.inputs[0]}, eps={model.batchnorm_epsilon!r})", (node,))
        case "pool":
            return _pool(layer.pool_axes, source, target)
        case "activation":
            return _activation(layer.activation, source, target)
        case "dropout":
            return Written(f"nn.Dropout{'2d' if images else ''}({layer.rate!r})", ())
        case "final_pool":
            return _final_pool(layer.pixel_pool, source, target)
        case "flatten":
            return Written("nn.Flatten()", (Node("Flatten", (source,), target),))
        case _:
            assert_never(layer.kind)


def _pool(axes: PoolAxes, source: str, target: str) -> Written:
    halves = {"kernel_shape": [2, 2], "strides": [2, 2]}
    match axes:
        case "rows_columns":
            return Written("nn.MaxPool2d(2)", (Node("MaxPool", (source,), target, halves),))
        case "channels_rows":
            nodes = (
                Node("Transpose", (source,), f"{target}.turned", {"perm": [0, 3, 1, 2]}),
                Node("MaxPool", (f"{target}.turned",), f"{target}.halved", halves),
                Node("Transpose", (f"{target}.halved",), target, {"perm": [0, 2, 3, 1]}),
            )
            return Written("ChannelsRowsPool()", nodes)
        case _:
            assert_never(axes)


def _final_pool(pool: PixelPool, source: str, target: str) -> Written:
    match pool:
        case "mean":
            return Written("nn.AdaptiveAvgPool2d(1)", (Node("GlobalAveragePool", (source,), target),))
        case "max":
            return Written("nn.AdaptiveMaxPool2d(1)", (Node("GlobalMaxPool", (source,), target),))
        case _:
            assert_never(pool)


def _activation(name: Activation, source: str, target: str) -> Written:
    match name:
        case "relu":
            return Written("nn.ReLU()", (Node("Relu", (source,), target),))
        case "sigmoid":
            return Written("nn.Sigmoid()", (Node("Sigmoid", (source,), target),))
        case "tanh":
            return Written("nn.Tanh()", (Node("Tanh", (source,), target),))
        case "gelu":  # x / 2 (1 + erf(x / sqrt 2)); a node of its own is newer than the opset
            nodes = (
                Node("Div", (source, "root"), f"{target}.scaled"),
                Node("Erf", (f"{target}.scaled",), f"{target}.erf"),
                Node("Add", (f"{target}.erf", "one"), f"{target}.raised"),
                Node("Mul", (source, f"{target}.raised"), f"{target}.double"),
                Node("Mul", (f"{target}.double", "half"), target),
            )
            return Written("nn.GELU()", nodes)
        case "silu":
            sigmoid = Node("Sigmoid", (source,), f"{target}.sigmoid")
            return Written("nn.SiLU()", (sigmoid, Node("Mul", (source, sigmoid.output), target)))
        case _:
            assert_never(name)


def known_layers(trained: TrainedNet) -> tuple[Layer, ...]:
    """Return the layers of a network, if an export can write them all.

    Raises:
        UsageError: one of them is of another kind, from your own setting.
    """
    layers = plan_layers(trained.config.model, trained.form).layers
    for layer, module in zip(layers, trained.net.children(), strict=True):
        wanted = written(layer, trained.config.model).module.partition("(")[0].removeprefix("nn.")
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
        layers=[(written(layer, model).module, layer.outputs) for layer in layers],
        views=[tuple(view) for view in views_of(model)] if model.test_shift else [],
        has_odd_pool=any(layer.kind == "pool" and layer.pool_axes == "channels_rows" for layer in layers),
        prepare=prepare, functions="\n\n".join(inspect.getsource(function) for function in functions),
    )  # fmt: skip
    return text + "\n"


def _levels(channels: tuple[float, ...]) -> str:
    return repr(list(channels)) if len(channels) > 1 else repr(channels[0])


def _names(trained: TrainedNet) -> str:
    """Return the names of the classes as Python: a tuple, or the range of their numbers."""
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
    """Return the model: `pictures`, float32 (N, C, H, W), 0 to 255, to `probabilities`, float32 (N, classes).

    Raises:
        ImportError: the package onnx is not installed.
    """
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
    """Yield the nodes of the net, from the pictures to their probabilities."""
    yield Node("Sub", (INPUT, "mean"), "shifted")
    yield Node("Div", ("shifted", "std"), "input")
    for view in filter(None, _views(trained)):
        yield Node("Gather", ("input", f"{view}rows"), f"{view}moved", {"axis": 2})
        yield Node("Gather", (f"{view}moved", f"{view}columns"), f"{view}input", {"axis": 3})
    logits = []
    for view in _views(trained):
        name = f"{view}input"
        for number, layer in enumerate(known_layers(trained)):
            nodes = written(layer, trained.config.model, name, f"{view}layer{number}", str(number)).nodes
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
