"""What a trial needs, known before anything is built: its net's layers and size, the time of its periods, its plan.

A convolution unit is a convolution, batchnorm (if before_activation), activation, batchnorm (if after_activation). A
block is one or more units, a 2x2 max-pool, and dropout. A convolution may be separable: one kernel for each input map,
then a 1x1 convolution. After the last block, a final pool may reduce each map to one number. A dense unit is the same
as a convolution unit with a linear layer, and dropout at its end.

If the last activation of a block is monotone and no batchnorm follows it, it runs after the pool: max(f(x)) equals
f(max(x)), and a quarter of the pixels is left. With batchnorm after_pool, both batchnorm and activation run after the
pool, whatever the activation; that is another net.

The time is a linear function of the net's counts. Its coefficients are fitted on a real machine
(`benchmarks/cost_model.py`) and shipped here. A study stores a copy, because its logical order of events depends on
the estimates: they may not change during its life. Rough estimates cost little: with two trials per worker, 20% off
leaves 64 workers 99.7% busy, 40% off leaves them 82% (docs/concepts/ordering.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from math import floor, prod
from typing import Any, Literal, NamedTuple, TypeVar, assert_never

from mnist_bench.config.schedule import Schedule, images_per_epoch
from mnist_bench.config.settings import (
    Activation,
    AugmentConfig,
    BatchnormPlacement,
    BlockBatchnormPlacement,
    ConvolutionKind,
    ModelConfig,
    Optimizer,
    PixelPool,
    PoolAxes,
    TrainConfig,
)
from mnist_bench.config.values import CODEC, setting_of, with_params
from mnist_bench.errors import ArchitectureError
from mnist_bench.nets import own_net
from mnist_bench.nets.own_net import Counts
from mnist_bench.numerics.kinds import MUON_ITERATIONS, DeviceKind
from mnist_bench.picture_form import MNIST, PictureForm
from search.trainer_api import Plan

AtUnitEnd = Literal["batchnorm", "activation", "pool"]
Kind = Literal["convolution", "separable", "linear", AtUnitEnd, "dropout", "final_pool", "flatten"]
CONVOLUTIONS: frozenset[Kind] = frozenset({"convolution", "separable"})
MONOTONE: frozenset[Activation] = frozenset({"relu", "sigmoid", "tanh"})  # for others the pool is the last
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
    """Return the architecture that `model` describes, of a net for pictures of this form."""
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
    last: tuple[AtUnitEnd, ...] = ("pool", "activation") if activation in MONOTONE else ("activation", "pool")
    orders: Mapping[BlockBatchnormPlacement, tuple[AtUnitEnd, ...]] = {
        "none": last,
        "before_activation": ("batchnorm", *last),
        "after_activation": ("activation", "batchnorm", "pool"),
        "after_pool": ("pool", "batchnorm", "activation"),
    }
    for kind in orders[placement]:
        match kind:
            case "batchnorm":
                # A scale and a shift are trained for each map, a mean and a variance are tracked.
                yield Layer(kind=kind, inputs=shape, outputs=shape, trainable=2 * shape[0], running=2 * shape[0])
            case "activation":
                yield Layer(kind=kind, inputs=shape, outputs=shape, activation=activation)
            case "pool":
                if pool is not None:
                    halved = _pooled(shape, pool)
                    yield Layer(kind=kind, inputs=shape, outputs=halved, pool_axes=pool.pool_axes)
                    shape = halved
            case _:
                assert_never(kind)


def _convolution(shape: Shape, maps: int, kernel: int, convolutions: ConvolutionKind) -> Layer:
    of_kind: Mapping[ConvolutionKind, tuple[Kind, int]] = {
        "full": ("convolution", shape[0] * maps * kernel * kernel),
        "separable": ("separable", shape[0] * (kernel * kernel + maps)),
    }
    kind, weights = of_kind[convolutions]
    outputs = (maps, *shape[1:])
    macs = weights * prod(shape[1:])
    return Layer(kind=kind, inputs=shape, outputs=outputs, trainable=weights + maps, macs=macs, kernel=kernel)


def _linear(features: int, width: int) -> Layer:
    weights = features * width
    return Layer(kind="linear", inputs=(features,), outputs=(width,), trainable=weights + width, macs=weights)


def _dropout(shape: Shape, rate: float) -> Iterator[Layer]:
    if rate > 0:
        yield Layer(kind="dropout", inputs=shape, outputs=shape, rate=rate)


def _pooled(shape: Shape, model: ModelConfig) -> Shape:
    maps, rows, columns = shape
    halves = {
        "rows_columns": (maps, rows // 2, columns // 2),
        "channels_rows": (maps // 2, rows // 2, columns),
    }
    halved = halves[model.pool_axes]
    if 0 in halved:
        size = "x".join(map(str, shape))
        text = f"model.pool_axes {model.pool_axes}: {size} (maps x rows x columns) cannot be pooled"
        raise ArchitectureError(text, "model.pool_axes")
    return halved


def _each(setting: T | tuple[T, ...], number: int, name: str, of: str) -> tuple[T, ...]:
    """Return one entry for each block or layer, given a list or one value for all."""
    if not isinstance(setting, tuple):
        return (setting,) * number
    if len(setting) != number:
        text = f"model.{name} has {len(setting)} entries for {number} {of.replace('_', ' ')}"
        raise ArchitectureError(text, f"model.{name}")
    return setting


EVALUATION_SHARE = 0.3
"""Time to evaluate an image, as a share of the time to train on it: the forward pass is about a third of a step."""

PASSES = 3  # multiply-accumulates of a trained image for each one of its forward pass: the backward pass has two

VECTOR = 16
"""Feature maps that a kernel processes at once: 16 numbers of 32 bits fill a register of AVX-512. A partial group takes
as long as a full one, so the numbers of maps are rounded up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Coefficients:
    """Training time, forward and backward, per unit of work."""

    mac_ps: float  # picoseconds per image and multiply-accumulate, with feature maps rounded up to groups of `vector`
    element_ps: float  # picoseconds per image and element that a layer writes
    augment_ns: float  # nanoseconds per augmented image; some distortions count for more, see `Setting.time`
    parameter_ps: float  # picoseconds per step and trainable parameter
    layer_us: float  # microseconds per step and layer
    period_us: float  # microseconds per period
    vector: float = VECTOR  # an integer: feature maps to whose multiples the numbers of maps are rounded up


