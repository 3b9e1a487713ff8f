"""Estimated time of each period of a configuration, before it is trained.

A linear function of the net's counts, whose coefficients are fitted on a real machine (`mnist-bench bench cost-model`)
and ship here. A study copies them: its order of events depends on the estimates, so they never change while it lives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import assert_never, get_args

from mnist_bench.config import Schedule, TrainConfig, images_per_epoch
from mnist_bench.nets.architecture import Architecture, Layer, plan_layers
from mnist_bench.numerics import DeviceKind

EVALUATION_SHARE = 0.3
"""What evaluating an image takes of training on it: the forward pass."""


VECTOR = 16
"""Kernels work on groups of so many feature maps; a group that is not full takes as long."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Coefficients:
    """Time for each unit of work in training, forward and backward."""

    mac_ps: float
    """Picoseconds for each image and multiply-accumulate, feature maps filled up to whole groups."""
    element_ps: float
    """Picoseconds for each image and element that a layer writes."""
    augment_ns: float
    """Nanoseconds for each augmented image."""
    parameter_ps: float
    """Picoseconds for each step and trainable parameter."""
    layer_us: float
    """Microseconds for each step and layer."""
    period_us: float
    """Microseconds for each period."""


def _coefficients(kind: DeviceKind) -> Coefficients:
    match kind:
        case "cpu-bf16":
            return Coefficients(
                mac_ps=10.37, element_ps=1107, augment_ns=2917, parameter_ps=2187, layer_us=115.1, period_us=96_230
            )
        case "cpu-fp32":
            return Coefficients(
                mac_ps=18.72, element_ps=1609, augment_ns=3409, parameter_ps=7796, layer_us=32.53, period_us=110_100
            )
        case "cuda":
            return Coefficients(mac_ps=0.1, element_ps=5, augment_ns=20, parameter_ps=5, layer_us=60, period_us=30_000)
        case _:
            assert_never(kind)


COEFFICIENTS: Mapping[DeviceKind, Coefficients] = {kind: _coefficients(kind) for kind in get_args(DeviceKind)}
"""The CPU's are fitted on one core of an AMD EPYC (Zen 4); the GPU's are rough."""


def period_costs(
    config: TrainConfig, coefficients: Coefficients, *, train_images: int, validation_images: int
) -> tuple[int, ...]:
    """Return the estimated time of each period, its evaluation included, in whole microseconds (1 at least).

    Raises:
        ArchitectureError: the net cannot exist.
    """
    features = period_features(config, train_images=train_images, validation_images=validation_images)
    prices = price_list(coefficients)
    return tuple(max(1, round(sum(f * p for f, p in zip(row, prices, strict=True)))) for row in features)


def period_features(config: TrainConfig, *, train_images: int, validation_images: int) -> list[tuple[float, ...]]:
    """Return the work of each period, in the units and the order of `Coefficients`' fields.

    Raises:
        ArchitectureError: the net cannot exist.
    """
    architecture = plan_layers(config.model)
    trained_on = images_per_epoch(config.train_on, train=train_images, validation=validation_images)
    schedule = Schedule(config=config, images=trained_on)
    evaluated = EVALUATION_SHARE * validation_images
    return [_features(architecture, schedule, period, evaluated) for period in range(1, len(schedule.period_ends) + 1)]


def price_list(coefficients: Coefficients) -> tuple[float, ...]:
    """Return the coefficients in microseconds a unit, in the order of their fields."""
    c = coefficients
    return (
        c.mac_ps * 1e-6,
        c.element_ps * 1e-6,
        c.augment_ns * 1e-3,
        c.parameter_ps * 1e-6,
        c.layer_us,
        c.period_us,
    )


def _features(architecture: Architecture, schedule: Schedule, period: int, evaluated: float) -> tuple[float, ...]:
    steps = schedule.steps(period)
    images = len(steps) * schedule.batch_size + evaluated
    augmented = sum(schedule.augment(step).distorts for step in steps) * schedule.batch_size
    return (
        images * sum(_filled_macs(layer) for layer in architecture.layers),
        images * architecture.traffic,
        augmented,
        len(steps) * architecture.trainable,
        len(steps) * len(architecture.layers),
        1,
    )


def _filled_macs(layer: Layer) -> int:
    """Return a layer's multiply-accumulates with its feature maps filled up; one map alone, the picture, is not."""
    if layer.kind != "convolution":
        return layer.macs
    maps = [number if number == 1 else -(-number // VECTOR) * VECTOR for number in (layer.inputs[0], layer.outputs[0])]
    return prod(maps) * layer.kernel**2 * prod(layer.outputs[1:])
