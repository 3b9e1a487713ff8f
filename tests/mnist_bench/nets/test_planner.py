"""Exact counts and shapes of nets."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict, fields, replace
from typing import Any

import pytest

from mnist_bench.config.settings import AugmentConfig, ConvolutionKind, ModelConfig, OptimConfig, TrainConfig
from mnist_bench.config.values import with_params
from mnist_bench.errors import ArchitectureError, ConfigError
from mnist_bench.nets.planner import (
    COEFFICIENTS,
    EVALUATION_SHARE,
    PASSES,
    Coefficients,
    NetPlanner,
    block_filters,
    filled_macs,
    period_costs,
    period_features,
    plan_layers,
    price_list,
)
from mnist_bench.numerics.kinds import MUON_ITERATIONS
from mnist_bench.picture_form import MNIST
from search.trainer_api import Planner
from support.paths import ROOT

NOTEBOOK_CNN = ModelConfig(
    blocks=3, convs_per_block=2, filters=10, hidden_layers=2, hidden_units=400, hidden_dropout=(0.5, 0.6)
)
NOTEBOOK_BATCHNORM = replace(NOTEBOOK_CNN, batchnorm="after_activation", hidden_batchnorm="after_activation")
VGG = ModelConfig(blocks=4, convs_per_block=(2, 2, 3, 3), filters=7, hidden_units=100, hidden_activation="sigmoid")
VGG_AS_WRITTEN = replace(VGG, pool_axes="channels_rows", hidden_activation="relu")


@pytest.mark.parametrize(
    ("model", "parameters", "trainable"),
    [
        (ModelConfig(blocks=0, hidden_layers=0), 7_850, 7_850),
        (ModelConfig(blocks=0, hidden_units=100), 79_510, 79_510),
        (NOTEBOOK_CNN, 336_940, 336_940),
        (NOTEBOOK_BATCHNORM, 340_700, 338_820),
        (VGG, 98_354, 98_354),
        (VGG_AS_WRITTEN, 161_830, 161_830),
    ],
)
def test_the_notebooks_counts(model: ModelConfig, parameters: int, trainable: int) -> None:
    net = plan_layers(model)
    assert (net.parameters, net.trainable) == (parameters, trainable)


@pytest.mark.parametrize(
    ("batchnorm", "activation", "kinds"),
    [
        ("none", "relu", ["pool", "activation"]),
        ("none", "gelu", ["activation", "pool"]),
        ("before_activation", "tanh", ["batchnorm", "pool", "activation"]),
        ("after_activation", "relu", ["activation", "batchnorm", "pool"]),
        ("after_pool", "gelu", ["pool", "batchnorm", "activation"]),
    ],
)
def test_order_in_a_block(batchnorm: str, activation: str, kinds: list[str]) -> None:
    model = ModelConfig(
        blocks=1, convs_per_block=2, batchnorm=batchnorm, activation=activation, block_dropout=0.2,  # type: ignore[arg-type]
    )  # fmt: skip
    unpooled = [kind for kind in kinds if kind != "pool"]
    found = [layer.kind for layer in plan_layers(model).layers[: len(kinds) + len(unpooled) + 3]]
    assert found == ["convolution", *unpooled, "convolution", *kinds, "dropout"]


def test_a_separable_convolution_by_hand() -> None:
    model = ModelConfig(blocks=2, convs_per_block=2, filters=(4, 6), kernel_size=(3, 1), convolutions="separable")
    found = [(layer.kind, layer.trainable, layer.macs) for layer in plan_layers(model).layers if layer.kernel]
    assert found == [
        ("convolution", 4 * 9 + 4, 4 * 9 * 784),  # the first one of the net
        ("separable", 4 * 9 + 4 * 4 + 4, (4 * 9 + 4 * 4) * 784),
        ("convolution", 4 * 6 + 6, 4 * 6 * 196), ("convolution", 6 * 6 + 6, 6 * 6 * 196),  # of single pixels
    ]  # fmt: skip


def test_a_final_pool_leaves_one_number_of_each_map() -> None:
    layers = plan_layers(ModelConfig(filters=(4, 6), block_dropout=0.1, hidden_layers=0, final_pool="max")).layers
    assert [(layer.kind, layer.outputs) for layer in layers[-4:]] == [
        ("dropout", (6, 7, 7)),
        ("final_pool", (6, 1, 1)),
        ("flatten", (6,)),
        ("linear", (10,)),
    ]
    assert plan_layers(ModelConfig(blocks=0, final_pool="mean")) == plan_layers(ModelConfig(blocks=0))


def test_filters_grow_to_multiples() -> None:
    assert block_filters(ModelConfig(blocks=3, filters=10, filter_growth=1.5)) == (10, 15, 23)
    assert block_filters(ModelConfig(blocks=3, filters=10, filter_growth=1.5, filter_multiple=8)) == (8, 16, 24)
    assert block_filters(ModelConfig(blocks=2, filters=2, filter_growth=0.25, filter_multiple=8)) == (8, 8)
    assert block_filters(ModelConfig(blocks=2, filters=(5, 9), filter_growth=1.5, filter_multiple=8)) == (5, 9)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (ModelConfig(blocks=2, filters=(8, 16, 32)), "model.filters has 3 entries for 2 blocks"),
        (ModelConfig(blocks=2, block_dropout=(0.1,)), "model.block_dropout has 1 entries for 2 blocks"),
        (ModelConfig(hidden_layers=1, hidden_units=(8, 8)), "model.hidden_units has 2 entries for 1 hidden layers"),
        (ModelConfig(blocks=1, filters=1, pool_axes="channels_rows"), "channels_rows: 1x28x28 .* cannot be pooled"),
    ],
)
def test_a_net_that_cannot_exist_is_refused(model: ModelConfig, words: str) -> None:
    with pytest.raises(ArchitectureError, match=words):
        plan_layers(model)


def planner(base: dict[str, Any], **limits: float) -> Planner[TrainConfig]:
    """Return the planner of `base` on the full data set, on a CPU."""
    coefficients = COEFFICIENTS["cpu-bf16"]
    return NetPlanner(
        base=base, limits=limits, coefficients=coefficients, train_images=50_000, validation_images=10_000
    )


def test_a_plan_holds_the_whole_config_its_costs_and_facts() -> None:
    plan = planner({"epochs": 3, "model": {"blocks": 1}})({"model.filters": 24, "optim.lr": 0.01, "epochs": 2})
    config = plan.config
    assert (config.epochs, config.model.blocks, config.model.filters, config.optim.lr) == (2, 1, 24, 0.01)
    estimated = period_costs(config, COEFFICIENTS["cpu-bf16"], train_images=50_000, validation_images=10_000)
    assert plan.costs == estimated
    assert plan.facts == {"parameters": 24 * 10 + 4704 * 128 + 128 + 1290, "macs": 784 * 24 * 9 + 4704 * 128 + 1280}
    assert plan.feasible


def test_limits_become_constraints_and_count_all_views_of_an_evaluated_image() -> None:
    plan = planner({"model": {"blocks": 0, "hidden_layers": 0, "test_shift": 1}}, parameters=7_850, macs=7_840)({})
    assert (plan.facts["macs"], plan.constraints) == (3 * 7_840, {"parameters": 0, "macs": 2 * 7_840})
    assert not plan.feasible


def test_a_net_that_cannot_exist_is_infeasible_and_says_why() -> None:
    plan = planner({"epochs": 4, "model": {"filters": [8, 16]}})({"model.blocks": 3})
    assert not plan.feasible
    assert len(plan.costs) == 4
    assert plan.facts == {"reason": "model.filters has 2 entries for 3 blocks"}


def test_parameters_are_fields_and_leave_the_base_alone() -> None:
    with pytest.raises(ConfigError, match=r"model\.nosuch is a setting that this version does not know"):
        planner({})({"model.nosuch": 3})
    base: dict[str, Any] = {"model": {"blocks": 1}}
    changed = {"model": {"blocks": 1, "filters": 8}, "optim": {"lr": 0.1}}
    assert with_params(base, {"model.filters": 8, "optim.lr": 0.1}) == changed
    assert base == {"model": {"blocks": 1}}


@pytest.mark.cold
def test_neither_planning_nor_exporting_needs_torch() -> None:
    planning = ("nets.planner", "data", "config.schedule", "config.values")
    imported = ", ".join(f"mnist_bench.{module}" for module in (*planning, "training.weights"))
    code = f"import sys, {imported}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


BF16 = COEFFICIENTS["cpu-bf16"]


def costs(config: TrainConfig, coefficients: Coefficients = BF16) -> tuple[int, ...]:
    """Return the costs on the full data set."""
    return period_costs(config, coefficients, train_images=50_000, validation_images=10_000)


def features(**settings: Any) -> tuple[float, ...]:
    """Return the work of the first epoch on the full data set."""
    return period_features(TrainConfig(**settings), train_images=50_000, validation_images=10_000)[0]


def test_a_separable_convolution_takes_the_time_of_a_full_one_and_a_grid_a_share_of_an_affine_distortion_more() -> None:
    full, separable = features(), features(model=ModelConfig(convolutions="separable"))
    assert separable[3] < full[3]  # fewer weights to change
    assert separable[:3] + separable[4:] == full[:3] + full[4:]
    affine, both = (features(augment=AugmentConfig(zoom=0.1, grid_pixels=side)) for side in (0, 4))
    assert both[2] == 1.8 * affine[2]
    assert both[:2] + both[3:] == affine[:2] + affine[3:]


def test_epochs_on_hard_images_without_learned_ones_or_on_all_cost_their_steps() -> None:
    hard = TrainConfig(epochs=3, optim=OptimConfig(hard_share=0.5))
    first, second, third = period_features(hard, train_images=50_000, validation_images=10_000)
    assert first == features(epochs=3)
    assert features(epochs=3, train_on="all")[3] == first[3] / 390 * (60_000 // 128)
    assert second == third
    steps = 33_333 // 128
    assert [second[place] / first[place] for place in (3, 4)] == [steps / 390] * 2
    assert (second[0] - first[0]) / first[0] == pytest.approx((steps - 390) * 128 / (390 * 128 + 3000))
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
    [("full", [(9, 16)] + [(16, 144)] * 2), ("separable", [(9, 16)] + [(9, 16), (16, 16)] * 2)],
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


def test_each_coefficient_prices_its_own_work() -> None:
    config = TrainConfig(epochs=1, augment=AugmentConfig(zoom=0.1))
    none = {field.name: 0.0 for field in fields(Coefficients) if field.name != "vector"}
    assert all(value >= 0 for known in COEFFICIENTS.values() for value in asdict(known).values())
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
    colour = replace(MNIST, channels=3)
    assert filled_macs(plan_layers(config.model, colour), colour, 8) == plan_layers(config.model, colour).macs
    alone = replace(COEFFICIENTS["cpu-portable"], element_ps=0, augment_ns=0, parameter_ps=0, layer_us=0, period_us=0)
    in_full_groups = costs(replace(config, model=ModelConfig(filters=(16, 32))), replace(alone, vector=16))[0]
    assert costs(config, alone) < costs(config, replace(alone, vector=16)) < (in_full_groups,)
