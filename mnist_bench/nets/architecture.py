"""The layers of a net in running order, with exact shapes and counts, without building the net.

A convolution unit is a convolution, batchnorm (if before_activation), activation, batchnorm (if after_activation). A
block is one or more units, a 2x2 max-pool, and dropout. A convolution may be separable: one kernel for each input map,
then a 1x1 convolution. After the last block, a final pool may reduce each map to one number. A dense unit is the same
as a convolution unit with a linear layer, and dropout at its end.

If the last activation of a block is monotone and no batchnorm follows it, it runs after the pool: max(f(x)) equals
f(max(x)), and a quarter of the pixels is left. With batchnorm after_pool, both batchnorm and activation run after the
pool, whatever the activation; that is another net.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import floor, prod
from typing import Literal, NamedTuple, TypeVar, assert_never

from mnist_bench.config.settings import (
    Activation,
    BatchnormPlacement,
    BlockBatchnormPlacement,
    ConvolutionKind,
    ModelConfig,
    PixelPool,
    PoolAxes,
)
from mnist_bench.errors import ArchitectureError
from mnist_bench.picture_form import MNIST, PictureForm

AtUnitEnd = Literal["batchnorm", "activation", "pool"]
Kind = Literal["convolution", "separable", "linear", AtUnitEnd, "dropout", "final_pool", "flatten"]
CONVOLUTIONS: frozenset[Kind] = frozenset({"convolution", "separable"})
Shape = tuple[int, ...]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """One layer. Shapes are without the batch: (maps, rows, columns), or (features,) after flatten."""

    kind: Kind
    inputs: Shape
    outputs: Shape
    trainable: int = 0  # weights and biases
    running: int = 0  # running statistics of batchnorm, which Keras counts as parameters too
    macs: int = 0  # multiply-accumulates for one image, forward
    kernel: int = 0  # side of a convolution's kernel
    activation: Activation = "relu"  # the function of an activation layer
    rate: float = 0.0  # share dropped, in a dropout layer
    pool_axes: PoolAxes = "rows_columns"  # axes that a pool halves
    pixel_pool: PixelPool = "mean"  # how a final pool makes one number of all pixels of a map

    @property
    def parameters(self) -> int:
        """Weights, biases and running statistics."""
        return self.trainable + self.running


class View(NamedTuple):
    """A view of an image: a copy that is moved by some pixels, and the weight of its logits."""

    down: int
    right: int
    weight: float  # a power of two, so that products with it are exact


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """The layers of a net, and their totals."""

    layers: tuple[Layer, ...]
    views: tuple[View, ...]
    """Views of an image whose logits are averaged in evaluation: the image alone, or shifted copies too
    (`ModelConfig.test_shift`)."""

    @property
    def trainable(self) -> int:
        """Weights and biases."""
        return sum(layer.trainable for layer in self.layers)

    @property
    def parameters(self) -> int:
        """Weights, biases and running statistics: the total parameters of Keras's summary."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of convolutions and linear layers for one image, forward."""
        return sum(layer.macs for layer in self.layers)

    @property
    def evaluation_macs(self) -> int:
        """Multiply-accumulates to evaluate one image: those of all its views."""
        return len(self.views) * self.macs

    @property
    def traffic(self) -> int:
        """Number of elements that all layers write for one image, forward."""
        return sum(prod(layer.outputs) for layer in self.layers if layer.kind != "flatten")


@lru_cache(maxsize=128)  # a plan needs it twice: for its limits and for its costs
def plan_layers(model: ModelConfig, form: PictureForm = MNIST) -> Architecture:
    """Return the architecture that `model` describes, of a net for pictures of this form.

    Raises:
        ArchitectureError: a list has another length than there are blocks or hidden layers, or a pool leaves no
            pixels.
    """
    layers = list(_blocks(model, form.shape))
    shape = layers[-1].outputs if layers else form.shape
    if layers and model.final_pool != "none":
        pooled = (shape[0], 1, 1)
        layers.append(Layer(kind="final_pool", inputs=shape, outputs=pooled, pixel_pool=model.final_pool))
        shape = pooled
    features = prod(shape)
    layers.append(Layer(kind="flatten", inputs=shape, outputs=(features,)))
    return Architecture(layers=(*layers, *_head(model, features, form.classes)), views=views_of(model))


def views_of(model: ModelConfig) -> tuple[View, ...]:
    """Return the views of an image whose logits are averaged in evaluation (after airbench, Jordan 2024)."""
    if not model.test_shift:
        return (View(0, 0, 1.0),)
    return (
        View(0, 0, 0.5),
        View(model.test_shift, model.test_shift, 0.25),
        View(-model.test_shift, -model.test_shift, 0.25),
    )


def block_filters(model: ModelConfig) -> tuple[int, ...]:
    """Return the number of feature maps of each block.

    A list is returned as it is. A number grows by the factor `filter_growth` from block to block, and is rounded to a
    multiple of `filter_multiple`.

    Raises:
        ArchitectureError: the length of the list is not the number of blocks.
    """
    if isinstance(model.filters, tuple):
        return _each(model.filters, model.blocks, "filters", "blocks")
    multiple = model.filter_multiple
    # floor(x + 0.5), because round() takes halves to the even neighbour: 2.5 to 2, 3.5 to 4.
    grown = (model.filters * model.filter_growth**block for block in range(model.blocks))
    return tuple(max(1, floor(maps / multiple + 0.5)) * multiple for maps in grown)


