"""Configurations as JSON."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from mnist_bench.config.json import config_hash, from_json, to_json
from mnist_bench.config.settings import AugmentConfig, ModelConfig, OptimConfig, Phase, TrainConfig
from mnist_bench.errors import ConfigError
from search import canonical_json
from support.dose import dose

MODELS = st.builds(
    ModelConfig,
    blocks=st.integers(0, 4),
    filters=st.one_of(st.integers(1, 512), st.lists(st.integers(1, 512), max_size=4).map(tuple)),
    block_dropout=st.one_of(st.floats(0, 0.9), st.lists(st.floats(0, 0.9), max_size=4).map(tuple)),
)
CONFIGS = st.builds(TrainConfig, model=MODELS, optim=st.builds(OptimConfig, lr=st.floats(1e-6, 10)))


@settings(max_examples=dose(50))
@given(CONFIGS)
def test_there_and_back(config: TrainConfig) -> None:
    values = to_json(config)
    assert from_json(values) == config
    assert canonical_json.dumps(to_json(from_json(values))) == canonical_json.dumps(values)


def test_phases_and_periods_survive() -> None:
    phases = (Phase(epochs=1), Phase(epochs=2, augment=AugmentConfig(zoom=0.1), lr=1e-4))
    config = TrainConfig(epochs=3, periods=(0.5, 3.0), phases=phases)
    assert from_json(to_json(config)) == config


def test_fields_left_out_are_defaults_and_whole_numbers_are_floats() -> None:
    assert from_json({}) == TrainConfig()
    assert config_hash(from_json({"optim": {"lr": 1}})) == config_hash(TrainConfig(optim=OptimConfig(lr=1.0)))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"modle": {}}, "modle is a setting that this version does not know; a newer mnist-bench made it"),
        ({"model": {"nosuch": 3}}, "model.nosuch is a setting that this version does not know"),
        ({"model": {"blocks": 5}}, "model.blocks: Input should be less than or equal to 4, not 5"),
        ({"model": {"blocks": True}}, "model.blocks: .* not True"),
        ({"model": {"block_dropout": [0.1, 1.5]}}, r"model.block_dropout.1: .* less than 1, not 1.5"),
        ({"optim": {"lr": float("nan")}}, "not finite"),
        ({"epochs": 2, "periods": [1]}, r"periods: \[1.0\] do not rise to 2, the value of epochs"),
        ({"epochs": 2, "periods": [2, 2]}, "do not rise"),
        ({"epochs": 2, "phases": [{"epochs": 1}]}, "add up to 1, not to 2"),
    ],
)
def test_what_is_wrong_is_named(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        from_json(values)
