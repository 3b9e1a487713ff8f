"""The whitened filters: those of the file, and the nets that begin with them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional

from mnist_bench.config.settings import ModelConfig, OptimConfig, TrainConfig
from mnist_bench.data.tensors import Dataset
from mnist_bench.errors import ArchitectureError
from mnist_bench.nets.architecture import WHITENED_KERNELS, plan_layers
from mnist_bench.nets.modules import build_model
from mnist_bench.nets.summary import line
from mnist_bench.nets.whitened import FILE, whitened_filters
from mnist_bench.numerics.generators import seeded
from mnist_bench.picture_form import MNIST, PictureForm
from mnist_bench.training.period import fit

WHITENED = ModelConfig(blocks=2, filters=(8, 4), hidden_layers=0, first_filters="whitened")
DRAWN = replace(WHITENED, first_filters="drawn")


def test_the_file_is_the_one_whose_bits_are_known() -> None:
    """Another file is another setting: trainings with it have other bits."""
    assert (
        hashlib.sha256(FILE.read_bytes()).hexdigest()
        == "527252cff75d242ccab44d20fb09c43d1c568f6de54a3c5ff069762deda86e70"
    )
    assert [*map(int, json.loads(FILE.read_text())["filters"])] == [*WHITENED_KERNELS]


@pytest.mark.parametrize("kernel", WHITENED_KERNELS)
def test_they_whiten_patches_of_digits(kernel: int, digits: Dataset) -> None:
    pictures = digits.normalise(digits.pixels(digits.train))
    filters = torch.tensor(whitened_filters(2 * kernel**2, kernel)).view(-1, 1, kernel, kernel)[::2]
    found = functional.conv2d(pictures, filters).transpose(0, 1).flatten(1)
    covariance = np.cov(found.double().numpy())
    assert np.diag(covariance)[: kernel**2 // 2] == pytest.approx(1, abs=0.2)
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 0.25


def test_the_strongest_come_first_each_with_its_negative() -> None:
    first, second, third = (np.array(each) for each in whitened_filters(3, 3))
    assert (second == -first).all()
    assert third @ third > first @ first, "a filter of less variance is enlarged more"
    norms = [np.square(each).sum() for each in whitened_filters(18, 3)[::2]]
    assert all(one < other for one, other in pairwise(norms))


def test_only_the_first_weights_differ_and_are_fixed() -> None:
    whitened, drawn = (dict(build_model(each, seeded(0, "init")).named_parameters()) for each in (WHITENED, DRAWN))
    assert {name for name, value in drawn.items() if not torch.equal(value, whitened[name])} == {"0.weight"}
    assert [name for name, value in whitened.items() if not value.requires_grad] == ["0.weight"]
    assert whitened["0.weight"].flatten(1).tolist() == torch.tensor(whitened_filters(8, 3)).tolist()


def test_fixed_weights_are_parameters_that_are_not_trainable() -> None:
    whitened, drawn = plan_layers(WHITENED), plan_layers(DRAWN)
    assert whitened.parameters == drawn.parameters
    assert whitened.trainable == drawn.trainable - 8 * 9
    assert whitened.macs == drawn.macs


@pytest.mark.parametrize("optimizer", ["adam", "sgd_nesterov", "muon"])
def test_training_leaves_them_as_they_are_and_moves_their_biases(optimizer: str, digits: Dataset) -> None:
    optim = OptimConfig(optimizer=optimizer, weight_decay=0.1, ema_decay=0.5, lookahead_steps=2)  # type: ignore[arg-type]
    config = TrainConfig(epochs=1, model=WHITENED, optim=optim)
    cut, straight = (fit(replace(config, periods=ends), 1, digits, "fp32") for ends in ((0.5, 1.0), (1.0,)))
    from safetensors.torch import load

    found = load(cut.state)
    assert cut.reports[-1].weights == straight.reports[-1].weights
    assert found["model.0.weight"].flatten(1).tolist() == torch.tensor(whitened_filters(8, 3)).tolist()
    assert found["model.0.bias"].all()


def test_a_net_without_convolutions_has_none_of_them() -> None:
    assert plan_layers(ModelConfig(blocks=0, first_filters="whitened")) == plan_layers(ModelConfig(blocks=0))


@pytest.mark.parametrize(
    ("change", "form", "reason"),
    [
        ({"filters": (19, 4)}, MNIST, "there are 18 for a kernel of 3 pixels, not 19"),
        ({"kernel_size": (1, 3)}, MNIST, "they are for kernels of 3, 5, 7 pixels, not of 1"),
        ({}, replace(MNIST, channels=3), "they are for gray images, and these have 3 channels"),
    ],
)
def test_filters_that_there_are_not_are_refused(change: dict[str, object], form: PictureForm, reason: str) -> None:
    with pytest.raises(ArchitectureError, match=f"^model.first_filters whitened: {reason}$"):
        plan_layers(replace(WHITENED, **change), form)  # type: ignore[arg-type]


def test_the_line_tells_them() -> None:
    assert line(TrainConfig(model=WHITENED)).startswith("2 blocks, 8·4 filters, first whitened, adam")