def _blocks(model: ModelConfig, shape: Shape) -> Iterator[Layer]:
    convolutions = _each(model.convs_per_block, model.blocks, "convs_per_block", "blocks")
    kernels = _each(model.kernel_size, model.blocks, "kernel_size", "blocks")
    rates = _each(model.block_dropout, model.blocks, "block_dropout", "blocks")
    is_first = True
    for maps, count, kernel, rate in zip(block_filters(model), convolutions, kernels, rates, strict=True):
        for number in range(count):
            yield _convolution(shape, maps, kernel, "full" if is_first or kernel == 1 else model.convolutions)
            is_first = False
            shape = (maps, *shape[1:])
            yield from _unit_end(shape, model.activation, model.batchnorm, pool=model if number == count - 1 else None)
        shape = _pooled(shape, model)
        yield from _dropout(shape, rate)


def _head(model: ModelConfig, features: int, classes: int) -> Iterator[Layer]:
    number = model.hidden_layers
    units = _each(model.hidden_units, number, "hidden_units", "hidden_layers")
    activations: tuple[Activation, ...] = _each(model.hidden_activation, number, "hidden_activation", "hidden_layers")
    placements: tuple[BatchnormPlacement, ...] = _each(
        model.hidden_batchnorm, number, "hidden_batchnorm", "hidden_layers"
    )
    rates = _each(model.hidden_dropout, number, "hidden_dropout", "hidden_layers")
    for width, activation, placement, rate in zip(units, activations, placements, rates, strict=True):
        yield _linear(features, width)
        yield from _unit_end((width,), activation, placement, pool=None)
        yield from _dropout((width,), rate)
        features = width
    yield _linear(features, classes)


def _unit_end(
    shape: Shape, activation: Activation, placement: BlockBatchnormPlacement, *, pool: ModelConfig | None
) -> Iterator[Layer]:
    """Yield the layers that follow a convolution or linear layer; with `pool` set, a pool is among them."""
    for kind in _order(activation, placement):
        match kind:
            case "batchnorm":
                yield _batchnorm(shape)
            case "activation":
                yield Layer(kind="activation", inputs=shape, outputs=shape, activation=activation)
            case "pool":
                if pool is not None:
                    yield _pool(shape, pool)
                    shape = _pooled(shape, pool)
            case _:
                assert_never(kind)


def _order(activation: Activation, placement: BlockBatchnormPlacement) -> tuple[AtUnitEnd, ...]:
    """Return the order of the layers at the end of a block; a unit without a pool leaves that one out."""
    last: tuple[AtUnitEnd, ...] = ("pool", "activation") if _is_monotone(activation) else ("activation", "pool")
    match placement:
        case "none":
            return last
        case "before_activation":
            return ("batchnorm", *last)
        case "after_activation":
            return ("activation", "batchnorm", "pool")
        case "after_pool":
            return ("pool", "batchnorm", "activation")
        case _:
            assert_never(placement)


def _is_monotone(activation: Activation) -> bool:
    match activation:
        case "relu" | "sigmoid" | "tanh":
            return True
        case "gelu" | "silu":
            return False
        case _:
            assert_never(activation)


def _convolution(shape: Shape, maps: int, kernel: int, convolutions: ConvolutionKind) -> Layer:
    kind: Kind
    match convolutions:
        case "full":
            kind, weights = "convolution", shape[0] * maps * kernel * kernel
        case "separable":
            kind, weights = "separable", shape[0] * (kernel * kernel + maps)
        case _:
            assert_never(convolutions)
    outputs = (maps, *shape[1:])
    macs = weights * prod(shape[1:])
    return Layer(kind=kind, inputs=shape, outputs=outputs, trainable=weights + maps, macs=macs, kernel=kernel)


def _linear(features: int, width: int) -> Layer:
    weights = features * width
    return Layer(kind="linear", inputs=(features,), outputs=(width,), trainable=weights + width, macs=weights)


def _batchnorm(shape: Shape) -> Layer:
    # A scale and a shift are trained for each map, a mean and a variance are tracked.
    return Layer(kind="batchnorm", inputs=shape, outputs=shape, trainable=2 * shape[0], running=2 * shape[0])


def _dropout(shape: Shape, rate: float) -> Iterator[Layer]:
    if rate > 0:
        yield Layer(kind="dropout", inputs=shape, outputs=shape, rate=rate)


def _pool(shape: Shape, model: ModelConfig) -> Layer:
    return Layer(kind="pool", inputs=shape, outputs=_pooled(shape, model), pool_axes=model.pool_axes)


def _pooled(shape: Shape, model: ModelConfig) -> Shape:
    halved = _halved(shape, model.pool_axes)
    if 0 in halved:
        size = "x".join(map(str, shape))
        text = f"model.pool_axes {model.pool_axes}: {size} (maps x rows x columns) cannot be pooled"
        raise ArchitectureError(text, "model.pool_axes")
    return halved


def _halved(shape: Shape, axes: PoolAxes) -> Shape:
    maps, rows, columns = shape
    match axes:
        case "rows_columns":
            return maps, rows // 2, columns // 2
        case "channels_rows":
            return maps // 2, rows // 2, columns
        case _:
            assert_never(axes)


def _each(setting: T | tuple[T, ...], number: int, name: str, of: str) -> tuple[T, ...]:
    """Return one entry for each block or layer, given a list or one value for all."""
    if not isinstance(setting, tuple):
        return (setting,) * number
    if len(setting) != number:
        text = f"model.{name} has {len(setting)} entries for {number} {of.replace('_', ' ')}"
        raise ArchitectureError(text, f"model.{name}")
    return setting