COEFFICIENTS: Mapping[DeviceKind, Coefficients] = {
    "cpu-bf16": Coefficients(
        mac_ps=10.37, element_ps=1107, augment_ns=2917, parameter_ps=2187, layer_us=115.1, period_us=96_230
    ),
    "cpu-fp32": Coefficients(
        mac_ps=18.72, element_ps=1609, augment_ns=3409, parameter_ps=7796, layer_us=32.53, period_us=110_100
    ),
    "cpu-portable": Coefficients(
        mac_ps=51.68, element_ps=2062, augment_ns=6453, parameter_ps=4479, layer_us=163.8, period_us=47_950, vector=8
    ),
    "cuda": Coefficients(mac_ps=0.1, element_ps=5, augment_ns=20, parameter_ps=5, layer_us=60, period_us=30_000),
}
"""Those of the CPU are fitted on one core of an AMD EPYC (Zen 4). Those of a GPU are rough, not fitted."""


def net_size(config: TrainConfig, form: PictureForm = MNIST) -> Counts:
    """Return the size of a configuration's net for pictures of a form, before it is built."""
    if config.net_code is not None:
        return own_net.counts(config.net_code, config.net, form)
    layers = plan_layers(config.model, form)
    return Counts(trainable=layers.trainable, parameters=layers.parameters, macs=layers.evaluation_macs)


def training_flop(config: TrainConfig, images: int, form: PictureForm = MNIST) -> int:
    """Return the floating-point operations of a built-in net's training on a set of `images` images.

    A multiply-accumulate of a convolution or a linear layer is two operations forward, and four backward, for the
    gradients of inputs and weights (Kaplan et al. 2020, 2.1).
    """
    schedule = Schedule(config=config, images=images)
    return 6 * schedule.images_of(range(schedule.total_steps)) * plan_layers(config.model, form).macs


def period_costs(
    config: TrainConfig,
    coefficients: Coefficients,
    *,
    train_images: int,
    validation_images: int,
    form: PictureForm = MNIST,
) -> tuple[int, ...]:
    """Return the estimated time of each period, evaluation included, in whole microseconds (at least 1)."""
    features = period_features(
        config, train_images=train_images, validation_images=validation_images, form=form,
        vector=int(coefficients.vector),
    )  # fmt: skip
    prices = price_list(coefficients)
    # Whole numbers: their sums are exact, so that logical times compare alike on every machine.
    return tuple(max(1, round(sum(f * p for f, p in zip(row, prices, strict=True)))) for row in features)


def period_features(
    config: TrainConfig, *, train_images: int, validation_images: int, form: PictureForm = MNIST, vector: int = VECTOR
) -> list[tuple[float, ...]]:
    """Return the units of work in each period, in the order of `price_list`; `vector` is as in `Coefficients`."""
    trained_on = images_per_epoch(config.train_on, train=train_images, validation=validation_images)
    schedule = Schedule(config=config, images=trained_on)
    optimizer_macs, elements, layers, views = 0.0, 0, 0, 1
    if config.net_code is not None:
        # Of foreign code the layers are not known: its costs are those of parameters and multiply-accumulates alone.
        found = own_net.counts(config.net_code, config.net, form)
        macs, weights = found.macs, found.trainable
    else:
        net = plan_layers(config.model, form)
        macs, weights = filled_macs(net, form, vector), net.trainable
        elements, layers, views = net.traffic, len(net.layers), len(net.views)
        optimizer_macs = _optimizer_macs(config.optim.optimizer, net) / PASSES
    features: list[tuple[float, ...]] = []
    for period in range(1, len(schedule.period_ends) + 1):
        steps = schedule.steps(period)
        # An evaluated image counts as a fraction of a trained one, so that one coefficient serves both.
        images = schedule.images_of(steps) + EVALUATION_SHARE * validation_images * views
        features.append(
            (
                images * macs + len(steps) * optimizer_macs,
                images * elements,
                _distorted(schedule, steps) * schedule.batch_size,
                len(steps) * weights,  # the optimizer's update
                len(steps) * layers,  # the call of a kernel, whatever the batch
                1,
            )
        )
    return features


