"""A convolutional net as people write it, from the settings of mnist-bench's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from torch import Tensor, nn

from mnist_bench.config.settings import ModelConfig
from mnist_bench.nets.architecture import block_filters

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}

T = TypeVar("T")


class Net(nn.Module):
    """The same function of its weights as `mnist_bench.nets.modules.build_model`'s, layers in the usual order."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        side = 28 // 2**config.blocks
        maps = (1, *block_filters(config))[-1]
        self.features = nn.Sequential(*_blocks(config))
        self.classifier = nn.Sequential(*_head(config, maps * side * side))

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (N, 10) of images (N, 1, 28, 28)."""
        features: Tensor = self.features(images)
        logits: Tensor = self.classifier(features.flatten(1))
        return logits


def _blocks(config: ModelConfig) -> Iterator[nn.Module]:
    maps = 1
    per_block = zip(
        block_filters(config),
        each(config.convs_per_block, config.blocks),
        each(config.kernel_size, config.blocks),
        each(config.block_dropout, config.blocks),
        strict=True,
    )
    for filters, convolutions, kernel, rate in per_block:
        for number in range(convolutions):
            yield nn.Conv2d(maps, filters, kernel, padding=kernel // 2)
            batchnorm = nn.BatchNorm2d(filters, config.batchnorm_epsilon, config.batchnorm_momentum)
            pool = [nn.MaxPool2d(2)] if number == convolutions - 1 else []
            yield from _in_order(config.batchnorm, batchnorm, ACTIVATIONS[config.activation](), pool)
            maps = filters
        yield nn.Dropout2d(rate)


def _head(config: ModelConfig, features: int) -> Iterator[nn.Module]:
    per_layer = zip(
        each(config.hidden_units, config.hidden_layers),
        each(config.hidden_activation, config.hidden_layers),
        each(config.hidden_batchnorm, config.hidden_layers),
        each(config.hidden_dropout, config.hidden_layers),
        strict=True,
    )
    for units, activation, placement, rate in per_layer:
        yield nn.Linear(features, units)
        batchnorm = nn.BatchNorm1d(units, config.batchnorm_epsilon, config.batchnorm_momentum)
        yield from _in_order(placement, batchnorm, ACTIVATIONS[activation](), [])
        yield nn.Dropout(rate)
        features = units
    yield nn.Linear(features, 10)


def _in_order(
    placement: str, batchnorm: nn.Module, activation: nn.Module, pool: Sequence[nn.Module]
) -> Sequence[nn.Module]:
    """Return the modules after a layer's weights."""
    return {
        "none": [activation, *pool],
        "before_activation": [batchnorm, activation, *pool],
        "after_activation": [activation, batchnorm, *pool],
        "after_pool": [*pool, batchnorm, activation],
    }[placement]


def each(setting: T | tuple[T, ...], number: int) -> tuple[T, ...]:
    """Return a setting of all `number` layers or blocks as one of each."""
    return setting if isinstance(setting, tuple) else (setting,) * number
