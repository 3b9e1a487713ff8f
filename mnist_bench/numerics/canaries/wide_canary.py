"""The wide canary: a hash of single layers, of more kinds and shapes than the canary's short training has.

The canary names studies, tables and caches. It overlooked a release of PyTorch in which one kernel gave other bits:
batch normalisation of a number of features that is not a multiple of 16. New studies therefore also store the wide
canary. It runs each kind of layer alone, so that no later rounding hides a deviation, in sizes that fill the
processor's vectors and in sizes that leave a rest.

No list in this module may grow. A new activation or layer in it would change the wide canary of every machine, and no
older study could be resumed. It needs a canary of its own: a further entry of `search.differences.CANARIES`, which only
studies that store it compare.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache, partial
from itertools import product

import torch
from torch import Tensor, nn
from torch.nn import functional

from mnist_bench.numerics.canaries.canary import OPTIMIZERS, draw, fused_optimizer
from mnist_bench.numerics.kinds import Precision
from mnist_bench.numerics.precision import computing_in

BATCHES = (64, 50)
"""Pictures at once: a whole batch, and a smaller last one."""
CONVOLUTIONS = ((10, 1, 3), (16, 1, 5), (16, 10, 5), (48, 16, 3), (76, 24, 3))
"""(maps, input maps, side of the kernel)."""
MAPS = (10, 16, 24, 48)
LINEAR = ((76, 490), (64, 784), (10, 76))
"""(units, features)."""
FEATURES = (10, 64, 76, 100)
SIDE = 7
"""Of the pictures, in pixels: an odd one."""
DTYPES = (torch.float32, torch.bfloat16)
ACTIVATIONS = (functional.relu, torch.sigmoid, torch.tanh, functional.gelu, functional.silu)
"""Those of the first release with a wide canary; a later one of `config.Activation` does not join them, see above."""


@cache
def wide_canary(device: str, precision: Precision) -> str:
    """Return the SHA-256 of the results of layers on noise, forward and backward, on `device`; 0.2 s on a CPU."""
    hashed = hashlib.sha256()
    generator = torch.Generator().manual_seed(1)
    for batch in BATCHES:
        for value in _values(batch, generator, torch.device(device), precision):
            # Half precision has no type of NumPy's; in float32 each of its numbers keeps its value.
            hashed.update(value.detach().float().cpu().contiguous().numpy().data)
    return hashed.hexdigest()


def _values(batch: int, generator: torch.Generator, device: torch.device, precision: Precision) -> Iterator[Tensor]:
    noise = partial(draw, generator=generator, device=device)
    for maps, inputs, side in CONVOLUTIONS:
        pixels, weight = noise((batch, inputs, SIDE, SIDE)), noise((maps, inputs, side, side))
        with computing_in(device, precision):
            found = functional.conv2d(pixels.requires_grad_(), weight.requires_grad_(), padding=side // 2)
        yield from _gradients(found, [pixels, weight], noise)
    for units, features in LINEAR:
        pixels, weight, bias = noise((batch, features)), noise((units, features)), noise((units,))
        with computing_in(device, precision):
            found = functional.linear(pixels.requires_grad_(), weight.requires_grad_(), bias.requires_grad_())
        yield from _gradients(found, [pixels, weight, bias], noise)
    shapes = [*((batch, maps, SIDE, SIDE) for maps in MAPS), *((batch, features) for features in FEATURES)]
    for shape, dtype in product(shapes, DTYPES):
        yield from _elementwise(noise(shape).to(dtype), noise)
    logits = noise((batch, 10)).requires_grad_()
    labels = torch.arange(batch, device=device) % 10
    yield from _gradients(functional.cross_entropy(logits, labels, label_smoothing=0.07), [logits], noise)
    yield functional.cross_entropy(logits.double(), labels, reduction="none")
    yield from _drawn(generator)
    yield from _distorted(noise((batch, 1, 28, 28)), noise)
    yield from _stepped([noise((48, 10, 3, 3)), noise((76,))], noise)


def _elementwise(values: Tensor, noise: partial[Tensor]) -> Iterator[Tensor]:
    """Yield the results of normalisation, activations and, for maps, pooling on values (N, C, H, W) or (N, F)."""
    features = values.shape[1]
    scale, shift = noise((features,)).requires_grad_(), noise((features,)).requires_grad_()
    mean, variance = noise((features,)), noise((features,))
    values.requires_grad_()
    for training in (True, False):
        found = functional.batch_norm(values, mean, variance, scale, shift, training=training)
        yield from _gradients(found, [values, scale, shift], noise)
    yield from (mean, variance)
    for activation in ACTIVATIONS:
        yield from _gradients(activation(values), [values], noise)
    if values.ndim == 4:
        yield from _gradients(functional.max_pool2d(values, 2), [values], noise)


def _gradients(found: Tensor, inputs: list[Tensor], noise: partial[Tensor]) -> Iterator[Tensor]:
    yield found
    yield from torch.autograd.grad(found, inputs, noise(tuple(found.shape)).to(found.dtype))


def _drawn(generator: torch.Generator) -> Iterator[Tensor]:
    """Yield the start of a training: weights, and an order of images."""
    for fill in (nn.init.kaiming_uniform_, nn.init.kaiming_normal_, nn.init.xavier_uniform_, nn.init.orthogonal_):
        yield fill(torch.empty(24, 90), generator=generator)
    yield torch.randperm(1000, generator=generator)


def _distorted(pictures: Tensor, noise: partial[Tensor]) -> Iterator[Tensor]:
    """Yield the pictures moved by a coarse grid, from which bicubic interpolation makes a displacement a pixel."""
    displacements = noise((len(pictures), 2, 4, 4)).sub_(0.5)
    pixels = functional.interpolate(displacements, size=(28, 28), mode="bicubic", align_corners=True)
    weights = noise((28, 4))
    grid = (pixels + weights @ displacements @ weights.T).permute(0, 2, 3, 1)
    yield grid.sin() + grid.cos()
    for padding in ("zeros", "border"):
        yield functional.grid_sample(pictures, grid, padding_mode=padding, align_corners=False)


def _stepped(weights: list[Tensor], noise: partial[Tensor]) -> Iterator[Tensor]:
    """Yield weights after two steps of each optimizer, and their moving average."""
    average = [weight.clone() for weight in weights]
    for name in OPTIMIZERS:
        steps = fused_optimizer(name, weights)
        for _ in range(2):
            for weight, mean in zip(weights, average, strict=True):
                weight.grad = noise(tuple(weight.shape)).sub_(0.5)
                weight.mul_(0.999)
                mean.lerp_(weight, 0.01)
            steps.step()
        yield from weights
    yield from average
