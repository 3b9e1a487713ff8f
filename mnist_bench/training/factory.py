"""A trainer from plain options, and how a worker builds it by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from mnist_bench.config.settings import DatasetName, TrainConfig
from mnist_bench.data.mnist import DataOptions, TrainingSet
from mnist_bench.errors import DataError
from mnist_bench.numerics.kinds import environment_of
from mnist_bench.own_nets import own_net
from mnist_bench.picture_form import MNIST, parse
from search.trainer_api import Trainer, TrainerSpec


def trainer_spec(
    data: TrainingSet, *, device: str = "auto", precision: str = "auto", net: str | None = None
) -> TrainerSpec:
    """Return how a worker builds its trainer with `make_trainer`, on the very data that are loaded here.

    `net` is the name of your own network.
    """
    options = {"device": device, "precision": precision, **asdict(data.options), "data_hash": data.data_hash}
    if net is not None:
        options["net"] = own_net.load_net(net).loaded.whole_name
    return TrainerSpec(
        factory="mnist_bench.training.factory:make_trainer", options=options, environment=environment_of(precision)
    )


def make_trainer(
    *,
    device: str = "auto",
    precision: str = "auto",
    dataset: DatasetName = "mnist",
    data_dir: str | None = None,
    form: Mapping[str, Any] | None = None,
    subset: int | None = None,
    data_hash: str | None = None,
    net: str | None = None,
) -> Trainer[TrainConfig]:
    """Return the trainer of this process, set up and with its data loaded. `device` is as in `numerics.setup`, the
    precision "auto" or one by name. The data are chosen by the fields of `DataOptions`, with the form as plain
    values. `data_hash` is the hash that the training files must have, and `net` the name of your own network.

    Raises:
        DataError: the data set cannot be loaded, or is not the one of this hash.
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
    chosen = DataOptions(
        dataset=dataset, data_dir=data_dir, subset=subset, form=MNIST if form is None else parse(form),
    )  # fmt: skip
    data = load_dataset(chosen, torch_device)
    if data_hash not in (None, data.data_hash):
        found = f"their hash was {data_hash[:8]} and is {data.data_hash[:8]}"
        raise DataError(f"{data_dir or dataset}: the training files have changed since this work began ({found})")
    return TorchTrainer(data, choose_precision(torch_device, precision))
