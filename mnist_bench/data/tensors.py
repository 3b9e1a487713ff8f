"""A data set as tensors on the training device."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mnist_bench.config.schedule import leaves_validation
from mnist_bench.config.settings import TrainOn
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.idx import Bytes
from mnist_bench.data.mnist import Images, Indices, TrainingSet, load_training_set
from mnist_bench.picture_form import PictureForm


class Moments(NamedTuple):
    """Of the pixels of one channel, 0 to 255."""

    mean: float
    std: float  # standard deviation, in the same unit


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """Images and labels, and which of them train and which validate; all tensors are on one device."""

    images: Tensor  # uint8, shape (N, C, H, W), 0 is background
    labels: Tensor  # int64, shape (N,)
    train: Tensor  # indices of the training part, int64
    validation: Tensor  # indices of the validation part, int64
    form: PictureForm
    moments: tuple[Moments, ...]  # of the training part, a channel each
    moments_of_all: tuple[Moments, ...]  # of the training and the validation part together
    data_hash: str  # SHA-256 over the training files; see `TrainingSet`
    split_hash: str  # SHA-256 over the split's indices
    names: tuple[str, ...] = ()  # of the classes; see `TrainingSet`

    @property
    def device(self) -> torch.device:
        """The device of the tensors."""
        return self.images.device

    @property
    def means(self) -> tuple[float, ...]:
        """Of the training part's pixels, 0 to 255, by channel."""
        return tuple(channel.mean for channel in self.moments)

    @property
    def deviations(self) -> tuple[float, ...]:
        """Standard deviations, as `means`."""
        return tuple(channel.std for channel in self.moments)

    def training_on(self, part: TrainOn) -> Dataset:
        """Return the data set with another training part: that of the split, or all images, validation included."""
        if leaves_validation(part):
            return self
        everything = torch.cat([self.train, self.validation]).sort().values
        return replace(self, train=everything, moments=self.moments_of_all)

    def pixels(self, indices: Tensor) -> Tensor:
        """Return the images at `indices` as float32, shape (n, C, H, W), 0 to 255."""
        return self.images.index_select(0, indices).float()

    def normalise(self, pixels: Tensor) -> Tensor:
        """Scale `pixels` (n, C, H, W) in place, so that each channel of the training part has mean 0 and standard
        deviation 1."""
        # `pixels` returns a copy of the batch, so that it can be changed in place.
        for channel, (mean, std) in zip(pixels.unbind(1), self.moments, strict=True):
            channel.sub_(mean).mul_(1 / std)
        return pixels


def load_dataset(options: DataOptions, device: torch.device) -> Dataset:
    """Load the training files that `options` select onto `device`."""
    return on_device(load_training_set(options), device)


def on_device(loaded: TrainingSet, device: torch.device) -> Dataset:
    """Return a training set as tensors on `device`."""
    # The counts of the two parts add up to those of all images, exactly.
    form = loaded.options.form
    pictures = loaded.images.images.reshape(-1, *form.shape)
    train, validation = (_histograms(pictures, part) for part in (loaded.split.train, loaded.split.validation))
    images, labels = _tensors(loaded.images, form, device)
    return Dataset(
        images=images,
        labels=labels,
        train=torch.from_numpy(loaded.split.train).to(device),
        validation=torch.from_numpy(loaded.split.validation).to(device),
        form=form,
        moments=tuple(map(_moments, train)),
        moments_of_all=tuple(map(_moments, train + validation)),
        data_hash=loaded.data_hash,
        split_hash=loaded.split.digest,
        names=loaded.names,
    )


def with_evaluation_images(data: Dataset, images: Images) -> Dataset:
    """Return a data set that evaluates on `images`, normalised like `data`; its training part is empty."""
    pictures, labels = _tensors(images, data.form, data.device)
    everything = torch.arange(len(labels), device=data.device)
    return replace(data, images=pictures, labels=labels, train=everything[:0], validation=everything)


def _tensors(images: Images, form: PictureForm, device: torch.device) -> tuple[Tensor, Tensor]:
    pictures = torch.tensor(images.images, device=device).view(-1, *form.shape)
    return pictures, torch.tensor(images.labels, dtype=torch.int64, device=device)


def _histograms(pictures: Bytes, part: Indices) -> NDArray[np.intp]:
    """Return how often each value occurs in each channel, shape (C, 256), of the `pictures` (N, C, H, W) at `part`."""
    return np.stack([np.bincount(pictures[part, c].ravel(), minlength=256) for c in range(pictures.shape[1])])


def _moments(histogram: NDArray[np.intp]) -> Moments:
    """Return the moments of pixels, given how often each value occurs: shape (256,).

    Python's integers give exact sums. A float sum over the pixels would depend on the order of the additions.
    """
    counts = histogram.tolist()
    total = sum(counts)
    mean = sum(value * count for value, count in enumerate(counts)) / total
    square = sum(value * value * count for value, count in enumerate(counts)) / total
    return Moments(mean, (square - mean * mean) ** 0.5 or 1.0)
