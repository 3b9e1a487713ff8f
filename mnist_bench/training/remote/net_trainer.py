"""The trainer of a precision that this process may not compute in: a worker process does."""

from __future__ import annotations

import torch

from mnist_bench.config.json import CODEC
from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.mnist import TrainingSet
from mnist_bench.data.tensors import on_device
from mnist_bench.numerics.device import choose_precision, setup
from mnist_bench.numerics.kinds import Precision
from mnist_bench.training.factory import trainer_spec
from mnist_bench.training.torch_trainer import TorchTrainer
from search.executors.jobs import RemoteTrainer


class RemoteNetTrainer(RemoteTrainer[TrainConfig]):
    """Trains networks in a worker process that is started for a precision of the CPU."""

    def __init__(self, data: TrainingSet, precision: Precision, net: str | None = None) -> None:
        """Start nothing yet; `net` names your own network, if such are trained."""
        super().__init__(trainer_spec(data, device="cpu", precision=precision, net=net), CODEC)
        self.data = on_device(data, torch.device("cpu"))
        """The data set, in this process."""
        self.precision = precision


NetTrainer = TorchTrainer | RemoteNetTrainer


def trainer_on(data: TrainingSet, *, device: str, precision: str, net: str | None = None) -> NetTrainer:
    """Return a trainer on this data set: in this process, or in a worker process for portable precision.

    Raises:
        DeviceError: there is no such device, or it has no portable precision.
        UsageError: there is no such precision.
    """
    torch_device = setup(device, precision)
    chosen = choose_precision(torch_device, precision)
    if chosen == "portable":
        return RemoteNetTrainer(data, chosen, net)
    return TorchTrainer(on_device(data, torch_device), chosen)
