"""Your own network for mnist-bench: a small ResNet (He et al. 2016), with PyTorch's own layers.

    mnist-bench search examples/own_net.yaml --net examples/own_net.py:build --dry-run
    mnist-bench search examples/own_net.yaml --net examples/own_net.py:build --trials 20

A dataclass declares the settings that a space file can vary, with their bounds. The rest is plain PyTorch. Layers that
draw random numbers, such as `nn.Dropout`, repeat bit for bit: the trainer seeds them for each reporting interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le, Lt
from torch import Tensor, nn


@dataclass(frozen=True)
class Settings:
    """What a space file says under `net:`."""

    width: Annotated[int, Ge(4), Le(128)] = 16
    """Feature maps of the first stage; each later stage has twice as many."""
    blocks: Annotated[int, Ge(1), Le(4)] = 1
    """Residual blocks in each of the three stages."""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0
    """Share of the features dropped before the last layer."""
    activation: Literal["relu", "gelu"] = "relu"
    """After each normalisation."""


class Block(nn.Module):
    """Two convolutions with batchnorm, and a way around them."""

    def __init__(self, inputs: int, maps: int, stride: int, activation: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, maps, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(maps),
            activation,
            nn.Conv2d(maps, maps, 3, padding=1, bias=False),
            nn.BatchNorm2d(maps),
        )
        around = inputs == maps and stride == 1
        self.shortcut = nn.Identity() if around else nn.Conv2d(inputs, maps, 1, stride, bias=False)
        self.activation = activation

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, maps, H / stride, W / stride)."""
        result: Tensor = self.activation(self.body(inputs) + self.shortcut(inputs))
        return result


def build(settings: Settings, input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Return the net for pictures of `input_shape` (channels, height, width); it gives a logit for each class."""
    activation = nn.ReLU() if settings.activation == "relu" else nn.GELU()
    layers: list[nn.Module] = []
    inputs = input_shape[0]
    for stage in range(3):
        maps = settings.width * 2**stage
        for block in range(settings.blocks):
            layers.append(Block(inputs, maps, 2 if stage and not block else 1, activation))
            inputs = maps
    return nn.Sequential(
        *layers,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(settings.dropout),
        nn.Linear(inputs, classes),
    )
