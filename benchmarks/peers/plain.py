"""The loop that most people write: torchvision's transforms, a DataLoader, a net, an optimizer, float32, all cores.

It follows the recommendations of tutorials: workers that persist, train() and eval(), no gradients in evaluation. Two
settings of the notebook's recipe are not to be had from torchvision, and change no time: here a zoom is the same along
both axes, and everything outside a picture is black.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Dataset as TorchDataset
from torchvision import transforms  # type: ignore[import-untyped]

from mnist_bench.config.schedule import lr_factor
from mnist_bench.config.settings import AugmentConfig, ModelConfig, OptimConfig, TrainConfig
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.idx import close_test_set
from mnist_bench.data.mnist import Indices, TrainingSet, load_training_set
from mnist_bench.nets.planner import block_filters

MEAN, DEVIATION = 0.1307, 0.3081
"""Of MNIST's pixels, as everybody writes them."""
EVALUATED = 1000
"""Images a batch of evaluation."""

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
T = TypeVar("T")
Batches = Iterable[tuple[Tensor, Tensor]]
"""Pictures (N, 1, 28, 28), float32 and normalised, with their labels (N,)."""


class Net(nn.Module):
    """The same function of its weights as `mnist_bench.nets.modules.build_model`'s, layers in the usual order."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        side = 28 // 2**config.blocks
        maps = (1, *block_filters(config))[-1]
        self.features = nn.Sequential(*_blocks(config))
        self.classifier = nn.Sequential(*_head(config, maps * side * side))

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (N, 10) of images (N, 1, 28, 28)."""
        features: Tensor = self.features(images)
        logits: Tensor = self.classifier(features.flatten(1))
        return logits


