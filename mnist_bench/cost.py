"""Estimated time of each period of a configuration, before it is trained.

A linear function of the net's counts, whose coefficients are fitted on a real machine (benchmarks/fit_cost.py) and ship
here. A study copies them: its order of events depends on the estimates, so they never change while it lives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mnist_bench.architecture import Architecture, plan_layers
from mnist_bench.config import AugmentConfig, TrainConfig
from mnist_bench.schedule import Schedule

DeviceKind = Literal["cpu-bf16", "cpu-fp32", "cuda"]

EVALUATION_SHARE = 0.3
"""What evaluating an image takes of training on it: the forward pass."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Coefficients:
    """Time for each unit of work in training, forward and backward."""

    mac_ps: float
    """Picoseconds for each image and multiply-accumulate."""
    element_ps: float
    """Picoseconds for each image and element that a layer writes."""
    image_ns: float
    """Nanoseconds for each image, whatever the net."""
    augment_ns: float
    """Nanoseconds for each augmented image."""
    parameter_ps: float
    """Picoseconds for each step and trainable parameter."""
    layer_us: float
    """Microseconds for each step and layer."""
    step_us: float
    """Microseconds for each step."""
    period_us: float
    """Microseconds for each period."""


COEFFICIENTS: dict[DeviceKind, Coefficients] = {
    "cpu-bf16": Coefficients(
        mac_ps=20, element_ps=1500, image_ns=2000, augment_ns=4000, parameter_ps=1000, layer_us=30, step_us=300, period_us=30000
    ),
    "cpu-fp32": Coefficients(
        mac_ps=35, element_ps=2000, image_ns=2000, augment_ns=4000, parameter_ps=1000, layer_us=30, step_us=300, period_us=30000
    ),
    "cuda": Coefficients(
        mac_ps=0.1, element_ps=5, image_ns=10, augment_ns=20, parameter_ps=5, layer_us=25, step_us=400, period_us=30000
    ),
}


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


def period_features(
    config: TrainConfig, *, train_images: int, validation_images: int
) -> list[tuple[float, ...]]:
    """Return the work of each period, in the units and the order of `Coefficients`' fields.

    Raises:
        ArchitectureError: the net cannot exist.
    """
    architecture = plan_layers(config.model)
    trained_on = train_images + (validation_images if config.train_on == "all" else 0)
    schedule = Schedule(config=config, images=trained_on)
    evaluated = EVALUATION_SHARE * validation_images
    return [_features(architecture, schedule, period, evaluated) for period in range(1, len(schedule.period_ends) + 1)]


def price_list(coefficients: Coefficients) -> tuple[float, ...]:
    """Return the coefficients in microseconds a unit, in the order of their fields."""
    c = coefficients
    return (
        c.mac_ps * 1e-6,
        c.element_ps * 1e-6,
        c.image_ns * 1e-3,
        c.augment_ns * 1e-3,
        c.parameter_ps * 1e-6,
        c.layer_us,
        c.step_us,
        c.period_us,
    )


def augments(augment: AugmentConfig) -> bool:
    """Whether any distortion is on."""
    return any((augment.rotation_degrees, augment.zoom, augment.shear_radians, augment.translate_pixels))


def _features(
    architecture: Architecture, schedule: Schedule, period: int, evaluated: float
) -> tuple[float, ...]:
    steps = schedule.steps(period)
    trained = len(steps) * schedule.batch_size
    images = trained + evaluated
    augmented = sum(augments(schedule.augment(step)) for step in steps) * schedule.batch_size
    return (
        images * architecture.macs,
        images * architecture.traffic,
        images,
        augmented,
        len(steps) * architecture.trainable,
        len(steps) * len(architecture.layers),
        len(steps),
        1,
    )
