"""Counting what a net gets right."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch
from torch.nn import functional

from mnist_bench.config.settings import ModelConfig, TrainConfig
from mnist_bench.data.tensors import Dataset
from mnist_bench.nets.modules import build_model
from mnist_bench.numerics.operations import seeded
from mnist_bench.training.period import evaluate
from mnist_bench.training.trainer import Scorer
from mnist_bench.training.weights import config_entry, packed


@pytest.mark.parametrize("images", [1, 60, 250, 251, 500, 733])
def test_every_image_counts_once(digits: Dataset, images: int) -> None:
    model = build_model(ModelConfig(blocks=0, hidden_layers=0), seeded(0, "init"))
    data = replace(digits, validation=digits.train[:images])
    found = evaluate(model, data, "fp32")
    labels = data.labels[data.validation]
    logits = model(data.normalise(data.pixels(data.validation))).double()
    assert found.correct.tolist() == (logits.argmax(1) == labels).tolist()
    assert found.errors == images - int(found.correct.sum())
    assert found.loss == pytest.approx(functional.cross_entropy(logits, labels).item())
    assert found.accuracy == pytest.approx(found.correct.double().mean().item())


def test_packed_bits_unpack(digits: Dataset) -> None:
    found = evaluate(build_model(ModelConfig(blocks=0), seeded(0, "init")), digits, "fp32")
    bits = np.unpackbits(np.frombuffer(base64.b64decode(found.packed()), np.uint8), count=200)
    assert bits.tolist() == found.correct.tolist()


def test_dropout_and_batchnorm_rest(digits: Dataset) -> None:
    config = ModelConfig(blocks=1, filters=4, batchnorm="before_activation", hidden_dropout=0.5)
    model = build_model(config, seeded(0, "init")).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    first = evaluate(model, digits, "fp32")
    assert torch.equal(first.correct, evaluate(model, digits, "fp32").correct)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


CONFIG = TrainConfig(model=ModelConfig(blocks=1, filters=4, hidden_layers=0))


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_an_exported_network_computes_in_float32(precision: Literal["bf16", "fp32"], digits: Dataset) -> None:
    model = build_model(CONFIG.model, seeded(0, "init"))
    weights = packed(
        {name: value.numpy() for name, value in model.state_dict().items()}, config_entry(CONFIG, digits.form)
    )
    found = Scorer(precision).as_exported.evaluate(weights, digits, "the network").logits
    assert torch.equal(found, evaluate(model, digits, "fp32").logits)


def test_an_exported_network_of_portable_precision_is_scored_in_it() -> None:
    scorer = Scorer("portable")
    assert scorer.as_exported is scorer
