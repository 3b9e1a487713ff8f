"""Exact counts and shapes of nets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mnist_bench.config.settings import ModelConfig
from mnist_bench.errors import ArchitectureError
from mnist_bench.nets.architecture import block_filters, plan_layers

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


def test_macs_by_hand() -> None:
    net = plan_layers(ModelConfig(blocks=1, filters=4, kernel_size=5, hidden_layers=0))
    assert net.macs == 28 * 28 * 4 * 25 + 4 * 14 * 14 * 10


def test_pooling_channels_and_rows_as_the_notebook_did() -> None:
    pools = [layer.outputs for layer in plan_layers(VGG_AS_WRITTEN).layers if layer.kind == "pool"]
    assert pools == [(3, 14, 28), (7, 7, 28), (14, 3, 28), (28, 1, 28)]


@pytest.mark.parametrize(
    ("batchnorm", "activation", "kinds"),
    [
        ("none", "relu", ["convolution", "pool", "activation", "dropout"]),
        ("none", "gelu", ["convolution", "activation", "pool", "dropout"]),
        ("before_activation", "tanh", ["convolution", "batchnorm", "pool", "activation", "dropout"]),
        ("after_activation", "relu", ["convolution", "activation", "batchnorm", "pool", "dropout"]),
        ("after_pool", "gelu", ["convolution", "pool", "batchnorm", "activation", "dropout"]),
    ],
)
def test_order_in_a_block(batchnorm: str, activation: str, kinds: list[str]) -> None:
    model = ModelConfig(blocks=1, batchnorm=batchnorm, activation=activation, block_dropout=0.2)  # type: ignore[arg-type]
    assert [layer.kind for layer in plan_layers(model).layers][: len(kinds)] == kinds


def test_batchnorm_after_the_pool_is_before_the_activation_where_no_pool_is() -> None:
    model = ModelConfig(blocks=1, convs_per_block=2, filters=4, batchnorm="after_pool")
    found = [(layer.kind, layer.inputs) for layer in plan_layers(model).layers[:7]]
    assert found == [
        ("convolution", (1, 28, 28)), ("batchnorm", (4, 28, 28)), ("activation", (4, 28, 28)),
        ("convolution", (4, 28, 28)), ("pool", (4, 28, 28)), ("batchnorm", (4, 14, 14)), ("activation", (4, 14, 14)),
    ]  # fmt: skip


def test_a_separable_convolution_by_hand() -> None:
    model = ModelConfig(blocks=2, convs_per_block=2, filters=(4, 6), kernel_size=(3, 1), convolutions="separable")
    found = [(layer.kind, layer.trainable, layer.macs) for layer in plan_layers(model).layers if layer.kernel]
    assert found == [
        ("convolution", 4 * 9 + 4, 4 * 9 * 784),  # the first one of the net
        ("separable", 4 * 9 + 4 * 4 + 4, (4 * 9 + 4 * 4) * 784),
        ("convolution", 4 * 6 + 6, 4 * 6 * 196), ("convolution", 6 * 6 + 6, 6 * 6 * 196),  # of single pixels
    ]  # fmt: skip


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_a_final_pool_leaves_one_number_of_each_map(pool: str) -> None:
    model = ModelConfig(filters=(4, 6), block_dropout=0.1, hidden_layers=0, final_pool=pool)  # type: ignore[arg-type]
    layers = plan_layers(model).layers
    assert [layer.kind for layer in layers[-4:]] == ["dropout", "final_pool", "flatten", "linear"]
    assert [layer.outputs for layer in layers[-3:]] == [(6, 1, 1), (6,), (10,)]
    assert layers[-1].trainable == 6 * 10 + 10


def test_without_blocks_there_is_no_final_pool() -> None:
    without = plan_layers(ModelConfig(blocks=0))
    assert plan_layers(ModelConfig(blocks=0, final_pool="mean")) == without


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
