"""Scores exported networks: in this process, or in a process that is started for the precision."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, assert_never

import numpy as np
import torch
from torch import Tensor

from mnist_bench.data.tensors import Dataset
from mnist_bench.numerics.device import choose_precision, describe, setup
from mnist_bench.numerics.kinds import Precision, environment_of
from mnist_bench.own_nets import own_net
from mnist_bench.training.evaluation import Evaluation, logits, logits_of, read, score_of
from mnist_bench.training.weights import config_in, model_in
from search.executors.jobs import RemoteTrainer
from search.trainer_api import PLAIN, Json, Report, TrainerSpec

FACTORY = "mnist_bench.training.remote.scorer:ScoringWorker"


class Scorer:
    """Scores networks in one precision."""

    def __init__(self, precision: Precision) -> None:
        """Start nothing yet."""
        self._precision = precision
        self._remotes: dict[str | None, RemoteTrainer[Mapping[str, Json]]] = {}
        """By the name of your own network, which a process has to load before it can score it."""

    @property
    def as_exported(self) -> Scorer:
        """The scorer of the same networks as they are exported: in float32, with portable bits if those here are."""
        match self._precision:
            case "bf16" | "fp32":
                return Scorer("fp32")
            case "portable":
                return self
            case _:
                assert_never(self._precision)

    @property
    def numerics(self) -> Mapping[str, Any]:
        """Those of the process that scores, which is started for it; see `numerics.describe`."""
        return self._remote(None).numerics

    def evaluate(self, weights: bytes, data: Dataset, source: str) -> Evaluation:
        """Return how the net in the bytes of `export` does on the validation part of `data`.

        Raises:
            WeightsError, OtherVersionError, UnnamedCodeError: see `model_in`; `source` names the net.
            WorkerError: the process that scores fails.
        """
        return self._scored(weights, data, source)[1]

    def logits(self, weights: bytes, data: Dataset, source: str) -> Tensor:
        """Return the float32 logits (N, classes) of the validation part of `data`; errors as in `evaluate`."""
        return self._scored(weights, data, source)[0]

    def _scored(self, weights: bytes, data: Dataset, source: str) -> tuple[Tensor, Evaluation]:
        match self._precision:
            case "bf16" | "fp32":
                found = logits(model_in(weights, source).to(data.device), data, self._precision)
                return found, read(*score_of(found, data.labels[data.validation]))
            case "portable":
                return self._scored_remotely(weights, data)
            case _:
                assert_never(self._precision)

    def _scored_remotely(self, weights: bytes, data: Dataset) -> tuple[Tensor, Evaluation]:
        inputs = data.normalise(data.pixels(data.validation)).contiguous()
        labels = data.labels[data.validation]
        state = b"".join([labels.numpy().tobytes(), inputs.numpy().tobytes(), weights])
        net = own_net.whole_name(config_in(weights)[0].net_code)
        answer, report = self._remote(net).advance({"shape": list(inputs.shape)}, 0, 1, state)
        found = torch.from_numpy(np.frombuffer(answer, np.float32).copy()).reshape(len(labels), -1)
        loss = torch.tensor(report.metrics["loss"], dtype=torch.float64)
        return found, read(loss, found.argmax(1) == labels)

    def _remote(self, net: str | None) -> RemoteTrainer[Mapping[str, Json]]:
        if net not in self._remotes:
            options = {"precision": self._precision, "net": net}
            spec = TrainerSpec(factory=FACTORY, options=options, environment=environment_of(self._precision))
            self._remotes[net] = RemoteTrainer(spec, PLAIN)
        return self._remotes[net]


def numerics_here(device: str, precision: str) -> Mapping[str, Any]:
    """Return what `numerics.describe` says of training on the device of this name: of a worker process, for portable
    precision.

    Raises:
        DeviceError: there is no such device, or this machine computes no portable bits.
    """
    torch_device = setup(device, precision)
    chosen = choose_precision(torch_device, precision)
    return Scorer(chosen).numerics if chosen == "portable" else describe(torch_device, chosen)


class ScoringWorker:
    """The worker's side: satisfies `search.trainer_api.Trainer`; a period is the scoring of one network."""

    codec = PLAIN

    def __init__(self, precision: str, net: str | None = None) -> None:
        """Prepare this process to score on the CPU in the precision of this name; `net` names your own network."""
        if net is not None:
            own_net.load_net(net)
        device = setup("cpu", precision)
        self._precision = choose_precision(device, precision)
        self.numerics = describe(device, self._precision)

    def advance(self, config: Mapping[str, Json], seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """Return the logits, float32 (N, classes), and their mean loss.

        The state is one after the other: the images' labels, int64 (N,); the normalised images, float32 (N, C, H, W)
        of `config["shape"]`; and the network in the bytes of `export`.
        """
        content, shape = bytearray(state or b""), config["shape"]
        labels = torch.frombuffer(content, dtype=torch.int64, count=shape[0])
        inputs = torch.frombuffer(content, dtype=torch.float32, count=prod(shape), offset=labels.nbytes)
        net = model_in(bytes(content[labels.nbytes + inputs.nbytes :]), "the network")
        inputs = inputs.reshape(shape)
        found = logits_of(net, torch.arange(len(inputs)), inputs.__getitem__, self._precision)
        loss, _ = score_of(found, labels)
        report = Report(value=None, metrics={"loss": float(loss)}, weights="", seconds=0.0)
        return found.numpy().tobytes(), report
