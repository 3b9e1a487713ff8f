"""A small data set and short configurations for the trainer's tests."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from mnist_bench.config.settings import AugmentConfig, ModelConfig, OptimConfig, TrainConfig
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.tensors import Dataset, load_dataset
from mnist_bench.numerics.device import setup


@pytest.fixture(scope="session")
def device() -> torch.device:
    """Set this process up for training on the CPU."""
    return setup("cpu")[0]


@pytest.fixture(scope="session")
def digits(device: torch.device) -> Dataset:
    """Return 1,000 training and 200 validation images of MNIST."""
    return load_dataset(DataOptions(subset=1200), device)


@pytest.fixture(scope="session")
def config() -> TrainConfig:
    """Return two epochs of a tiny net that uses every kind of layer and of draw."""
    model = ModelConfig(
        blocks=2, filters=8, filter_growth=1, batchnorm="before_activation", block_dropout=0.1, hidden_units=16,
        hidden_batchnorm="after_activation", hidden_dropout=0.3,
    )  # fmt: skip
    augment = AugmentConfig(rotation_degrees=10, zoom=0.1, shear_radians=0.1, translate_pixels=1)
    optim = OptimConfig(lr=0.01, batch_size=100, weight_decay=0.01, label_smoothing=0.1, ema_decay=0.5)
    return TrainConfig(epochs=2, model=model, augment=augment, optim=optim)


@pytest.fixture
def plain(config: TrainConfig) -> TrainConfig:
    """Return the same without dropout, whose draws depend on the period."""
    return replace(config, model=replace(config.model, block_dropout=0.0, hidden_dropout=0.0))
