"""Estimates of time."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import Any

import pytest

from mnist_bench.config.settings import AugmentConfig, ConvolutionKind, ModelConfig, OptimConfig, TrainConfig
from mnist_bench.nets.architecture import plan_layers
from mnist_bench.nets.planner import (
    COEFFICIENTS,
    EVALUATION_SHARE,
    GRID_SHARE,
    PASSES,
    Coefficients,
    filled_macs,
    period_costs,
    period_features,
    price_list,
)
from mnist_bench.numerics.kinds import MUON_ITERATIONS
from mnist_bench.picture_form import MNIST

BF16 = COEFFICIENTS["cpu-bf16"]


def costs(config: TrainConfig, coefficients: Coefficients = BF16) -> tuple[int, ...]:
    """Return the costs on the full data set."""
    return period_costs(config, coefficients, train_images=50_000, validation_images=10_000)


@pytest.mark.parametrize("coefficients", COEFFICIENTS.values())
def test_costs_are_whole_and_positive(coefficients: Coefficients) -> None:
    found = costs(TrainConfig(epochs=3), coefficients)
    assert len(found) == 3
    assert all(type(cost) is int and cost >= 1 for cost in found)
    assert all(value >= 0 for value in asdict(coefficients).values())


@pytest.mark.parametrize(
    "dearer",
    [
        TrainConfig(model=ModelConfig(filters=32)),
        TrainConfig(model=ModelConfig(kernel_size=5)),
        TrainConfig(model=ModelConfig(batchnorm="before_activation")),
        TrainConfig(model=ModelConfig(hidden_units=512)),
        TrainConfig(optim=OptimConfig(batch_size=32)),
        TrainConfig(augment=AugmentConfig(rotation_degrees=5)),
        TrainConfig(augment=AugmentConfig(grid_pixels=4)),
        TrainConfig(train_on="all"),
    ],
)
def test_more_work_costs_more(dearer: TrainConfig) -> None:
    assert costs(dearer)[0] > costs(TrainConfig())[0]


def features(**settings: Any) -> tuple[float, ...]:
    """Return the work of the first epoch on the full data set."""
    return period_features(TrainConfig(**settings), train_images=50_000, validation_images=10_000)[0]


def test_a_separable_convolution_takes_the_time_of_a_full_one() -> None:
    full, separable = features(), features(model=ModelConfig(convolutions="separable"))
    assert separable[3] < full[3]  # fewer weights to change
    assert separable[:3] + separable[4:] == full[:3] + full[4:]


def test_a_grid_costs_a_share_of_an_affine_distortion_more() -> None:
    affine, both = (features(augment=AugmentConfig(zoom=0.1, grid_pixels=side)) for side in (0, 4))
    assert both[2] == (1 + GRID_SHARE) * affine[2]
    assert both[:2] + both[3:] == affine[:2] + affine[3:]


def test_epochs_on_hard_images_cost_their_steps() -> None:
    hard = TrainConfig(epochs=3, optim=OptimConfig(hard_share=0.5))
    first, second, third = period_features(hard, train_images=50_000, validation_images=10_000)
    everything = period_features(TrainConfig(epochs=3), train_images=50_000, validation_images=10_000)
    assert first == everything[0]
    assert second == third
    steps = 33_333 // 128
    assert [second[place] / first[place] for place in (3, 4)] == [steps / 390] * 2
    assert (second[0] - first[0]) / everything[0][0] == pytest.approx((steps - 390) * 128 / (390 * 128 + 3000))
    assert costs(hard)[1:] < costs(hard)[:1] * 2


def test_learned_images_cost_nothing_in_the_epochs_that_leave_them_out() -> None:
    dropping = TrainConfig(epochs=3, augment=AugmentConfig(zoom=0.1), optim=OptimConfig(learned_share=0.5))
    found = period_features(dropping, train_images=51_200, validation_images=10_000)
    assert [row[2] / found[0][2] for row in found] == [1, 0.75, 0.5]


def test_shifted_views_multiply_the_cost_of_the_evaluation() -> None:
    one, three = features(), features(model=ModelConfig(test_shift=1))
    macs = filled_macs(plan_layers(ModelConfig()))
    assert three[0] - one[0] == pytest.approx(2 * EVALUATION_SHARE * 10_000 * macs)
    assert three[2:] == one[2:]


@pytest.mark.parametrize(
    ("convolutions", "matrices"),
    [
        ("full", [(9, 16), (16, 144), (16, 144)]),
        ("separable", [(9, 16), (9, 16), (16, 16), (9, 16), (16, 16)]),
    ],
)
def test_muon_costs_its_products_of_matrices_at_each_step(
    convolutions: ConvolutionKind, matrices: list[tuple[int, int]]
) -> None:
    model = ModelConfig(blocks=1, convs_per_block=3, filters=16, convolutions=convolutions, hidden_layers=0)
    muon = features(model=model, optim=OptimConfig(optimizer="muon"))
    sgd = features(model=model, optim=OptimConfig(optimizer="sgd_nesterov"))
    # The last layer has no filters.
    products = MUON_ITERATIONS * sum(2 * short**2 * long + short**3 for short, long in matrices)
    assert muon[0] - sgd[0] == pytest.approx(390 * products / PASSES)
    assert muon[1:] == sgd[1:]


def test_halves_cost_an_epoch_and_one_more_evaluation() -> None:
    whole = costs(TrainConfig(epochs=1))[0]
    first, second = costs(TrainConfig(epochs=1, periods=(0.5, 1.0)))
    assert whole < first + second < 1.2 * whole


def test_each_coefficient_prices_its_own_work() -> None:
    config = TrainConfig(epochs=1, augment=AugmentConfig(zoom=0.1))
    none = {field.name: 0.0 for field in fields(Coefficients) if field.name != "vector"}
    work = features(epochs=1, augment=config.augment)
    unit = price_list(Coefficients(**dict.fromkeys(none, 1.0)))
    assert costs(config, Coefficients(**none)) == (1,)
    for place, name in enumerate(none):
        alone = replace(Coefficients(**none), **{name: 100.0})
        assert costs(config, alone) == (max(1, round(100 * work[place] * unit[place])),)


def test_portable_kernels_compute_8_maps_at_once_and_the_others_16() -> None:
    config = TrainConfig(epochs=1, model=ModelConfig(filters=(8, 24)))
    net = plan_layers(config.model, MNIST)
    assert filled_macs(net, vector=8) == net.macs < filled_macs(net, vector=16) == filled_macs(net)
    alone = replace(COEFFICIENTS["cpu-portable"], element_ps=0, augment_ns=0, parameter_ps=0, layer_us=0, period_us=0)
    in_full_groups = costs(replace(config, model=ModelConfig(filters=(16, 32))), replace(alone, vector=16))[0]
    assert costs(config, alone) < costs(config, replace(alone, vector=16)) < (in_full_groups,)
