"""How a net does on images, in batches of one constant size: of a learner, or of an exported net's bytes.

Portable precision is computed in a process that is started for it; `Scorer` asks it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mnist_bench.data.tensors import Dataset
from mnist_bench.nets import own_net
from mnist_bench.numerics.device import choose_precision, describe, setup
from mnist_bench.numerics.kinds import Precision, environment_of
from mnist_bench.numerics.precision import computing_in
from mnist_bench.training.weights import config_in, model_in
from search.executors.jobs import RemoteTrainer
from search.trainer_api import PLAIN, Json, Report, TrainerSpec

BATCHES = {"cpu": 250, "cuda": 2500}
"""Images per batch: on a CPU core half the time of 500, because its cache holds it. They divide 10,000; if one does not
divide a set, the last batch reaches back to be full."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A net's results on a set of images."""

    loss: float  # mean cross-entropy in nats, without label smoothing; summed in float64
    correct: Tensor  # bool (N,), in the order of the indices

    @property
    def errors(self) -> int:
        """Number of images that are wrong."""
        return len(self.correct) - int(self.correct.sum())

    @property
    def accuracy(self) -> float:
        """Share of images that are right, 0 to 1."""
        return 1 - self.errors / len(self.correct)

    def packed(self) -> str:
        """Return `correct` as base64 of numpy's packed bits."""
        return base64.b64encode(np.packbits(self.correct.cpu().numpy()).tobytes()).decode()


def evaluate(model: nn.Module, data: Dataset, precision: Precision) -> Evaluation:
    """Return how `model` does on the validation part of `data`; the model is left in evaluation mode."""
    return _evaluation(logits(model, data, precision), data.labels[data.validation])


def logits(model: nn.Module, data: Dataset, precision: Precision) -> Tensor:
    """Return the float32 logits (N, classes) of the validation part of `data`; the model is left in evaluation mode."""
    return _logits(model, data.validation, lambda indices: data.normalise(data.pixels(indices)), precision)


def _evaluation(found: Tensor, labels: Tensor) -> Evaluation:
    losses = functional.cross_entropy(found.double(), labels, reduction="none")
    return Evaluation(float(losses.mean()), found.argmax(1) == labels)


@torch.no_grad()
def _logits(model: nn.Module, chosen: Tensor, inputs_at: Callable[[Tensor], Tensor], precision: Precision) -> Tensor:
    """Return the float32 logits (N, classes) of the images at `chosen` (N,), the indices of images.

    `inputs_at` returns the normalised images (B, C, H, W) at some indices (B,).
    """
    model.eval()
    size = min(BATCHES[chosen.device.type], len(chosen))
    parts = []
    for start in range(0, len(chosen), size):
        end = min(start + size, len(chosen))
        with computing_in(chosen.device, precision):
            # (B, classes), without the images that the batch before has counted.
            parts.append(model(inputs_at(chosen[end - size : end]))[start - end :])
    return torch.cat(parts)


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
        labels = data.labels[data.validation]
        if self._precision != "portable":
            found = logits(model_in(weights, source).to(data.device), data, self._precision)
            return found, _evaluation(found, labels)
        inputs = data.normalise(data.pixels(data.validation)).contiguous()
        state = b"".join([labels.numpy().tobytes(), inputs.numpy().tobytes(), weights])
        net = own_net.whole_name(config_in(weights)[0].net_code)
        answer, report = self._remote(net).advance({"shape": list(inputs.shape)}, 0, 1, state)
        found = torch.from_numpy(np.frombuffer(answer, np.float32).copy()).reshape(len(labels), -1)
        return found, Evaluation(cast(float, report.metrics["loss"]), found.argmax(1) == labels)

    def _remote(self, net: str | None) -> RemoteTrainer[Mapping[str, Json]]:
        if net not in self._remotes:
            options = {"precision": self._precision, "net": net}
            spec = TrainerSpec(
                factory=f"{__name__}:ScoringWorker", options=options, environment=environment_of(self._precision)
            )
            self._remotes[net] = RemoteTrainer(spec, PLAIN)
        return self._remotes[net]


def numerics_here(device: str, precision: str) -> Mapping[str, Any]:
    """Return what `numerics.device.describe` says of training on the device of this name: of a worker process, for
    portable precision.

    Raises:
        DeviceError: there is no such device, or this machine computes no portable bits.
    """
    torch_device = setup(device, precision)
    chosen = choose_precision(torch_device, precision)
    return Scorer(chosen).numerics if chosen == "portable" else describe(torch_device, chosen)


class ScoringWorker:
    """The worker's side: satisfies `search.trainer_api.Trainer`; a period is the scoring of one net."""

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
        of `config["shape"]`; and the net in the bytes of `export`.
        """
        content, shape = bytearray(state or b""), config["shape"]
        labels = torch.frombuffer(content, dtype=torch.int64, count=shape[0])
        inputs = torch.frombuffer(content, dtype=torch.float32, count=prod(shape), offset=labels.nbytes)
        net = model_in(bytes(content[labels.nbytes + inputs.nbytes :]), "the network")
        inputs = inputs.reshape(shape)
        found = _logits(net, torch.arange(len(inputs)), inputs.__getitem__, self._precision)
        metrics = {"loss": _evaluation(found, labels).loss}
        return found.numpy().tobytes(), Report(value=None, metrics=metrics, weights="")
