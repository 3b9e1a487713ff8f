"""The form of a data set, and what follows it: nets, costs, the split, normalisation, weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from mnist_bench.config.settings import ModelConfig, TrainConfig
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import Images, TrainingSet, make_split
from mnist_bench.data.tensors import Dataset, on_device
from mnist_bench.nets.modules import build_model
from mnist_bench.nets.planner import plan_layers
from mnist_bench.picture_form import MNIST, PictureForm, parse
from mnist_bench.training.period import advance
from mnist_bench.training.trainer import TorchTrainer, fit
from mnist_bench.training.weights import export, metadata_of, model_in

COLOUR = PictureForm(channels=3, height=10, width=14, classes=4)


def made(form: PictureForm = COLOUR, images: int = 48) -> Dataset:
    """Return a data set of random pictures, each channel brighter than the one before."""
    draws, labels = np.random.default_rng(0), np.arange(images, dtype=np.uint8) % form.classes
    pictures = draws.integers(0, 100, (images, *form.array_shape), dtype=np.uint8)
    if form.channels == 3:
        pictures += np.array([0, 50, 100], np.uint8)[:, None, None]
    split = make_split(labels, classes=form.classes)
    loaded = TrainingSet(
        options=DataOptions(form=form), images=Images(images=pictures, labels=labels), split=split, data_hash="0" * 64
    )
    return on_device(loaded, torch.device("cpu"))


@pytest.fixture
def small(config: TrainConfig) -> TrainConfig:
    """Return a training of a few steps."""
    return replace(config, optim=replace(config.optim, batch_size=16))


def test_counts_are_those_of_the_net_that_is_built() -> None:
    model = ModelConfig(blocks=2, filters=(4, 8), hidden_layers=0)
    planned = plan_layers(model, COLOUR)
    built = build_model(model, torch.Generator().manual_seed(0), COLOUR)
    assert planned.trainable == sum(weights.numel() for weights in built.parameters())
    assert built(torch.zeros(2, *COLOUR.shape)).shape == (2, 4)
    assert planned.layers[0].inputs == (3, 10, 14)
    assert plan_layers(model) == plan_layers(model, MNIST) != planned


def test_each_channel_is_normalised_by_its_own_moments() -> None:
    data = made()
    pixels = data.normalise(data.pixels(data.train))
    assert pixels.mean(dim=(0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-5)
    assert pixels.std(dim=(0, 2, 3)).tolist() == pytest.approx([1, 1, 1], abs=1e-2)
    assert [channel.mean for channel in data.moments] == sorted(channel.mean for channel in data.moments)


def test_training_in_colour_resumes_to_the_same_bits_from_a_state_of_its_own_form(small: TrainConfig) -> None:
    data = made()
    first, _ = advance(small, 1, 1, None, data, "fp32")
    state, _ = advance(small, 1, 2, first, data, "fp32")
    assert fit(TorchTrainer(data, "fp32"), small, 1).state == state
    with pytest.raises(ValueError, match="the state is of"):
        advance(small, 1, 2, first, made(replace(COLOUR, width=15)), "fp32")


def test_weights_know_the_form_where_it_is_not_mnists(small: TrainConfig, digits: Dataset, tmp_path: Path) -> None:
    data, path = made(), tmp_path / "net.safetensors"
    path.write_bytes(export(fit(TorchTrainer(data, "fp32"), replace(small, epochs=1), 1).state, small))
    assert model_in(path.read_bytes(), str(path))(data.pixels(data.validation)).shape == (len(data.validation), 4)
    assert '"form"' in metadata_of(path.read_bytes())["config"]
    of_mnist = export(fit(TorchTrainer(digits, "fp32"), replace(small, epochs=1), 1).state, small)
    assert '"form"' not in metadata_of(of_mnist)["config"]


@pytest.mark.parametrize(
    "wrong", [{"channels": 2}, {"height": 3}, {"width": 1025}, {"classes": 1}, {"classes": "4"}, {"depth": 1}]
)
def test_a_form_from_a_file_is_checked(wrong: dict[str, object]) -> None:
    whole = {"channels": 3, "height": 10, "width": 14, "classes": 4}
    assert parse(whole) == COLOUR
    with pytest.raises(ValidationError):
        parse({**whole, **wrong})
