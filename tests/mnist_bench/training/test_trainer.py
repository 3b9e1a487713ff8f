"""Trainers: from plain options, and whole runs with them; counting what a net gets right."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch.nn import functional

from mnist_bench.config.settings import ModelConfig, TrainConfig
from mnist_bench.data.choice import TRAIN_FILES, DataOptions
from mnist_bench.data.mnist import load_training_set
from mnist_bench.data.tensors import Dataset
from mnist_bench.errors import DataError, DeviceError
from mnist_bench.nets.modules import build_model
from mnist_bench.numerics.operations import seeded
from mnist_bench.training.period import evaluate
from mnist_bench.training.trainer import Scorer, TorchTrainer, fit, make_trainer, trainer_spec
from mnist_bench.training.weights import config_entry, packed
from search.trainer_api import Report
from support import own_data


def test_fit_tells_every_period(plain: TrainConfig, digits: Dataset) -> None:
    heard: list[Report] = []
    result = fit(TorchTrainer(digits, "fp32"), plain, 1, heard.append)
    assert tuple(heard) == result.reports
    assert [{*report.metrics} for report in heard] == [{"epoch", "train_loss", "val_loss", "errors"}] * 2
    assert heard[0].seconds > 0


def test_a_worker_refuses_data_that_changed_since_the_work_began(tmp_path: Path) -> None:
    """A bit that flips in a training image while a search is under way must not train the rest of it on other data."""
    folder = own_data.write_data(tmp_path / "data", train=60, test=10)
    data = load_training_set(DataOptions(data_dir=str(folder), split_seed=1))
    options = dict(trainer_spec(data, device="cpu").options)
    make_trainer(**options)
    content = bytearray((folder / TRAIN_FILES[0]).read_bytes())
    content[-1] ^= 1
    (folder / TRAIN_FILES[0]).write_bytes(content)
    cases: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({}, DataError, "have changed since this work began"),
        ({"data_dir": str(tmp_path)}, DataError, "there is no train-images"),
        ({"device": "tpu"}, DeviceError, "not one of auto, cpu, cuda"),
        ({"device": "cuda:99"}, DeviceError, "cuda:99' does not exist"),
    ]
    for other, error, words in cases:
        with pytest.raises(error, match=words):
            make_trainer(**{**options, **other})
    content[-1] ^= 1
    (folder / TRAIN_FILES[0]).write_bytes(content)
    with pytest.raises(DataError, match="splits the images otherwise"):
        make_trainer(**{**options, "data": {**options["data"], "split_seed": 2}})


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
    bits = np.unpackbits(np.frombuffer(base64.b64decode(found.packed()), np.uint8), count=images)
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
    portable = Scorer("portable")
    assert portable.as_exported is portable
