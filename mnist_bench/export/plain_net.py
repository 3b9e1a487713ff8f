"""The net as a file of plain PyTorch, `net.py`, that needs nothing of this package."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from string import Template
from typing import Any, assert_never

from torch import nn

from mnist_bench.config import Activation, ModelConfig, PoolAxes
from mnist_bench.data import in_red
from mnist_bench.export.winner import Winner
from mnist_bench.nets import Layer, line, plan_layers
from mnist_bench.prediction import preparation
from search.errors import UsageError

CHANNELS_ROWS_POOL = '''
class ChannelsRowsPool(nn.Module):
    """A 2x2 max-pool over maps and rows, from (N, C, H, W) to (N, C // 2, H // 2, W)."""

    def forward(self, inputs):
        turned = inputs.permute(0, 3, 1, 2)
        return nn.functional.max_pool2d(turned, 2).permute(0, 2, 3, 1)

'''
FORWARD = {
    False: "        return super().forward((pictures.float() - MEAN) / STD)",
    True: """\
        mean, std = torch.tensor([MEAN, STD], device=pictures.device).view(2, -1, 1, 1)
        return super().forward((pictures.float() - mean) / std)""",
}
"""By whether there are several channels."""
OPENED = {
    True: "ImageOps.exif_transpose(Image.open(path))",
    False: "Image.open(path)  # as it is stored, whatever EXIF says of its orientation: so the net was trained",
}
"""By whether a picture is turned upright."""
COMMITTEE = '''
class Committee(nn.ModuleList):
    """From pictures to logits, of which softmax(1) makes the mean of what it makes of each net's."""

    def forward(self, pictures):
        each = torch.stack([net(pictures).log_softmax(1) for net in self])
        return each.logsumexp(0) - math.log(len(self))

'''
TEMPLATE = Template('''\
"""$name: $summary$together.

    python net.py $picture ...        # the $noun, its probability, and the $noun after it

From Python: `probabilities = load()(pictures).softmax(1)`. It needs torch, safetensors and numpy, and pillow for files.
"""

$imports
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import nn

WEIGHTS = Path(__file__).with_name("model.safetensors")
MEAN, STD = $mean, $std  # of the pixels that the net was trained on
UNSURE_BELOW = $unsure  # the probability that parts right answers from wrong ones best
NAMES = $names  # of the classes

$classes
class Net(nn.Sequential):
    """From pictures $shape, $values, to logits (N, $outputs)."""

    def __init__(self):
        super().__init__(
$layers
        )

    def forward(self, pictures):
$forward

$committee
def load(path=WEIGHTS):
    """Return the trained $trained."""
    net = $made
    net.load_state_dict(load_file(path))
    return net.eval()


$functions

def main(paths):
    from PIL import $pillow

    if not paths:
        sys.exit(__doc__)
    if not WEIGHTS.is_file():  # it is written last
        sys.exit(
            f"{WEIGHTS.name} is not here: the export was not finished, and the same `mnist-bench export` makes it anew"
        )
    net = load()
    for path in paths:
        try:
            image = $image
            picture = torch.from_numpy($prepared)
        except (OSError, ValueError) as error:
            sys.exit(f"{path}: {error}")
        with torch.inference_mode():
            values, labels = net(picture.view(1, $input)).double().softmax(1)[0].topk(2)
        first, second = (NAMES[label] for label in labels)
        unsure = "  unsure" if values[0] < UNSURE_BELOW else ""
        print(f"{path}  {first}  {values[0]:.2%}, then {second} {values[1]:.2%}{unsure}")


if __name__ == "__main__":
    main(sys.argv[1:])
''')


def source(winner: Winner) -> str:
    """Return the text of `net.py`; the weights lie beside it in `model.safetensors`."""
    model, traits, layers = winner.config.model, winner.traits, known_layers(winner)
    has_odd_pool = any(layer.kind == "pool" and layer.pool_axes == "channels_rows" for layer in layers)
    form, nets = winner.form, len(winner.members)
    call, functions = _preparation(winner)
    return TEMPLATE.substitute(
        name=winner.name, summary=line(winner.config), mean=_levels(traits.mean), std=_levels(traits.std),
        unsure=repr(traits.unsure_below), names=_names(winner), classes=CHANNELS_ROWS_POOL if has_odd_pool else "",
        layers="\n".join(_lines(layers, model)), functions="\n\n".join(inspect.getsource(one) for one in functions),
        pillow="Image, ImageOps" if traits.turns_upright else "Image", image=OPENED[traits.turns_upright],
        prepared=call, input=", ".join(map(str, form.shape)), shape=f"(N, {', '.join(map(str, form.shape))})",
        outputs=form.classes, values="0 is paper and 255 ink" if traits.drawn else "0 to 255",
        noun="digit" if traits.digits else "class", picture="digit.png" if traits.digits else "picture.png",
        forward=FORWARD[form.channels > 1], imports="import math\nimport sys" if nets > 1 else "import sys",
        together=f"; the mean of {nets} such nets" if nets > 1 else "", committee=COMMITTEE if nets > 1 else "",
        trained="nets" if nets > 1 else "net", made=f"Committee(Net() for _ in range({nets}))" if nets > 1 else "Net()",
    )  # fmt: skip


def _levels(channels: tuple[float, ...]) -> str:
    return repr(list(channels)) if len(channels) > 1 else repr(channels[0])


def _names(winner: Winner) -> str:
    """Return the names of the classes as Python: a tuple, or what gives each class its number."""
    names = winner.traits.names
    if not names:
        return f"range({winner.form.classes})"
    line = f"({', '.join(map(ascii, names))})"
    return line if len(line) < 90 else "(\n{}\n)".format("\n".join(f"    {name!a}," for name in names))


def _preparation(winner: Winner) -> tuple[str, tuple[Callable[..., Any], ...]]:
    """Return the expression that makes a picture of `image`, and the functions that it needs."""
    call, functions = _at_size(winner)
    return (f"in_red({call})", (*functions, in_red)) if winner.traits.red else (call, functions)


def _at_size(winner: Winner) -> tuple[str, tuple[Callable[..., Any], ...]]:
    match winner.traits.preparation:
        case "digit" | "drawing":
            call = f"prepare(brightness(image), digit={winner.traits.digits})"
            return call, (preparation.brightness, preparation.prepare, preparation.shares)
        case "picture":
            form = winner.form
            call = f"fit(pixels(image, {winner.traits.channels_read}), {form.height}, {form.width})"
            return call, (preparation.pixels, preparation.fit, preparation.shares)
        case _:
            assert_never(winner.traits.preparation)


def known_layers(winner: Winner) -> tuple[Layer, ...]:
    """Return the layers of a net that has no others than those which an export writes.

    Raises:
        UsageError: one of them is of another kind, from a knob of the user's own.
    """
    layers = plan_layers(winner.config.model, winner.form).layers
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
