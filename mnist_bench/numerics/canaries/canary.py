"""The canary: the hash of a short training run, written in PyTorch's own functions.

It runs each kind of kernel that the trainer uses (two sizes of convolution, batchnorm, pooling, dropout, linear layers,
resampling, two optimizers) in the trainer's precision, but none of the trainer's own code. It therefore changes if a
machine, a library or an environment variable leads to other bits, and does not change with the trainer; that is what
`TRAINER_REVISIONS` is for.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Literal, assert_never

import torch
from torch import Tensor
from torch.nn import functional

from mnist_bench.numerics.kinds import Precision
from mnist_bench.numerics.optimizers import SGD, Adam
from mnist_bench.numerics.precision import computing_in

Optimizer = Literal["adam", "sgd"]
OPTIMIZERS: tuple[Optimizer, ...] = ("adam", "sgd")
"""Of the two runs, in the order in which they are hashed."""
IMAGES = 256
STEPS = 3
"""From the second step on, a deviation in any kernel, forward or backward, reaches all weights."""
SHAPES = ((24, 1, 5, 5), (32, 24, 3, 3), (64, 1568), (10, 64))
"""Of the weights: two convolutions (maps, input maps, rows, columns) and two linear layers (units, features)."""


@cache
def canary(device: str, precision: Precision) -> str:
    """Return the SHA-256 of the weights after two short training runs on noise, on `device`; 0.2 s on a CPU.

    On a GPU it includes the number of multiprocessors, because cuBLAS promises equal bits for equal numbers of them
    alone. Sums as short as these would not distinguish a part of a card from the whole card.
    """
    hashed = hashlib.sha256()
    if count := multiprocessors(torch.device(device)):
        hashed.update(str(count).encode())
    for optimizer in OPTIMIZERS:
        generator = torch.Generator().manual_seed(0)
        for value in _train(optimizer, generator, torch.device(device), precision):
            hashed.update(value.detach().cpu().contiguous().numpy().data)
    return hashed.hexdigest()


def multiprocessors(device: torch.device) -> int | None:
    """Return how many multiprocessors of a GPU there are to use; None on a CPU."""
    if device.type != "cuda":
        return None
    return int(torch.cuda.get_device_properties(device).multi_processor_count)


def _train(
    optimizer: Optimizer, generator: torch.Generator, device: torch.device, precision: Precision
) -> list[Tensor]:
    weights = [draw(shape, generator, device).sub_(0.5).mul_(0.2).requires_grad_() for shape in SHAPES]
    statistics = [torch.zeros(32, device=device), torch.ones(32, device=device)]
    steps = fused_optimizer(optimizer, weights)
    pixels = draw((IMAGES, 1, 28, 28), generator, device)
    labels = torch.arange(IMAGES, device=device) % 10
    for _ in range(STEPS):
        # The augmentation's kernel: each pixel is read at a random place, -1 to 1.
        grid = draw((IMAGES, 28, 28, 2), generator, device).mul_(2).sub_(1)
        resampled = functional.grid_sample(pixels, grid, align_corners=False)
        mask = draw((IMAGES, 64), generator, device) < 0.5
        with computing_in(device, precision):
            hidden = _hidden(resampled, weights, statistics) * mask
        # Logits in float32, as in the trainer (nets/modules.py).
        loss = functional.cross_entropy(functional.linear(hidden.float(), weights[3]), labels, label_smoothing=0.1)
        steps.zero_grad()
        torch.autograd.backward(loss)
        steps.step()
    return [*weights, *statistics]


def _hidden(pixels: Tensor, weights: list[Tensor], statistics: list[Tensor]) -> Tensor:
    values = functional.relu(functional.max_pool2d(functional.conv2d(pixels, weights[0], padding=2), 2))
    values = functional.conv2d(values, weights[1], padding=1)
    values = functional.batch_norm(values, statistics[0], statistics[1], training=True)
    values = functional.gelu(functional.max_pool2d(values, 2))
    return functional.relu(functional.linear(values.flatten(1), weights[2]))


def fused_optimizer(name: Optimizer, weights: list[Tensor]) -> torch.optim.Optimizer:
    """Return an optimizer of this kind, fused as in the trainer: the other implementations are other kernels."""
    match name:
        case "adam":
            return Adam(weights, lr=0.01, fused=True)
        case "sgd":
            return SGD(weights, lr=0.01, momentum=0.9, nesterov=True, fused=True)
        case _:
            assert_never(name)


def draw(shape: tuple[int, ...], generator: torch.Generator, device: torch.device) -> Tensor:
    """Return uniform numbers, 0..1; four axes are laid out channels-last, as in the trainer.

    They are drawn on the CPU even for a GPU, so that all devices compute with the same numbers.
    """
    drawn = torch.rand(shape, generator=generator).to(device)
    return drawn.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else drawn
