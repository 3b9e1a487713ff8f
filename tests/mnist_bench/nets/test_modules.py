"""Nets in PyTorch against their plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from mnist_bench.config.settings import Fill, Initialisation, ModelConfig
from mnist_bench.nets.modules import INITIALISERS, build_model, set_dropout_generator
from mnist_bench.nets.planner import COEFFICIENTS, plan_layers
from mnist_bench.numerics.kinds import DeviceKind
from mnist_bench.numerics.operations import seeded
from mnist_bench.training.batches import PADDINGS
from search.hashed import Name

MODELS = [
    ModelConfig(blocks=0, hidden_layers=0),
    ModelConfig(filters=(24, 32), kernel_size=(5, 3), hidden_units=256),
    ModelConfig(blocks=3, convs_per_block=(2, 1, 2), filters=6, batchnorm="before_activation", block_dropout=0.1),
    ModelConfig(blocks=1, activation="gelu", batchnorm="after_activation", hidden_layers=2, hidden_units=(20, 30),
                hidden_batchnorm=("before_activation", "after_activation"), hidden_activation=("tanh", "sigmoid")),
    ModelConfig(blocks=4, convs_per_block=(2, 2, 3, 3), filters=7, hidden_units=100, pool_axes="channels_rows"),
    ModelConfig(filters=(4, 6), batchnorm="before_activation", final_pool="mean", hidden_units=12),
    ModelConfig(filters=(4, 6), block_dropout=0.1, final_pool="max", hidden_layers=0),
    ModelConfig(filters=4, filter_growth=1.0, convs_per_block=2, batchnorm="after_pool"),
]  # fmt: skip
PICTURES = torch.rand(8, 1, 28, 28, generator=seeded(0, Name("pictures")))


def net_of(config: ModelConfig, seed: int = 0) -> nn.Sequential:
    return build_model(config, seeded(seed, "init"))


@pytest.mark.parametrize("config", MODELS)
def test_a_net_has_the_parameters_shapes_and_macs_of_its_plan(config: ModelConfig) -> None:
    model, plan, values = net_of(config), plan_layers(config), PICTURES
    assert sum(parameter.numel() for parameter in model.parameters()) == plan.trainable
    running = sum(buffer.numel() for name, buffer in model.named_buffers() if "running" in name)
    assert running == plan.parameters - plan.trainable
    with FlopCounterMode(display=False) as counter:
        for module, layer in zip(model, plan.layers, strict=True):
            assert values.shape[1:] == layer.inputs
            values = module(values)
            assert values.shape[1:] == layer.outputs
    assert counter.get_total_flops() == 2 * len(PICTURES) * plan.macs


def test_pooling_before_the_activation_changes_nothing() -> None:
    model = net_of(ModelConfig(blocks=1, filters=4, hidden_layers=0))
    convolution, logits = model[0], model[-1]
    expected = logits(functional.max_pool2d(functional.relu(convolution(PICTURES)), 2).flatten(1))
    assert torch.equal(model(PICTURES), expected)


def test_shifted_views_are_averaged_and_counted_in_evaluation_alone() -> None:
    config = replace(MODELS[2], block_dropout=0.0)
    shifted = replace(config, test_shift=2)
    shifting, plain = net_of(shifted), net_of(config)
    assert torch.equal(shifting(PICTURES), plain(PICTURES))
    assert shifting.state_dict().keys() == plain.state_dict().keys()
    wide = functional.pad(PICTURES, (2, 2, 2, 2), mode="replicate")
    views = PICTURES, wide[..., :28, :28], wide[..., 4:, 4:]  # the second is moved down and to the right
    shifting.eval()
    plain.eval()
    middle, first, second = (plain(view) for view in views)
    with FlopCounterMode(display=False) as counter:
        torch.testing.assert_close(shifting(PICTURES), (2 * middle + first + second) / 4)
    plan = plan_layers(shifted)
    assert counter.get_total_flops() == 2 * len(PICTURES) * plan.evaluation_macs
    assert plan.evaluation_macs == 3 * plan.macs == 3 * plan_layers(config).evaluation_macs


def test_the_mean_of_pixels_and_logits_are_float32_under_autocast() -> None:
    model = net_of(ModelConfig(final_pool="mean"))
    place = next(place for place, layer in enumerate(model) if isinstance(layer, nn.AdaptiveAvgPool2d))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert model[:place](PICTURES).dtype == torch.bfloat16
        assert model[: place + 1](PICTURES).dtype == torch.float32
        assert model[:-1](PICTURES).dtype == torch.bfloat16
        assert model(PICTURES).dtype == torch.float32


def test_building_draws_from_its_generator_alone() -> None:
    before = torch.random.get_rng_state()
    first, same, other = (net_of(MODELS[1], seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["0.weight"], other["0.weight"])


@pytest.mark.parametrize("name", get_args(Initialisation))
def test_initialisations_are_torchs(name: str) -> None:
    first = net_of(ModelConfig(initialisation=name))[0]  # type: ignore[arg-type]
    assert isinstance(first, nn.Conv2d)
    assert first.bias is not None
    expected = torch.empty_like(first.weight, memory_format=torch.contiguous_format)
    torch_name = {"glorot_uniform": "xavier_uniform", "glorot_normal": "xavier_normal"}.get(name, name)
    getattr(torch.nn.init, f"{torch_name}_")(expected, generator=seeded(0, "init"))
    assert torch.equal(first.weight, expected)
    assert not first.bias.any()


SEPARABLE = ModelConfig(filters=(64, 6), kernel_size=(3, 5), convolutions="separable", hidden_layers=0)


def test_a_separable_convolution_is_two_convolutions() -> None:
    model, plan = net_of(SEPARABLE), plan_layers(SEPARABLE)
    assert sum(parameter.numel() for parameter in model.parameters()) == plan.trainable
    place = next(place for place, layer in enumerate(plan.layers) if layer.kind == "separable")
    separable = model[place]
    assert isinstance(separable, nn.Sequential)
    maps = model[:place](PICTURES)
    torch.testing.assert_close(separable(maps), separable[1](separable[0](maps)))


@pytest.mark.parametrize(("name", "bound"), [("kaiming_uniform", 6 / 25), ("glorot_uniform", 6 / 50)])
def test_a_kernel_of_one_map_starts_by_its_pixels(name: str, bound: float) -> None:
    """The kernels have 5 x 5 pixels, so that 25 inputs and 25 outputs belong to each weight."""
    weight = net_of(replace(SEPARABLE, initialisation=name)).get_parameter("3.0.weight")  # type: ignore[arg-type]
    assert weight.shape == (64, 1, 5, 5)
    assert 0.95 * bound**0.5 < weight.abs().max().item() <= bound**0.5


def test_dropout_takes_whole_maps_at_its_rate_and_keeps_the_mean() -> None:
    model = net_of(ModelConfig(blocks=1, block_dropout=0.25, hidden_layers=0))
    set_dropout_generator(model, seeded(0, "dropout"))
    dropout = model[3]
    ones = torch.ones(200, 16, 7, 7)
    dropped = dropout(ones)
    shares = dropped.mean(dim=(2, 3)).mul(0.75)
    assert set(shares.flatten().round(decimals=4).tolist()) == {0.0, 1.0}
    assert shares.mean().item() == pytest.approx(0.75, abs=0.03)
    assert not torch.equal(dropout(ones), dropped)
    assert torch.equal(dropout.eval()(ones), ones)


def test_batchnorm_takes_its_momentum_and_epsilon() -> None:
    config = ModelConfig(batchnorm="before_activation", batchnorm_momentum=0.3, batchnorm_epsilon=1e-3)
    found = net_of(replace(config, hidden_batchnorm="before_activation"))
    settings = [(layer.momentum, layer.eps) for layer in found if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d))]
    assert settings == [(0.3, 1e-3)] * 3


@pytest.mark.parametrize(
    ("table", "values"), [(INITIALISERS, Initialisation), (PADDINGS, Fill), (COEFFICIENTS, DeviceKind)]
)
def test_a_table_has_every_value_of_its_set(table: Mapping[str, object], values: object) -> None:
    assert table.keys() == {*get_args(values)}
