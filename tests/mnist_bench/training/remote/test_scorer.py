"""Networks are scored in the precision in which they were trained, and as they are exported."""

from __future__ import annotations

from typing import Literal

import pytest
import torch

from mnist_bench.config.settings import ModelConfig, TrainConfig
from mnist_bench.data.tensors import Dataset
from mnist_bench.nets.modules import build_model
from mnist_bench.numerics.operations import seeded
from mnist_bench.training.evaluation import Scorer, logits
from mnist_bench.training.weights import config_entry, packed

CONFIG = TrainConfig(model=ModelConfig(blocks=1, filters=4, hidden_layers=0))


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_an_exported_network_computes_in_float32(precision: Literal["bf16", "fp32"], digits: Dataset) -> None:
    model = build_model(CONFIG.model, seeded(0, "init"))
    weights = packed(
        {name: value.numpy() for name, value in model.state_dict().items()}, config_entry(CONFIG, digits.form)
    )
    found = Scorer(precision).as_exported.logits(weights, digits, "the network")
    assert torch.equal(found, logits(model, digits, "fp32"))


def test_an_exported_network_of_portable_precision_is_scored_in_it() -> None:
    scorer = Scorer("portable")
    assert scorer.as_exported is scorer
