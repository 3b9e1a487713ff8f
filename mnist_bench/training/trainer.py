"""What trains nets, a period at a time: a device of this process, or a worker process for portable precision.

Whoever trains takes a `search.trainer_api.Trainer`; `trainer_on` alone knows where a precision may be computed, and
`Scorer` where exported nets are scored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any, cast

import numpy as np
import torch

from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import CODEC
from mnist_bench.data.choice import Data
from mnist_bench.data.idx import close_test_set
from mnist_bench.data.mnist import TrainingSet
from mnist_bench.data.tensors import Dataset, load_dataset, on_device
from mnist_bench.errors import DataError
from mnist_bench.nets import own_net
from mnist_bench.numerics.device import describe, setup
from mnist_bench.numerics.kinds import Precision, environment_of
from mnist_bench.training.period import Evaluation, advance, evaluate, evaluate_at
from mnist_bench.training.weights import config_in, model_in
from search.executors.jobs import RemoteTrainer
from search.stored_fields import stored
from search.trainer_api import PLAIN, Json, Report, Trainer, TrainerSpec


class TorchTrainer:
    """Satisfies `search.trainer_api.Trainer` on the device of `data`."""

    codec = CODEC

    def __init__(self, data: Dataset, precision: Precision) -> None:
        self.data = data
        self.precision = precision

    @cached_property
    def numerics(self) -> Mapping[str, Any]:
        """The numerics check, and values that may explain a difference; see `numerics.device.describe`."""
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
    """Return a trainer on this data set: in this process, or in a worker process for portable precision."""
    torch_device, chosen = setup(device, precision)
    if chosen == "portable":
        return RemoteNetTrainer(data, chosen, net)
    return TorchTrainer(on_device(data, torch_device), chosen)


def trainer_spec(
    data: TrainingSet, *, device: str = "auto", precision: str = "auto", net: str | None = None
) -> TrainerSpec:
    """Return how a worker builds its trainer with `make_trainer`, on the very data that are loaded here."""
    return TrainerSpec(
        factory=f"{__name__}:make_trainer",
        options={
            "device": device, "precision": precision, "data": stored(data.data), "data_dir": data.options.data_dir,
            **({} if net is None else {"net": own_net.load_net(net).loaded.whole_name}),
        },
        environment=environment_of(precision),
    )  # fmt: skip


def make_trainer(
    *, device: str, precision: str, data: Mapping[str, Any], data_dir: str | None, net: str | None = None
) -> TorchTrainer:
    """Return the trainer of this process, set up and with its data loaded, from the options of `trainer_spec`.

    `data` is a `Data` as it is stored, whose hashes the files must have.
    """
    close_test_set()
    if net is not None:
        own_net.load_net(net)
    (torch_device, chosen), recorded = setup(device, precision), Data.read(data)
    loaded = load_dataset(recorded.at(data_dir), torch_device)
    if recorded.data_hash != loaded.data_hash:
        found = f"their hash was {recorded.data_hash[:8]} and is {loaded.data_hash[:8]}"
        name = data_dir or recorded.dataset
        raise DataError(f"{name}: the training files have changed since this work began ({found})")
    if recorded.split_hash != loaded.split_hash:
        raise DataError("this worker splits the images otherwise; it needs the version that began this work")
    return TorchTrainer(loaded, chosen)


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


class Scorer:
    """Scores exported nets in one precision."""

    def __init__(self, precision: Precision) -> None:
        """Start nothing yet."""
        self._precision = precision
        self._remotes: dict[str | None, RemoteTrainer[Mapping[str, Json]]] = {}
        """By the name of your own network, which a process has to load before it can score it."""

    @property
    def as_exported(self) -> Scorer:
        """The scorer of the same nets as they are exported: in float32, with portable bits if those here are."""
        return self if self._precision == "portable" else Scorer("fp32")

    @property
    def numerics(self) -> Mapping[str, Any]:
        """Those of the process that scores, which is started for it; see `numerics.device.describe`."""
        return self._remote(None).numerics

    def evaluate(self, weights: bytes, data: Dataset, source: str) -> Evaluation:
        """Return how the net in the bytes of `export` does on the validation part of `data`; `source` names the net."""
        if self._precision != "portable":
            return evaluate(model_in(weights, source).to(data.device), data, self._precision)
        labels, inputs = data.labels[data.validation], data.normalise(data.pixels(data.validation)).contiguous()
        state = b"".join([labels.numpy().tobytes(), inputs.numpy().tobytes(), weights])
        net = own_net.whole_name(config_in(weights)[0].net_code)
        answer, report = self._remote(net).advance({"shape": list(inputs.shape)}, 0, 1, state)
        logits = torch.from_numpy(np.frombuffer(answer, np.float32).copy()).reshape(len(labels), -1)
        return Evaluation(logits, cast(float, report.metrics["loss"]), logits.argmax(1) == labels)

    def _remote(self, net: str | None) -> RemoteTrainer[Mapping[str, Json]]:
        if net not in self._remotes:
            options = {"precision": self._precision, "net": net}
            spec = TrainerSpec(
                factory=f"{__name__}:ScoringWorker", options=options, environment=environment_of(self._precision)
            )
            self._remotes[net] = RemoteTrainer(spec, PLAIN)
        return self._remotes[net]


def numerics_here(device: str, precision: str) -> Mapping[str, Any]:
    """Return the numerics of training on this device; for portable precision, those of a worker process."""
    torch_device, chosen = setup(device, precision)
    return Scorer(chosen).numerics if chosen == "portable" else describe(torch_device, chosen)


class ScoringWorker:
    """The worker's side: satisfies `search.trainer_api.Trainer`; a period is the scoring of one net."""

    codec = PLAIN

    def __init__(self, precision: str, net: str | None = None) -> None:
        """Prepare this process to score on the CPU in the precision of this name; `net` names your own network."""
        if net is not None:
            own_net.load_net(net)
        device, self._precision = setup("cpu", precision)
        self.numerics = describe(device, self._precision)

    def advance(self, config: Mapping[str, Json], seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """Return the logits, float32 (N, classes), and their mean loss.

        The state is one after the other: the images' labels, int64 (N,); the normalised images, float32 (N, C, H, W)
        of `config["shape"]`; and the net in the bytes of `export`.
        """
        content, shape = bytearray(state or b""), config["shape"]
        labels = torch.frombuffer(content, dtype=torch.int64, count=shape[0])
        inputs = torch.frombuffer(content, dtype=torch.float32, count=prod(shape), offset=labels.nbytes)
        net = model_in(bytes(content[labels.nbytes + inputs.nbytes :]), "the network")
        inputs = inputs.reshape(shape)
        found = evaluate_at(net, torch.arange(len(inputs)), inputs.__getitem__, labels, self._precision)
        return found.logits.numpy().tobytes(), Report(value=None, metrics={"loss": found.loss}, weights="")
