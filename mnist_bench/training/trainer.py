"""What trains nets, a period at a time: a device of this process, or a worker process for portable precision.

Whoever trains takes a `search.trainer_api.Trainer`; `trainer_on` alone knows where a precision may be computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch

from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import CODEC
from mnist_bench.data.choice import Data, DataOptions
from mnist_bench.data.idx import close_test_set
from mnist_bench.data.mnist import TrainingSet
from mnist_bench.data.tensors import Dataset, load_dataset, on_device
from mnist_bench.errors import DataError
from mnist_bench.nets import own_net
from mnist_bench.numerics.device import choose_precision, describe, setup
from mnist_bench.numerics.kinds import Precision, environment_of
from mnist_bench.training.period import advance
from search.executors.jobs import RemoteTrainer
from search.stored_fields import stored
from search.trainer_api import Report, Trainer, TrainerSpec


class TorchTrainer:
    """Satisfies `search.trainer_api.Trainer` on the device of `data`."""

    codec = CODEC

    def __init__(self, data: Dataset, precision: Precision) -> None:
        self.data = data
        self.precision = precision

    @cached_property
    def numerics(self) -> Mapping[str, Any]:
        """The canary, and values that may explain a difference; see `numerics.device.describe`."""
        return describe(self.data.device, self.precision)

    def advance(self, config: TrainConfig, seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """Train one period; see `period.advance`."""
        return advance(config, seed, period, state, self.data, self.precision)


class RemoteNetTrainer(RemoteTrainer[TrainConfig]):
    """Trains nets in a worker process that is started for a precision of the CPU."""

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


def trainer_spec(
    data: TrainingSet, *, device: str = "auto", precision: str = "auto", net: str | None = None
) -> TrainerSpec:
    """Return how a worker builds its trainer with `make_trainer`, on the very data that are loaded here.

    `net` is the name of your own network.
    """
    return TrainerSpec(
        factory=f"{__name__}:make_trainer",
        options={
            "device": device, "precision": precision, "data": stored(data.data), "data_dir": data.options.data_dir,
            **({} if net is None else {"net": own_net.load_net(net).loaded.whole_name}),
        },
        environment=environment_of(precision),
    )  # fmt: skip


def make_trainer(
    *,
    device: str = "auto",
    precision: str = "auto",
    data: Mapping[str, Any] | None = None,
    data_dir: str | None = None,
    net: str | None = None,
) -> TorchTrainer:
    """Return the trainer of this process, set up and with its data loaded. `device` is as in `numerics.setup`, the
    precision "auto" or one by name. `data` is a `Data` as it is stored, whose hashes the files must have; None for
    MNIST, or what is in `data_dir`. `net` is the name of your own network.

    Raises:
        DataError: the data set cannot be loaded, or is not the one of these hashes.
        DeviceError: there is no such device.
    """
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


@dataclass(frozen=True, kw_only=True, slots=True)
class FitResult:
    """A whole training run."""

    reports: tuple[Report, ...]  # one per period; fewer than planned if training diverged
    state: bytes = field(repr=False)
    """The last period's state; see mnist_bench.training.weights for the way to a file of weights."""


def fit(
    trainer: Trainer[TrainConfig],
    config: TrainConfig,
    seed: int,
    on_period: Callable[[Report], object] = lambda report: None,
) -> FitResult:
    """Train all periods of `config`, or those until it diverges; `on_period` is called with each report. Errors as in
    the trainer's `advance`."""
    state: bytes | None = None
    reports: list[Report] = []
    for period in range(1, len(Schedule(config=config, images=1).period_ends) + 1):
        state, report = trainer.advance(config, seed, period, state)
        reports.append(report)
        on_period(report)
        if report.end:
            break
    return FitResult(reports=tuple(reports), state=state or b"")
