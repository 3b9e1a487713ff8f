"""The net as an ONNX graph, written from its layers: pixels in, probabilities out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, assert_never

import numpy as np
from numpy.typing import NDArray

from mnist_bench.config.settings import Activation, PixelPool, PoolAxes
from mnist_bench.export.plain_net import known_layers
from mnist_bench.export.winner import Winner
from mnist_bench.nets.planner import Layer, views_of

if TYPE_CHECKING:
    from onnx import NodeProto

OPSET, FORMAT = 17, 8
"""Versions that the runtimes of 2022 read."""
INPUT, OUTPUT = "pictures", "probabilities"
Arrays = Mapping[str, NDArray[Any]]


def graph(winner: Winner) -> bytes:
    """Return the model: `pictures`, float32 (N, C, H, W), 0 to 255, to `probabilities`, float32 (N, classes).

    Raises:
        ImportError: the package onnx is not installed.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = {name: value.numpy() for name, value in winner.net.state_dict().items()}
    levels = {"mean": _levels(winner.input_spec.mean), "std": _levels(winner.input_spec.std)}
    constants = {"half": 0.5, "one": 1.0, "root": 2**0.5}
    arrays: Arrays = {name: np.array(value, np.float32) for name, value in constants.items()}
    arrays = {**arrays, **levels, **weights, **_view_arrays(winner)}
    nodes = list(_nodes(winner))
    used = {name for node in nodes for name in node.input}
    made = helper.make_model(
        helper.make_graph(
            nodes,
            "mnist-bench",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["N", *winner.form.shape])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", winner.form.classes])],
            [numpy_helper.from_array(np.ascontiguousarray(a), name) for name, a in arrays.items() if name in used],
        ),
        producer_name="mnist-bench",
        ir_version=FORMAT,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    named = {"classes": json.dumps(winner.input_spec.names)} if winner.input_spec.names else {}
    helper.set_model_props(made, {"trial": winner.name, "weights": winner.weights, **named})
    onnx.checker.check_model(made, full_check=True)
    return bytes(made.SerializeToString(deterministic=True))


def _levels(channels: tuple[float, ...]) -> NDArray[np.float32]:
    """Return a number for pictures of one channel, or numbers of shape (C, 1, 1)."""
    found = np.array(channels, np.float32)
    return found.reshape(-1, 1, 1) if len(channels) > 1 else found[0]


def _views(winner: Winner) -> list[str]:
    """Return the prefix of each view's names; empty if there is only one view."""
    views = len(views_of(winner.config.model))
    return [f"view{number}." for number in range(views)] if views > 1 else [""]


def _view_arrays(winner: Winner) -> Arrays:
    """Return the weight of each view, and the rows and columns that it takes; at the edge it repeats them."""
    arrays: dict[str, NDArray[Any]] = {}
    for view, (down, right, weight) in zip(_views(winner), views_of(winner.config.model), strict=True):
        arrays[f"{view}weight"] = np.array(weight, np.float32)
        for name, size, distance in (("rows", winner.form.height, down), ("columns", winner.form.width, right)):
            arrays[f"{view}{name}"] = (np.arange(size) - distance).clip(0, size - 1)
    return arrays


def _nodes(winner: Winner) -> Iterator[NodeProto]:
    """Yield the nodes of the net, from the pictures to their probabilities."""
    from onnx import helper

    yield helper.make_node("Sub", [INPUT, "mean"], ["shifted"])
    yield helper.make_node("Div", ["shifted", "std"], ["input"])
    for view in filter(None, _views(winner)):
        yield helper.make_node("Gather", ["input", f"{view}rows"], [f"{view}moved"], axis=2)
        yield helper.make_node("Gather", [f"{view}moved", f"{view}columns"], [f"{view}input"], axis=3)
    logits = []
    for view in _views(winner):
        name = f"{view}input"
        for number, layer in enumerate(known_layers(winner)):
            if layer.kind != "dropout":  # it does nothing in a net at rest
                target = f"{view}layer{number}"
                yield from _layer(layer, name, target, str(number), winner.config.model.batchnorm_epsilon)
                name = target
        if view:
            yield helper.make_node("Mul", [name, f"{view}weight"], [f"{view}weighted"])
            name = f"{view}weighted"
        logits.append(name)
    if len(logits) > 1:
        name = "logits"
        yield helper.make_node("Sum", logits, [name])
    yield helper.make_node("Softmax", [name], [OUTPUT], axis=1)