def price_list(coefficients: Coefficients) -> tuple[float, ...]:
    """Return the coefficients in microseconds per unit of work, in the order of their fields."""
    c = coefficients
    return c.mac_ps * 1e-6, c.element_ps * 1e-6, c.augment_ns * 1e-3, c.parameter_ps * 1e-6, c.layer_us, c.period_us


def _optimizer_macs(optimizer: Optimizer, net: Architecture) -> int:
    """Return the multiply-accumulates of an optimizer's products of matrices for one step."""
    match optimizer:
        case "adam" | "sgd_nesterov":
            return 0
        case "muon":
            *layers, _ = (layer for layer in net.layers if layer.kind in {*CONVOLUTIONS, "linear"})
            matrices = chain.from_iterable(map(_matrices, layers))
            return sum(MUON_ITERATIONS * (2 * short**2 * long + short**3) for short, long in map(sorted, matrices))
        case _:
            assert_never(optimizer)


def _matrices(layer: Layer) -> Iterator[tuple[int, int]]:
    """Yield the rows and columns of the weights that training changes, each as a matrix."""
    inputs, outputs, pixels = layer.inputs[0], layer.outputs[0], max(1, layer.kernel) ** 2
    if layer.kind == "separable":
        yield from ((inputs, pixels), (outputs, inputs))
    else:
        yield outputs, inputs * pixels


def _distorted(schedule: Schedule, steps: range) -> float:
    """Return how many affine distortions take as long as those of an image of each step."""
    if schedule.config.phases:  # which may switch augmentation on and off
        return sum(_distortions(schedule.augment(part.start)) * len(part) for part in schedule.by_epoch(steps))
    return len(steps) * _distortions(schedule.config.augment)


def _distortions(augment: AugmentConfig) -> float:
    """Return how many affine distortions take as long as one of these."""
    times = (setting_of(f"augment.{name}").time for name, strength in augment.strengths.items() if strength)
    return augment.distorts * (1 + sum(times))


def filled_macs(architecture: Architecture, form: PictureForm = MNIST, vector: int = VECTOR) -> int:
    """Return the multiply-accumulates for one image, forward, with feature maps rounded up to groups of `vector`.

    The maps of the picture, one or three, are not rounded up. A separable convolution counts as a full one, which it is
    in training.
    """
    total = 0
    for layer in architecture.layers:
        if layer.kind in CONVOLUTIONS:
            inputs, outputs = (n if n == 1 else -(-n // vector) * vector for n in (layer.inputs[0], layer.outputs[0]))
            maps = form.channels if layer.inputs == form.shape else inputs
            total += maps * outputs * layer.kernel**2 * prod(layer.outputs[1:])
        else:
            total += layer.macs
    return total


@dataclass(frozen=True, kw_only=True, slots=True)
class NetPlanner:
    """Plans the trials of a space; satisfies `search.trainer_api.Planner`.

    An impossible net gets an infeasible plan, with the reason among its facts. It raises ConfigError if a parameter is
    not a setting, or if a value is out of bounds.
    """

    codec = CODEC
    base: Mapping[str, Any]  # a TrainConfig as JSON; missing fields have their defaults
    resolve: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict  # all settings of a trial, given its parameters
    limits: Mapping[str, float]  # upper bounds on "parameters" and "macs"
    coefficients: Coefficients
    train_images: int  # in the training part of the split
    validation_images: int
    form: PictureForm = MNIST

    def __call__(self, params: Mapping[str, Any]) -> Plan[TrainConfig]:
        """Return the plan of these parameters."""
        config = CODEC.from_json(with_params(self.base, self.resolve(params)))
        try:
            complete = with_net_defaults(config)
            net = net_size(complete, self.form)
            costs = period_costs(
                complete, self.coefficients, train_images=self.train_images, validation_images=self.validation_images,
                form=self.form,
            )  # fmt: skip
        except ArchitectureError as error:
            # A space may well hold nets that pool the picture away; the sampler learns to avoid them. How far such a
            # net is from possible cannot be said.
            periods = len(Schedule(config=config, images=config.optim.batch_size).period_ends)
            facts, constraints = {"reason": str(error)}, {"architecture": 1.0}
            return Plan(config=config, costs=(1,) * periods, constraints=constraints, facts=facts)
        sizes = {"parameters": net.parameters, "macs": net.macs}
        # Above 0 if a limit is exceeded, by that much: the sampler learns from the amount.
        excess = {name: sizes[name] - limit for name, limit in self.limits.items()}
        return Plan(config=complete, costs=costs, constraints=excess, facts=sizes)


def with_net_defaults(config: TrainConfig) -> TrainConfig:
    """Return a configuration with all settings of your own network; missing ones take its defaults."""
    if config.net_code is None:
        return config
    return replace(config, net=own_net.loaded_net(config.net_code).complete(config.net))
