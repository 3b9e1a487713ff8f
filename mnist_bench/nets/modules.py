"""Build a net in PyTorch from its layers; all random numbers come from generators that the caller passes.

Convolutions and hidden linear layers compute in the precision of the surrounding autocast. The last linear layer
computes in float32: with the 8 significant bits of bfloat16, the two largest logits of an image may be equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, assert_never, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from mnist_bench.config.settings import Activation, Initialisation, ModelConfig, PixelPool, PoolAxes, TrainConfig
from mnist_bench.nets import own_net
from mnist_bench.nets.planner import Layer, View, plan_layers
from mnist_bench.numerics.operations import mean_of_pixels, separable_kernel
from mnist_bench.picture_form import MNIST, PictureForm

INITIALISERS: Mapping[Initialisation, Callable[..., Tensor]] = {
    "kaiming_uniform": nn.init.kaiming_uniform_,
    "kaiming_normal": nn.init.kaiming_normal_,
    "glorot_uniform": nn.init.xavier_uniform_,
    "glorot_normal": nn.init.xavier_normal_,
    "orthogonal": nn.init.orthogonal_,
}


class Dropout(nn.Module):
    """Dropout (Srivastava et al. 2014) of units (N, U), or of whole feature maps (N, C, H, W).

    It draws from `generator`, which the trainer seeds for each period. torch's own modules draw from the global one,
    and a period would depend on the earlier work of its process.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.generator: torch.Generator | None = None

    def forward(self, inputs: Tensor) -> Tensor:
        """In training, set a share `rate` to zero and scale up the rest; in evaluation, return `inputs` unchanged."""
        if not self.training:
            return inputs
        # One draw per feature map: its pixels are alike, so dropping single ones changes little (Tompson et al. 2015).
        shape = inputs.shape[:2] + (1,) * (inputs.ndim - 2)  # (N, U), or (N, C, 1, 1)
        drawn = torch.rand(shape, generator=self.generator, device=inputs.device)
        return inputs * (drawn >= self.rate).to(inputs.dtype).div_(1 - self.rate)


class ChannelsRowsPool(nn.Module):
    """A 2x2 max-pool over maps and rows, from (N, C, H, W) to (N, C // 2, H // 2, W)."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the maximum over each two maps and two rows."""
        turned = inputs.permute(0, 3, 1, 2)  # (N, W, C, H): the pool halves the last two
        return functional.max_pool2d(turned, 2).permute(0, 2, 3, 1)