def _layer(layer: Layer, source: str, target: str, number: str, epsilon: float) -> Iterator[NodeProto]:
    """Yield the nodes of a layer, whose weights are named as in the net: `number`.weight."""
    from onnx import helper

    affine = [source, f"{number}.weight", f"{number}.bias"]
    match layer.kind:
        case "convolution":
            yield helper.make_node("Conv", affine, [target], pads=[layer.kernel // 2] * 4)
        case "separable":
            pads = [layer.kernel // 2] * 4
            first = [source, f"{number}.0.weight"]
            yield helper.make_node("Conv", first, [f"{target}.each"], pads=pads, group=layer.inputs[0])
            yield helper.make_node("Conv", [f"{target}.each", f"{number}.1.weight", f"{number}.1.bias"], [target])
        case "linear":
            yield helper.make_node("Gemm", affine, [target], transB=1)
        case "batchnorm":
            running = [f"{number}.running_mean", f"{number}.running_var"]
            yield helper.make_node("BatchNormalization", [*affine, *running], [target], epsilon=epsilon)
        case "pool":
            yield from _pool(layer.pool_axes, source, target)
        case "activation":
            yield from _activation(layer.activation, source, target)
        case "final_pool":
            yield helper.make_node(_final_pool(layer.pixel_pool), [source], [target])
        case "flatten":
            yield helper.make_node("Flatten", [source], [target])
        case "dropout":
            pass
        case _:
            assert_never(layer.kind)


def _pool(axes: PoolAxes, source: str, target: str) -> Iterator[NodeProto]:
    from onnx import helper

    halves = {"kernel_shape": [2, 2], "strides": [2, 2]}
    match axes:
        case "rows_columns":
            yield helper.make_node("MaxPool", [source], [target], **halves)
        case "channels_rows":
            yield helper.make_node("Transpose", [source], [f"{target}.turned"], perm=[0, 3, 1, 2])
            yield helper.make_node("MaxPool", [f"{target}.turned"], [f"{target}.halved"], **halves)
            yield helper.make_node("Transpose", [f"{target}.halved"], [target], perm=[0, 2, 3, 1])
        case _:
            assert_never(axes)


def _final_pool(pool: PixelPool) -> str:
    match pool:
        case "mean":
            return "GlobalAveragePool"
        case "max":
            return "GlobalMaxPool"
        case _:
            assert_never(pool)


def _activation(name: Activation, source: str, target: str) -> Iterator[NodeProto]:
    from onnx import helper

    match name:
        case "relu":
            yield helper.make_node("Relu", [source], [target])
        case "sigmoid":
            yield helper.make_node("Sigmoid", [source], [target])
        case "tanh":
            yield helper.make_node("Tanh", [source], [target])
        case "gelu":  # x / 2 (1 + erf(x / sqrt 2)); a node of its own is newer than the opset
            yield helper.make_node("Div", [source, "root"], [f"{target}.scaled"])
            yield helper.make_node("Erf", [f"{target}.scaled"], [f"{target}.erf"])
            yield helper.make_node("Add", [f"{target}.erf", "one"], [f"{target}.raised"])
            yield helper.make_node("Mul", [source, f"{target}.raised"], [f"{target}.double"])
            yield helper.make_node("Mul", [f"{target}.double", "half"], [target])
        case "silu":
            yield helper.make_node("Sigmoid", [source], [f"{target}.sigmoid"])
            yield helper.make_node("Mul", [source, f"{target}.sigmoid"], [target])
        case _:
            assert_never(name)
