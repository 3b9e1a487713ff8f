"""A data set as tensors on the device where it is trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mnist_bench.config import TrainOn, leaves_validation
from mnist_bench.data.mnist import DataOptions, Images, TrainingSet, load_training_set


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """Pictures, labels, and which of them train and validate; all tensors on one device."""

    images: Tensor
    """uint8 (N, 1, 28, 28), 0 is background."""
    labels: Tensor
    """int64 (N,)."""
    train: Tensor
    """int64 indices of the training part."""
    validation: Tensor
    """int64 indices of the validation part."""
    mean: float
    """Mean pixel of the training part, in 0 to 255."""
    std: float
    """Standard deviation of its pixels, in the same unit."""
    moments_of_all: tuple[float, float]
    """The same two figures of the training and the validation part together."""
    data_hash: str
    """SHA-256 over the training files; see `TrainingSet`."""
    split_hash: str
    """SHA-256 over the split's indices."""

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.images.device

    def training_on(self, part: TrainOn) -> Dataset:
        """Return the data set whose training part is `part`: the split's, or all images, validation included."""
        if leaves_validation(part):
            return self
        mean, std = self.moments_of_all
        everything = torch.cat([self.train, self.validation]).sort().values
        return replace(self, train=everything, mean=mean, std=std)

    def pixels(self, indices: Tensor) -> Tensor:
        """Return the pictures at `indices` as float32 (n, 1, 28, 28), 0 to 255."""
        return self.images.index_select(0, indices).float()

    def normalise(self, pixels: Tensor) -> Tensor:
        """Scale `pixels` in place to mean 0 and standard deviation 1 over the training part."""
        return pixels.sub_(self.mean).mul_(1 / self.std)


def load_dataset(options: DataOptions, device: torch.device) -> Dataset:
    """Load the training files that `options` name onto `device`.

    Raises:
        DataError: a file is missing, damaged, or not in MNIST's format.
    """
    return on_device(load_training_set(options), device)


def on_device(loaded: TrainingSet, device: torch.device) -> Dataset:
    """Return a training set as tensors on `device`."""
    counts = [_histogram(loaded.images.images[part]) for part in (loaded.split.train, loaded.split.validation)]
    mean, std = _moments(counts[0])
    images, labels = _tensors(loaded.images, device)
    return Dataset(
        images=images,
        labels=labels,
        train=torch.from_numpy(loaded.split.train).to(device),
        validation=torch.from_numpy(loaded.split.validation).to(device),
        mean=mean,
        std=std,
        moments_of_all=_moments(counts[0] + counts[1]),
        data_hash=loaded.data_hash,
        split_hash=loaded.split.digest,
    )


def with_evaluation_images(data: Dataset, images: Images) -> Dataset:
    """Return a data set of `images` for evaluation alone, normalised like `data`; its training part is empty."""
    pictures, labels = _tensors(images, data.device)
    everything = torch.arange(len(labels), device=data.device)
    return replace(data, images=pictures, labels=labels, train=everything[:0], validation=everything)


def _tensors(images: Images, device: torch.device) -> tuple[Tensor, Tensor]:
    pictures = torch.tensor(images.images, device=device).unsqueeze(1)
    return pictures, torch.tensor(images.labels, dtype=torch.int64, device=device)


def _histogram(images: NDArray[np.uint8]) -> NDArray[np.intp]:
    return np.bincount(images.ravel(), minlength=256)


def _moments(histogram: NDArray[np.intp]) -> tuple[float, float]:
    """Return mean and standard deviation of the pixels counted in `histogram` (256,), from exact sums."""
    counts = histogram.tolist()
    total = sum(counts)
    mean = sum(value * count for value, count in enumerate(counts)) / total
    square = sum(value * value * count for value, count in enumerate(counts)) / total
    return mean, (square - mean * mean) ** 0.5 or 1.0