def _blocks(config: ModelConfig) -> Iterator[nn.Module]:
    maps = 1
    per_block = zip(
        block_filters(config),
        each(config.convs_per_block, config.blocks),
        each(config.kernel_size, config.blocks),
        each(config.block_dropout, config.blocks),
        strict=True,
    )
    for filters, convolutions, kernel, rate in per_block:
        for number in range(convolutions):
            yield nn.Conv2d(maps, filters, kernel, padding=kernel // 2)
            batchnorm = nn.BatchNorm2d(filters, config.batchnorm_epsilon, config.batchnorm_momentum)
            pool = [nn.MaxPool2d(2)] if number == convolutions - 1 else []
            yield from _in_order(config.batchnorm, batchnorm, ACTIVATIONS[config.activation](), pool)
            maps = filters
        yield nn.Dropout2d(rate)


def _head(config: ModelConfig, features: int) -> Iterator[nn.Module]:
    per_layer = zip(
        each(config.hidden_units, config.hidden_layers),
        each(config.hidden_activation, config.hidden_layers),
        each(config.hidden_batchnorm, config.hidden_layers),
        each(config.hidden_dropout, config.hidden_layers),
        strict=True,
    )
    for units, activation, placement, rate in per_layer:
        yield nn.Linear(features, units)
        batchnorm = nn.BatchNorm1d(units, config.batchnorm_epsilon, config.batchnorm_momentum)
        yield from _in_order(placement, batchnorm, ACTIVATIONS[activation](), [])
        yield nn.Dropout(rate)
        features = units
    yield nn.Linear(features, 10)


def _in_order(
    placement: str, batchnorm: nn.Module, activation: nn.Module, pool: Sequence[nn.Module]
) -> Sequence[nn.Module]:
    """Return the modules after a layer's weights."""
    return {
        "none": [activation, *pool],
        "before_activation": [batchnorm, activation, *pool],
        "after_activation": [activation, batchnorm, *pool],
        "after_pool": [*pool, batchnorm, activation],
    }[placement]


def each(setting: T | tuple[T, ...], number: int) -> tuple[T, ...]:
    """Return a setting of all `number` layers or blocks as one of each."""
    return setting if isinstance(setting, tuple) else (setting,) * number


class Digits(TorchDataset[tuple[Tensor, int]]):
    """Pictures one at a time, as torchvision.datasets.MNIST hands them out: a PIL image through the transform."""

    def __init__(self, images: Tensor, labels: Tensor, transform: transforms.Compose) -> None:
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Return picture and label."""
        picture: Tensor = self.transform(Image.fromarray(self.images[index].numpy()))
        return picture, int(self.labels[index])


class Training:
    """A net in training."""

    def __init__(self, config: TrainConfig, steps: int, *, fused: bool | None = None) -> None:
        self.net = Net(config.model)
        self.optimizer = make_optimizer(self.net, config.optim, fused=fused)
        self.schedule = LambdaLR(self.optimizer, lambda step: lr_factor(config.optim, (step + 0.5) / steps))
        self.loss = nn.CrossEntropyLoss(label_smoothing=config.optim.label_smoothing)
        self.average = make_average(self.net, config.optim.ema_decay) if config.optim.ema_decay else None

    @property
    def evaluated(self) -> nn.Module:
        """The net to evaluate, with averaged weights if there are any."""
        return self.net if self.average is None else self.average

    def loss_of(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of a batch."""
        loss: Tensor = self.loss(self.net(images), labels)
        return loss

    def step(self, images: Tensor, labels: Tensor) -> None:
        """Train on a batch."""
        self.optimizer.zero_grad()
        torch.autograd.backward(self.loss_of(images, labels))
        self.optimizer.step()
        self.schedule.step()
        if self.average is not None:
            self.average.update_parameters(self.net)

    def epoch(self, batches: Batches) -> None:
        """Train on every batch once."""
        self.net.train()
        for images, labels in batches:
            self.step(images, labels)


@torch.no_grad()
def accuracy(net: nn.Module, batches: Batches) -> float:
    """Return the share that is right, 0 to 1."""
    net.eval()
    right = total = 0
    for images, labels in batches:
        right += int((net(images).argmax(1) == labels).sum())
        total += len(labels)
    return right / total


def loaders(data: TrainingSet, config: TrainConfig, workers: int) -> tuple[DataLoader[Any], DataLoader[Any]]:
    """Return the loaders for training and for validation."""
    split = data.split
    everything = np.union1d(split.train, split.validation)
    parts = (everything if config.train_on == "all" else split.train), split.validation
    training = Digits(*_pictures(data, parts[0]), transform(config.augment))
    validation = Digits(*_pictures(data, parts[1]), transform(AugmentConfig()))
    load = partial(DataLoader, num_workers=workers, persistent_workers=workers > 0)
    size, drop = config.optim.batch_size, not config.optim.keep_last_batch
    return load(training, batch_size=size, shuffle=True, drop_last=drop), load(validation, batch_size=EVALUATED)


def transform(augment: AugmentConfig) -> transforms.Compose:
    """Return the transforms of a picture."""
    steps = [transforms.ToTensor(), transforms.Normalize((MEAN,), (DEVIATION,))]
    if augment.distorts:
        shift = augment.translate_pixels / 28
        affine = transforms.RandomAffine(
            augment.rotation_degrees,
            translate=(shift, shift),
            scale=(1 - augment.zoom, 1 + augment.zoom),
            shear=math.degrees(augment.shear_radians),
            interpolation=transforms.InterpolationMode(augment.interpolation),
        )
        steps.insert(0, affine)
    return transforms.Compose(steps)


def make_optimizer(net: nn.Module, optim: OptimConfig, *, fused: bool | None = None) -> torch.optim.Optimizer:
    """Return the optimizer, which decays weights, and neither biases nor batchnorm; `fused` is for torch."""
    if optim.optimizer not in ("adam", "sgd_nesterov"):
        raise ValueError(f"this loop has no {optim.optimizer}")
    adam = optim.optimizer == "adam"
    # Adam's decay is separate from the gradient, as in mnist-bench; SGD's is added to it, and momentum sums it up.
    decay = optim.weight_decay if adam else optim.weight_decay * (1 - optim.momentum)
    groups = [
        {"params": [p for p in net.parameters() if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in net.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]
    if adam:
        betas = (optim.beta1, optim.beta2)
        return torch.optim.AdamW(groups, lr=optim.lr, betas=betas, eps=optim.epsilon, fused=fused)
    return torch.optim.SGD(groups, lr=optim.lr, momentum=optim.momentum, nesterov=True, fused=fused)


def make_average(net: nn.Module, decay: float) -> AveragedModel:
    """Return the exponential moving average of the weights; its first steps count for more."""

    def move(average: Tensor, new: Tensor, steps: Tensor | int) -> Tensor:
        return average + (new - average) * (1 - min(decay, (1 + int(steps)) / (10 + int(steps))))

    return AveragedModel(net, avg_fn=move, use_buffers=True)


def _pictures(data: TrainingSet, indices: Indices) -> tuple[Tensor, Tensor]:
    return torch.tensor(data.images.images[indices]), torch.tensor(data.images.labels[indices])


def measure(config: TrainConfig, images: int, workers: int) -> Mapping[str, Any]:
    """Train an epoch to warm up, then one by the clock, its evaluation included; see `speed.SIDES`."""
    close_test_set()
    torch.manual_seed(0)
    batches, validation = loaders(load_training_set(DataOptions(subset=images)), config, workers)
    training = Training(config, 2 * len(batches))
    for _ in range(2):
        started = time.perf_counter()
        training.epoch(batches)
        found = accuracy(training.evaluated, validation)
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "images": images, "accuracy": found, "precision": "fp32"}
