"""Build a net in PyTorch from its layers; every draw comes from a generator that is handed in.

Convolutions and hidden linear layers compute in the precision of the autocast around them; the last linear layer
computes in float32, because logits rounded to bfloat16 tie.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from mnist_bench.config import Initialisation, ModelConfig
from mnist_bench.nets.architecture import Layer, plan_layers

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": lambda: nn.ReLU(inplace=True),
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}
INITIALISATIONS: dict[Initialisation, Callable[..., Tensor]] = {
    "kaiming_uniform": nn.init.kaiming_uniform_,
    "kaiming_normal": nn.init.kaiming_normal_,
    "glorot_uniform": nn.init.xavier_uniform_,
    "glorot_normal": nn.init.xavier_normal_,
    "orthogonal": nn.init.orthogonal_,
}


class Dropout(nn.Module):
    """Dropout (Srivastava et al. 2014) of units (N, U), or of whole feature maps (N, C, H, W).

    It draws from `generator`, which the trainer sets before each period; torch's own modules draw from the global one.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.generator: torch.Generator | None = None

    def forward(self, inputs: Tensor) -> Tensor:
        """Return `inputs` with a share `rate` set to zero and the rest scaled up, or unchanged in evaluation."""
        if not self.training:
            return inputs
        shape = inputs.shape[:2] + (1,) * (inputs.ndim - 2)
        drawn = torch.rand(shape, generator=self.generator, device=inputs.device)
        return inputs * (drawn >= self.rate).to(inputs.dtype).div_(1 - self.rate)


class ChannelsRowsPool(nn.Module):
    """A 2x2 max-pool over maps and rows, (N, C, H, W) to (N, C // 2, H // 2, W)."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the larger of each pair of maps and rows."""
        turned = inputs.permute(0, 3, 1, 2)
        return functional.max_pool2d(turned, 2).permute(0, 2, 3, 1)


class Logits(nn.Linear):
    """The last linear layer, (N, F) to (N, 10), in float32 whatever the autocast around it."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return float32 logits."""
        with torch.autocast(inputs.device.type, enabled=False):
            return super().forward(inputs.float())


class Flatten(nn.Module):
    """(N, C, H, W) to (N, C * H * W), in the order of channels, rows, columns."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the flat features."""
        return inputs.flatten(1)


def build_model(config: ModelConfig, generator: torch.Generator) -> nn.Sequential:
    """Return the net on the CPU in float32, its convolutions' weights channels-last, initialised from `generator`.

    Raises:
        ArchitectureError: the net cannot exist.
    """
    layers = plan_layers(config).layers
    modules = [_module(layer, config, last=layer is layers[-1]) for layer in layers]
    model = nn.Sequential(*modules)
    _initialise(model, INITIALISATIONS[config.initialisation], generator)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def set_dropout_generator(model: nn.Module, generator: torch.Generator) -> None:
    """Let every dropout layer of `model` draw from `generator`, which lives on the model's device."""
    for module in model.modules():
        if isinstance(module, Dropout):
            module.generator = generator


def _module(layer: Layer, config: ModelConfig, *, last: bool) -> nn.Module:
    # Layers with weights are built without values ("meta"), because torch would draw them from its global generator.
    features = (layer.inputs[0], layer.outputs[0])
    match layer.kind:
        case "convolution":
            return nn.Conv2d(*features, layer.kernel, padding=layer.kernel // 2, device="meta").to_empty(device="cpu")
        case "linear":
            return (Logits if last else nn.Linear)(*features, device="meta").to_empty(device="cpu")
        case "batchnorm":
            normaliser = nn.BatchNorm2d if len(layer.inputs) == 3 else nn.BatchNorm1d
            return normaliser(layer.inputs[0], eps=config.batchnorm_epsilon, momentum=config.batchnorm_momentum)
        case "pool":
            return nn.MaxPool2d(2) if layer.pool_axes == "rows_columns" else ChannelsRowsPool()
        case "activation":
            return ACTIVATIONS[layer.activation]()
        case "dropout":
            return Dropout(layer.rate)
        case "flatten":
            return Flatten()


def _initialise(model: nn.Module, initialise: Callable[..., Tensor], generator: torch.Generator) -> None:
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            initialise(module.weight, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
