"""A trainer from plain options, and how a worker builds it by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.choice import Data, DataOptions
from mnist_bench.data.mnist import TrainingSet
from mnist_bench.errors import DataError
from mnist_bench.numerics.kinds import environment_of
from mnist_bench.own_nets import own_net
from search.stored_fields import stored
from search.trainer_api import Trainer, TrainerSpec


def trainer_spec(
    data: TrainingSet, *, device: str = "auto", precision: str = "auto", net: str | None = None
) -> TrainerSpec:
    """Return how a worker builds its trainer with `make_trainer`, on the very data that are loaded here.

    `net` is the name of your own network.
    """
    options = {
        "device": device, "precision": precision, "data": stored(data.data), "data_dir": data.options.data_dir
    }  # fmt: skip
    if net is not None:
        options["net"] = own_net.load_net(net).loaded.whole_name
    return TrainerSpec(
        factory="mnist_bench.training.factory:make_trainer", options=options, environment=environment_of(precision)
    )


def make_trainer(
    *,
    device: str = "auto",
    precision: str = "auto",
    data: Mapping[str, Any] | None = None,
    data_dir: str | None = None,
    net: str | None = None,
) -> Trainer[TrainConfig]:
    """Return the trainer of this process, set up and with its data loaded. `device` is as in `numerics.setup`, the
    precision "auto" or one by name. `data` is a `Data` as it is stored, whose hashes the files must have; None for
    MNIST, or what is in `data_dir`. `net` is the name of your own network.

    Raises:
        DataError: the data set cannot be loaded, or is not the one of these hashes.
        DeviceError: there is no such device.
    """
    from mnist_bench.data.guard import close_test_set
    from mnist_bench.data.tensors import load_dataset
    from mnist_bench.numerics.device import choose_precision, setup
    from mnist_bench.training.torch_trainer import TorchTrainer

    close_test_set()
    if net is not None:
        own_net.load_net(net)
    torch_device = setup(device, precision)
    recorded = None if data is None else Data.read(data)
    loaded = load_dataset(DataOptions(data_dir=data_dir) if recorded is None else recorded.at(data_dir), torch_device)
    if recorded is not None and recorded.data_hash != loaded.data_hash:
        found = f"their hash was {recorded.data_hash[:8]} and is {loaded.data_hash[:8]}"
        name = data_dir or recorded.dataset
        raise DataError(f"{name}: the training files have changed since this work began ({found})")
    if recorded is not None and recorded.split_hash != loaded.split_hash:
        raise DataError("this worker splits the images otherwise; it needs the version that began this work")
    return TorchTrainer(loaded, choose_precision(torch_device, precision))
