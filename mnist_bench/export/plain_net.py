"""The net as a file of plain PyTorch, `net.py`, that needs nothing of this package."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, assert_never

from torch import nn

from mnist_bench.config.settings import Activation, ModelConfig, PixelPool, PoolAxes
from mnist_bench.data.mnist import in_red
from mnist_bench.export.rendering import render
from mnist_bench.export.winner import Winner
from mnist_bench.nets.planner import Layer, plan_layers, views_of
from mnist_bench.nets.summary import line
from mnist_bench.prediction import preparation
from search.errors import UsageError


def source(winner: Winner) -> str:
    """Return the text of `net.py`; the weights are next to it in `model.safetensors`."""
    model, input_spec, layers = winner.config.model, winner.input_spec, known_layers(winner)
    prepare, functions = _preparation(winner)
    text = render(
        "net.py.j2", name=winner.name, summary=line(winner.config), form=winner.form, input_spec=input_spec,
        mean=_levels(input_spec.mean), std=_levels(input_spec.std), names=_names(winner),
        layers=[(_module(layer, model), layer.outputs) for layer in layers],
        views=[tuple(view) for view in views_of(model)] if model.test_shift else [],
        has_odd_pool=any(layer.kind == "pool" and layer.pool_axes == "channels_rows" for layer in layers),
        prepare=prepare, functions="\n\n".join(inspect.getsource(function) for function in functions),
    )  # fmt: skip
    return text + "\n"


def _levels(channels: tuple[float, ...]) -> str:
    return repr(list(channels)) if len(channels) > 1 else repr(channels[0])


def _names(winner: Winner) -> str:
    """Return the names of the classes as Python: a tuple, or the range of their numbers."""
    names = winner.input_spec.names
    if not names:
        return f"range({winner.form.classes})"
    line = f"({', '.join(map(ascii, names))})"
    return line if len(line) < 90 else "(\n{}\n)".format("\n".join(f"    {name!a}," for name in names))


def _preparation(winner: Winner) -> tuple[str, tuple[Callable[..., Any], ...]]:
    """Return the expression that turns `image` into a picture, and the functions that it needs."""
    call, functions = _at_size(winner)
    return (f"in_red({call})", (*functions, in_red)) if winner.input_spec.red else (call, functions)


def _at_size(winner: Winner) -> tuple[str, tuple[Callable[..., Any], ...]]:
    drawn = (preparation.brightness, preparation.prepare, preparation.shares)
    match winner.input_spec.preparation:
        case "digit":
            return "prepare(brightness(image))", drawn
        case "drawing":
            return "prepare(brightness(image), digit=False)", drawn
        case "picture":
            form = winner.form
            call = f"fit(pixels(image, {winner.input_spec.channels_read}), {form.height}, {form.width})"
            return call, (preparation.pixels, preparation.fit, preparation.shares)
        case _:
            assert_never(winner.input_spec.preparation)


def known_layers(winner: Winner) -> tuple[Layer, ...]:
    """Return the layers of a network, if an export can write them all.

    Raises:
        UsageError: one of them is of another kind, from your own setting.
    """
    layers = plan_layers(winner.config.model, winner.form).layers
    for layer, module in zip(layers, winner.net.children(), strict=True):
        wanted = _module(layer, winner.config.model).partition("(")[0].removeprefix("nn.")
        is_known = isinstance(module, getattr(nn, wanted, ())) or type(module).__name__ == wanted
        if layer.kind != "dropout" and not is_known:
            raise UsageError(
                f"{winner.name}: its network has {type(module).__name__} instead of {wanted}; mnist_bench/export "
                "cannot write this layer yet."
            )
    return layers


def _module(layer: Layer, model: ModelConfig) -> str:
    features = f"{layer.inputs[0]}, {layer.outputs[0]}"
    maps = "2d" if len(layer.inputs) == 3 else "1d"
    match layer.kind:
        case "convolution":
            return f"nn.Conv2d({features}, {layer.kernel}, padding={layer.kernel // 2})"
        case "separable":
            each = f"{layer.inputs[0]}, {layer.inputs[0]}, {layer.kernel}, padding={layer.kernel // 2}"
            first = f"nn.Conv2d({each}, groups={layer.inputs[0]}, bias=False)"
            return f"nn.Sequential({first}, nn.Conv2d({features}, 1))"
        case "linear":
            return f"nn.Linear({features})"
        case "batchnorm":
            return f"nn.BatchNorm{maps}({layer.inputs[0]}, eps={model.batchnorm_epsilon!r})"
        case "pool":
            return _pool(layer.pool_axes)
        case "activation":
            return _activation(layer.activation)
        case "dropout":
            return f"nn.Dropout{'2d' if maps == '2d' else ''}({layer.rate!r})"
        case "final_pool":
            return _final_pool(layer.pixel_pool)
        case "flatten":
            return "nn.Flatten()"
        case _:
            assert_never(layer.kind)


def _pool(axes: PoolAxes) -> str:
    match axes:
        case "rows_columns":
            return "nn.MaxPool2d(2)"
        case "channels_rows":
            return "ChannelsRowsPool()"
        case _:
            assert_never(axes)


def _final_pool(pool: PixelPool) -> str:
    match pool:
        case "mean":
            return "nn.AdaptiveAvgPool2d(1)"
        case "max":
            return "nn.AdaptiveMaxPool2d(1)"
        case _:
            assert_never(pool)


def _activation(name: Activation) -> str:
    match name:
        case "relu":
            return "nn.ReLU()"
        case "sigmoid":
            return "nn.Sigmoid()"
        case "tanh":
            return "nn.Tanh()"
        case "gelu":
            return "nn.GELU()"
        case "silu":
            return "nn.SiLU()"
        case _:
            assert_never(name)
