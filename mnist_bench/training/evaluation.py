"""Count a net's correct answers, in batches of one constant size."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mnist_bench.data.tensors import Dataset
from mnist_bench.numerics.kinds import Precision
from mnist_bench.numerics.precision import computing_in

BATCHES = {"cpu": 250, "cuda": 2500}
"""Images per batch: on a CPU core half the time of 500, because its cache holds it. They divide 10,000; if one does not
divide a set, the last batch reaches back to be full."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A net's results on a set of images."""

    errors: int
    loss: float  # mean cross-entropy in nats, without label smoothing; summed in float64
    correct: Tensor  # bool (N,), in the order of the indices

    @property
    def accuracy(self) -> float:
        """Share of images that are right, 0 to 1."""
        return 1 - self.errors / len(self.correct)

    def packed(self) -> str:
        """Return `correct` as base64 of numpy's packed bits."""
        return base64.b64encode(np.packbits(self.correct.cpu().numpy()).tobytes()).decode()


def evaluate(model: nn.Module, data: Dataset, precision: Precision) -> Evaluation:
    """Return how `model` does on the validation part of `data`; the model is left in evaluation mode."""
    return read(*score(model, data, precision))


def score(model: nn.Module, data: Dataset, precision: Precision) -> tuple[Tensor, Tensor]:
    """Return the mean loss (float64) and the correct answers (bool, N) on the device, without waiting for it; see
    `read`."""
    return score_of(logits(model, data, precision), data.labels[data.validation])


def score_of(found: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return what `score` does, of logits (N, classes)."""
    losses = functional.cross_entropy(found.double(), labels, reduction="none")
    return losses.mean(), found.argmax(1) == labels


def read(loss: Tensor, correct: Tensor) -> Evaluation:
    """Return the result of `score`."""
    return Evaluation(len(correct) - int(correct.sum()), float(loss), correct)


def logits(model: nn.Module, data: Dataset, precision: Precision) -> Tensor:
    """Return the float32 logits (N, classes) of the validation part of `data`; the model is left in evaluation mode."""
    return logits_of(model, data.validation, lambda indices: data.normalise(data.pixels(indices)), precision)


@torch.no_grad()
def logits_of(model: nn.Module, chosen: Tensor, inputs_at: Callable[[Tensor], Tensor], precision: Precision) -> Tensor:
    """Return the float32 logits (N, classes) of the images at `chosen` (N,), the indices of images.

    `inputs_at` returns the normalised images (B, C, H, W) at some indices (B,).
    """
    model.eval()
    parts = []
    for start, indices in _full_batches(chosen):
        with computing_in(chosen.device, precision):
            # (B, classes), without the images that the batch before has counted.
            parts.append(model(inputs_at(indices))[start:])
    return torch.cat(parts)


def _full_batches(indices: Tensor) -> list[tuple[int, Tensor]]:
    """Cut `indices` into batches of one size, each with the place of its first index that is not in the one before."""
    size = min(BATCHES[indices.device.type], len(indices))
    ends = [*range(size, len(indices), size), len(indices)]
    starts = [0, *ends[:-1]]
    return [(start - (end - size), indices[end - size : end]) for start, end in zip(starts, ends, strict=True)]