class MeanPool(nn.AdaptiveAvgPool2d):
    """The mean over all pixels, from (N, C, H, W) to (N, C, 1, 1), in float32 even inside an autocast.

    PyTorch's own kernels add the pixels in orders that depend on the processor.
    """

    def __init__(self) -> None:
        super().__init__(1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the means, which have the same bits on every machine."""
        return mean_of_pixels(inputs)


class MaxPool(nn.AdaptiveMaxPool2d):
    """The maximum over all pixels, from (N, C, H, W) to (N, C, 1, 1).

    PyTorch's kernel for adaptive pools has no deterministic gradient on a GPU; that for a fixed size has one.
    """

    def __init__(self) -> None:
        super().__init__(1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the largest value of each map; the first pixel that has it gets the gradient."""
        return functional.max_pool2d(inputs, (inputs.shape[2], inputs.shape[3]))


class Convolution(nn.Conv2d):
    """A convolution whose weights are empty until `build_model` draws them."""

    def reset_parameters(self) -> None:
        """Draw nothing: torch would take the numbers from its global generator."""


class SeparableConvolution(nn.Sequential):
    """A kernel of K x K pixels for each input map, then a 1x1 convolution with a bias (Chollet 2017).

    With nothing between them, the two are one convolution with the product of their weights, and so it is computed.
    Its bits are then those of full convolutions, which the numerics checks compare, on a GPU as on a CPU. Forward
    and backward, 128 images of 16 maps of 14 x 14 pixels took 2.2 ms in bf16 on one core of an AMD EPYC (Zen 4), and
    the two steps 1.0 ms.
    """

    def __init__(self, inputs: int, maps: int, kernel: int) -> None:
        first = Convolution(inputs, inputs, kernel, padding=kernel // 2, groups=inputs, bias=False)
        super().__init__(first, Convolution(inputs, maps, 1))

    def forward(self, inputs: Tensor) -> Tensor:
        """From (N, C, H, W) to (N, maps, H, W)."""
        each, mixing = cast("tuple[Convolution, Convolution]", tuple(self))
        weight = separable_kernel(each.weight, mixing.weight)
        return functional.conv2d(inputs, weight, mixing.bias, padding=weight.shape[-1] // 2)


class Linear(nn.Linear):
    """A linear layer whose weights are empty until `build_model` draws them."""

    def reset_parameters(self) -> None:
        """Draw nothing: torch would take the numbers from its global generator."""


class Logits(Linear):
    """The last linear layer, from (N, F) to (N, classes), in float32 even inside an autocast."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return float32 logits."""
        with torch.autocast(inputs.device.type, enabled=False):
            return super().forward(inputs.float())


class ShiftedViews(nn.Sequential):
    """A net whose logits in evaluation are the weighted mean of those of several views of an image.

    Its weights have the names that they have without it.
    """

    def __init__(self, views: Sequence[View], *layers: nn.Module) -> None:
        """Average over these views."""
        super().__init__(*layers)
        self.views = views

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the logits (N, classes) of pictures (N, C, H, W)."""
        if self.training:
            return self._logits(inputs)
        # One view after the other, each a batch of the size that suits the processor's cache.
        first, *others = (self._logits(_moved(inputs, down, right)) * weight for down, right, weight in self.views)
        return sum(others, start=first)

    def _logits(self, values: Tensor) -> Tensor:
        for layer in self:
            values = layer(values)
        return values


def _moved(pictures: Tensor, down: int, right: int) -> Tensor:
    """Return pictures (N, C, H, W) moved by some pixels; what moves in repeats the pixels at the edge."""
    for axis, distance in ((2, down), (3, right)):
        size = pictures.shape[axis]
        places = (torch.arange(size, device=pictures.device) - distance).clamp(0, size - 1)
        pictures = pictures.index_select(axis, places) if distance else pictures
    return pictures


def build_net(config: TrainConfig, generator: torch.Generator, form: PictureForm = MNIST) -> nn.Module:
    """Return the net of a configuration on the CPU, in float32: a built-in one (`build_model`), or your own."""
    if config.net_code is not None:
        return own_net.build(config.net_code, config.net, form, generator)
    return build_model(config.model, generator, form)


def build_model(config: ModelConfig, generator: torch.Generator, form: PictureForm = MNIST) -> nn.Sequential:
    """Return the net on the CPU, in float32, with channels-last convolutions, initialised from `generator`.

    Its input is a batch of pictures of this form, its output their logits (N, classes). Biases are zero, batchnorm
    scales are one.
    """
    architecture = plan_layers(config, form)
    layers = architecture.layers
    modules = [forms_of(layer, config).module() for layer in layers[:-1]]
    modules.append(Logits(layers[-1].inputs[0], layers[-1].outputs[0]))
    model = ShiftedViews(architecture.views, *modules) if config.test_shift else nn.Sequential(*modules)
    _initialise(model, INITIALISERS[config.initialisation], generator)
    # oneDNN and cuDNN compute on channels-last directly; other layouts are reordered around each convolution.
    # Before 2.15, PyTorch's annotations know no call without a type or a device.
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return, unused-ignore]


def set_dropout_generator(model: nn.Module, generator: torch.Generator) -> None:
    """Make every dropout layer draw from `generator`, on the model's device; your own network is seeded from it."""
    own_net.seed_draws(model, generator)
    for module in model.modules():
        if isinstance(module, Dropout):
            module.generator = generator


class Node(NamedTuple):
    """An operation of ONNX."""

    operation: str
    inputs: tuple[str, ...]  # names of arrays, or of other nodes' outputs
    output: str
    attributes: Mapping[str, Any] = {}


class LayerForms(NamedTuple):
    """A layer in all its forms."""

    module: Callable[[], nn.Module]  # to be trained
    plain: str  # in PyTorch alone, as an export's net.py has it
    nodes: tuple[Node, ...]  # the last one's output is the layer's; none if a net at rest does nothing there


def forms_of(layer: Layer, config: ModelConfig, source: str = "", target: str = "", number: str = "") -> LayerForms:
    """Return the forms of a layer; its nodes lead from `source` to `target`, its weights are named `number`.weight."""
    inputs, outputs, same = layer.inputs[0], layer.outputs[0], layer.kernel // 2
    affine = (source, f"{number}.weight", f"{number}.bias")
    match layer.kind:
        case "convolution":
            return LayerForms(
                partial(Convolution, inputs, outputs, layer.kernel, padding=same),
                f"nn.Conv2d({inputs}, {outputs}, {layer.kernel}, padding={same})",
                (Node("Conv", affine, target, {"pads": [same] * 4}),),
            )
        case "separable":
            each = f"nn.Conv2d({inputs}, {inputs}, {layer.kernel}, padding={same}, groups={inputs}, bias=False)"
            return LayerForms(
                partial(SeparableConvolution, inputs, outputs, layer.kernel),
                f"nn.Sequential({each}, nn.Conv2d({inputs}, {outputs}, 1))",
                (
                    Node(
                        "Conv", (source, f"{number}.0.weight"), f"{target}.each", {"pads": [same] * 4, "group": inputs}
                    ),
                    Node("Conv", (f"{target}.each", f"{number}.1.weight", f"{number}.1.bias"), target),
                ),
            )
        case "linear":
            nodes = (Node("Gemm", affine, target, {"transB": 1}),)
            return LayerForms(partial(Linear, inputs, outputs), f"nn.Linear({inputs}, {outputs})", nodes)
        case "batchnorm":
            of_maps, epsilon = len(layer.inputs) == 3, config.batchnorm_epsilon
            normaliser = nn.BatchNorm2d if of_maps else nn.BatchNorm1d
            running = (f"{number}.running_mean", f"{number}.running_var")
            return LayerForms(
                partial(normaliser, inputs, eps=epsilon, momentum=config.batchnorm_momentum),
                f"nn.{normaliser.__name__}({inputs}, eps={epsilon!r})",
                (Node("BatchNormalization", (*affine, *running), target, {"epsilon": epsilon}),),
            )
        case "pool":
            return _pool(layer.pool_axes, source, target)
        case "activation":
            return _activation(layer.activation, source, target)
        case "dropout":
            plain = f"nn.Dropout{'2d' if len(layer.inputs) == 3 else ''}({layer.rate!r})"
            return LayerForms(partial(Dropout, layer.rate), plain, ())
        case "final_pool":
            return _final_pool(layer.pixel_pool, source, target)
        case "flatten":
            return LayerForms(nn.Flatten, "nn.Flatten()", (Node("Flatten", (source,), target),))
        case _:
            assert_never(layer.kind)


def _pool(axes: PoolAxes, source: str, target: str) -> LayerForms:
    halves = {"kernel_shape": [2, 2], "strides": [2, 2]}
    match axes:
        case "rows_columns":
            return LayerForms(
                partial(nn.MaxPool2d, 2), "nn.MaxPool2d(2)", (Node("MaxPool", (source,), target, halves),)
            )
        case "channels_rows":
            nodes = (
                Node("Transpose", (source,), f"{target}.turned", {"perm": [0, 3, 1, 2]}),
                Node("MaxPool", (f"{target}.turned",), f"{target}.halved", halves),
                Node("Transpose", (f"{target}.halved",), target, {"perm": [0, 2, 3, 1]}),
            )
            return LayerForms(ChannelsRowsPool, "ChannelsRowsPool()", nodes)
        case _:
            assert_never(axes)


def _final_pool(pool: PixelPool, source: str, target: str) -> LayerForms:
    match pool:
        case "mean":
            return LayerForms(MeanPool, "nn.AdaptiveAvgPool2d(1)", (Node("GlobalAveragePool", (source,), target),))
        case "max":
            return LayerForms(MaxPool, "nn.AdaptiveMaxPool2d(1)", (Node("GlobalMaxPool", (source,), target),))
        case _:
            assert_never(pool)


def _activation(name: Activation, source: str, target: str) -> LayerForms:
    match name:
        case "relu":
            # Neither its gradient nor that of the layer before needs what it overwrites.
            return LayerForms(partial(nn.ReLU, inplace=True), "nn.ReLU()", (Node("Relu", (source,), target),))
        case "sigmoid":
            return LayerForms(nn.Sigmoid, "nn.Sigmoid()", (Node("Sigmoid", (source,), target),))
        case "tanh":
            return LayerForms(nn.Tanh, "nn.Tanh()", (Node("Tanh", (source,), target),))
        case "gelu":  # x / 2 (1 + erf(x / sqrt 2)); a node of its own is newer than the opset
            nodes = (
                Node("Div", (source, "root"), f"{target}.scaled"),
                Node("Erf", (f"{target}.scaled",), f"{target}.erf"),
                Node("Add", (f"{target}.erf", "one"), f"{target}.raised"),
                Node("Mul", (source, f"{target}.raised"), f"{target}.double"),
                Node("Mul", (f"{target}.double", "half"), target),
            )
            return LayerForms(nn.GELU, "nn.GELU()", nodes)
        case "silu":
            sigmoid = Node("Sigmoid", (source,), f"{target}.sigmoid")
            return LayerForms(nn.SiLU, "nn.SiLU()", (sigmoid, Node("Mul", (source, sigmoid.output), target)))
        case _:
            assert_never(name)


def _initialise(model: nn.Module, initialise: Callable[..., Tensor], generator: torch.Generator) -> None:
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            # Each kernel of a map of its own is a convolution of one map: its fans are its pixels.
            apart = isinstance(module, nn.Conv2d) and module.groups > 1
            for weight in torch.split(module.weight, 1) if apart else (module.weight,):
                initialise(weight, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
