"""Trainers: from plain options, and whole runs with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.choice import TRAIN_FILES, DataOptions
from mnist_bench.data.mnist import load_training_set
from mnist_bench.data.tensors import Dataset
from mnist_bench.errors import DataError, DeviceError
from mnist_bench.nets.planner import COEFFICIENTS
from mnist_bench.training.trainer import TorchTrainer, fit, make_trainer, trainer_spec
from search.trainer_api import Report, Trainer
from support import own_data


def test_fit_tells_every_period(plain: TrainConfig, digits: Dataset) -> None:
    heard: list[Report] = []
    result = fit(TorchTrainer(digits, "fp32"), plain, 1, heard.append)
    assert tuple(heard) == result.reports
    assert len(heard) == 2


@pytest.mark.slow
def test_the_trainer_keeps_the_contract() -> None:
    data = load_training_set(DataOptions(subset=1200))
    trainer: Trainer[TrainConfig] = make_trainer(**trainer_spec(data, device="cpu").options)
    state, report = trainer.advance(TrainConfig(epochs=1), 1, 1, None)
    assert state
    assert report.seconds > 0
    assert set(report.metrics) == {"epoch", "train_loss", "val_loss", "errors"}
    assert len(trainer.numerics["check"]) == 64
    assert trainer.numerics["kind"] in COEFFICIENTS


def test_bad_options_are_said() -> None:
    with pytest.raises(DeviceError, match="not one of auto, cpu, cuda"):
        make_trainer(device="tpu")
    with pytest.raises(DeviceError, match="cuda:99' does not exist"):
        make_trainer(device="cuda:99")
    with pytest.raises(DataError, match="there is no train-images"):
        make_trainer(device="cpu", data_dir=str(Path(__file__).parent))


def test_a_worker_refuses_data_that_changed_since_the_work_began(tmp_path: Path) -> None:
    """A bit that flips in a training image while a search is under way must not train the rest of it on other data."""
    folder = own_data.write_data(tmp_path, train=60, test=10)
    spec = trainer_spec(load_training_set(DataOptions(data_dir=str(folder))), device="cpu")
    make_trainer(**spec.options)
    images = folder / TRAIN_FILES[0]
    content = bytearray(images.read_bytes())
    content[-1] ^= 1
    images.write_bytes(content)
    with pytest.raises(DataError, match="have changed since this work began"):
        make_trainer(**spec.options)


def test_a_worker_refuses_another_split_of_the_same_images(tmp_path: Path) -> None:
    folder = own_data.write_data(tmp_path, train=60, test=10)
    spec = trainer_spec(load_training_set(DataOptions(data_dir=str(folder), split_seed=1)), device="cpu")
    make_trainer(**spec.options)
    with pytest.raises(DataError, match="splits the images otherwise"):
        make_trainer(**{**spec.options, "data": {**spec.options["data"], "split_seed": 2}})
