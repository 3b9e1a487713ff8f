"""The net as a file of plain PyTorch, `net.py`, that needs nothing of this package."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from string import Template
from typing import assert_never

from torch import nn

from mnist_bench.config import Activation, ModelConfig, PoolAxes
from mnist_bench.export.winner import Winner
from mnist_bench.nets import Layer, line, plan_layers
from mnist_bench.prediction import preparation
from search.errors import UsageError

FUNCTIONS = (preparation.brightness, preparation.prepare, preparation.shares)
"""What makes a picture like those that the net was trained on; the file has their source."""
CHANNELS_ROWS_POOL = '''
class ChannelsRowsPool(nn.Module):
    """A 2x2 max-pool over maps and rows, from (N, C, H, W) to (N, C // 2, H // 2, W)."""

    def forward(self, inputs):
        turned = inputs.permute(0, 3, 1, 2)
        return nn.functional.max_pool2d(turned, 2).permute(0, 2, 3, 1)

'''
TEMPLATE = Template('''\
"""$name: $summary.

    python net.py digit.png ...        # the digit, its probability, and the digit after it

From Python: `probabilities = load()(pictures).softmax(1)`. It needs torch, safetensors and numpy, and pillow for files.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import nn

MEAN, STD = $mean, $std  # of the pixels that the net was trained on
UNSURE_BELOW = $unsure  # the probability that parts right answers from wrong ones best

$classes
class Net(nn.Sequential):
    """From pictures (N, 1, 28, 28), 0 is paper and 255 ink, to logits (N, 10)."""

    def __init__(self):
        super().__init__(
$layers
        )

    def forward(self, pictures):
        return super().forward((pictures.float() - MEAN) / STD)


def load(path=Path(__file__).with_name("model.safetensors")):
    """Return the trained net."""
    net = Net()
    net.load_state_dict(load_file(path))
    return net.eval()


$functions

def main(paths):
    from PIL import Image, ImageOps

    if not paths:
        sys.exit(__doc__)
    net = load()
    for path in paths:
        try:
            grey = brightness(ImageOps.exif_transpose(Image.open(path)))
            picture = torch.from_numpy(prepare(grey, digit=$digits))
        except (OSError, ValueError) as error:
            sys.exit(f"{path}: {error}")
        with torch.inference_mode():
            values, labels = net(picture[None, None]).double().softmax(1)[0].topk(2)
        unsure = "  unsure" if values[0] < UNSURE_BELOW else ""
        print(f"{path}  {labels[0]}  {values[0]:.2%}, then {labels[1]} {values[1]:.2%}{unsure}")


if __name__ == "__main__":
    main(sys.argv[1:])
''')


def source(winner: Winner) -> str:
    """Return the text of `net.py`; the weights lie beside it in `model.safetensors`."""
    model, traits, layers = winner.config.model, winner.traits, known_layers(winner)
    has_odd_pool = any(layer.kind == "pool" and layer.pool_axes == "channels_rows" for layer in layers)
    return TEMPLATE.substitute(
        name=winner.name, summary=line(winner.config), mean=repr(traits.mean), std=repr(traits.std),
        unsure=repr(traits.unsure_below), digits=traits.digits, classes=CHANNELS_ROWS_POOL if has_odd_pool else "",
        layers="\n".join(_lines(layers, model)), functions="\n\n".join(inspect.getsource(one) for one in FUNCTIONS),
    )  # fmt: skip


def known_layers(winner: Winner) -> tuple[Layer, ...]:
    """Return the layers of a net that has no others than those which an export writes.

    Raises:
        UsageError: one of them is of another kind, from a knob of the user's own.
    """
    layers = plan_layers(winner.config.model).layers
    for layer, module in zip(layers, winner.net.children(), strict=True):
        wanted = _module(layer, winner.config.model).partition("(")[0].removeprefix("nn.")
        is_known = isinstance(module, getattr(nn, wanted, ())) or type(module).__name__ == wanted
        if layer.kind != "dropout" and not is_known:
            raise UsageError(
                f"{winner.name}: its net has {type(module).__name__} in place of {wanted}, which plain_net.py, "
                "onnx_graph.py and page.py in mnist_bench/export do not write yet."
            )
    return layers


def _lines(layers: tuple[Layer, ...], model: ModelConfig) -> Iterator[str]:
    """Yield the line of each layer, and the shape that comes out of it."""
    for layer in layers:
        shape = "x".join(map(str, layer.outputs))
        yield f"            {_module(layer, model)},  # {shape}"


def _module(layer: Layer, model: ModelConfig) -> str:
    features = f"{layer.inputs[0]}, {layer.outputs[0]}"
    maps = "2d" if len(layer.inputs) == 3 else "1d"
    match layer.kind:
        case "convolution":
            return f"nn.Conv2d({features}, {layer.kernel}, padding={layer.kernel // 2})"
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
