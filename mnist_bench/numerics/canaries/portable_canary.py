"""The portable canary: a hash of each kind of operation that a training in portable precision has.

For portable studies it takes the place of the wide canary. Each operation is hashed alone, so that no later rounding
hides a deviation: in sizes that fill the processor's registers and in sizes that leave a rest, on memory that begins
between two registers, and on denormal numbers, which a processor may be set to flush to zero. The same bits everywhere
may still be wrong everywhere, so each operation is also compared with float64.

No list in this module may grow, as in `numerics.canaries.wide_canary`: another hash would end every portable study.
The exception is `LATER`, whose operations have hashes of their own. They belong to settings that are younger than the
portable canary, and no study stores their hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mnist_bench.numerics import muon
from mnist_bench.numerics.canaries.canary import OPTIMIZERS, fused_optimizer
from mnist_bench.numerics.kinds import PORTABLE_CANARY
from mnist_bench.numerics.precision import computing_in
from search import canonical_json
from search.differences import CHECK, WIDE_CHECK

CPU = torch.device("cpu")
BATCHES = (64, 50, 1)
"""Images at once: a whole batch, a smaller last one, and a single image."""
CONVOLUTIONS = ((10, 1, 3), (16, 1, 5), (16, 10, 5), (48, 16, 3), (76, 24, 3), (24, 12, 1), (8, 3, 7))
"""(maps, input maps, side of the kernel)."""
LINEAR = ((76, 490), (64, 784), (10, 76), (300, 33))
"""(units, features)."""
FEATURES = (10, 16, 76)
SIDE = 7
"""Of the images, in pixels: an odd one."""
ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "gelu": functional.gelu,
    "silu": functional.silu,
}
PADDINGS = ("zeros", "border")
"""What is read outside an image."""
TINY = 2.0**-130
"""Numbers from 0 to 1 times this are denormal in float32."""
TOLERANCE = 1e-3
"""Largest deviation from float64, as a share of the largest value: the gradient of batch normalisation, in which large
numbers cancel, has 2e-4."""
UNALIGNED = 1
"""Floats by which memory begins after the start of a register."""

Noise = Callable[..., Tensor]
"""Returns numbers from 0 to 1 of a shape; `tiny` makes them denormal."""
Operation = Callable[[Noise], Iterator[Tensor]]


@cache
def portable_canary() -> str:
    """Return the SHA-256 of what each operation makes of noise, in this process; 1 s.

    Raises:
        DeviceError: this process computes no portable bits.
    """
    return canonical_json.sha256(_hashes(OPERATIONS))


def later_hashes() -> Mapping[str, str]:
    """Return the SHA-256 of what each operation of `LATER` makes of noise, by its name.

    Raises:
        DeviceError: this process computes no portable bits.
    """
    return _hashes(LATER)


def _hashes(operations: Mapping[str, Operation]) -> dict[str, str]:
    found = {}
    for name, operation in operations.items():
        hashed = hashlib.sha256()
        for value in _results(operation, torch.float32):
            hashed.update(value.detach().contiguous().numpy().data)
        found[name] = hashed.hexdigest()
    return found


def is_as_published(numerics: Mapping[str, Any]) -> bool:
    """Return whether a process with these numerics computes the bits that other machines compute."""
    return (numerics[CHECK], numerics[WIDE_CHECK]) == PORTABLE_CANARY


def deviations() -> Mapping[str, float]:
    """Return by how much each operation deviates from float64, as a share of its largest value.

    Without the nearest pixels: between two pixels, the last bit of a place decides which one is read.
    """
    return {
        name: max(
            _deviation(one, other)
            for one, other in zip(_results(operation, torch.float32), _results(operation, torch.float64), strict=True)
        )
        for name, operation in {**OPERATIONS, **LATER}.items()
        if operation is not _nearest_pixels
    }


def _deviation(found: Tensor, exact: Tensor) -> float:
    difference = (found.detach().double() - exact.detach().double()).abs().max()
    return float(difference / exact.detach().double().abs().max().clamp_min(torch.finfo(torch.float32).tiny))


def _results(operation: Operation, dtype: torch.dtype) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(2)

    def noise(*shape: int, tiny: bool = False) -> Tensor:
        drawn = torch.rand(shape, generator=generator) * (TINY if tiny else 1)
        room = torch.empty(drawn.numel() + UNALIGNED, dtype=dtype)[UNALIGNED:].view(shape).copy_(drawn)
        return room.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else room

    with computing_in(CPU, "portable"):
        yield from operation(noise)


def _varied(images: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the tensors, for which gradients are computed."""
    return images.requires_grad_(), weight.requires_grad_(), bias.requires_grad_()


def _gradients(found: Tensor, inputs: Sequence[Tensor], noise: Noise) -> Iterator[Tensor]:
    yield found
    yield from torch.autograd.grad(found, inputs, noise(*found.shape))


def _convolutions(noise: Noise) -> Iterator[Tensor]:
    for batch in BATCHES:
        for maps, inputs, side in CONVOLUTIONS:
            images, weight = noise(batch, inputs, SIDE, SIDE), noise(maps, inputs, side, side)
            parts = images, weight, bias = _varied(images, weight, noise(maps))
            yield from _gradients(functional.conv2d(images, weight, bias, padding=side // 2), parts, noise)


def _linear_layers(noise: Noise) -> Iterator[Tensor]:
    for batch in BATCHES:
        for units, features in LINEAR:
            parts = images, weight, bias = _varied(noise(batch, features), noise(units, features), noise(units))
            yield from _gradients(functional.linear(images, weight, bias), parts, noise)


def _normalisation(noise: Noise) -> Iterator[Tensor]:
    for batch in BATCHES[:2]:
        for shape in ((batch, features, *sides) for features in FEATURES for sides in ((), (SIDE, SIDE))):
            mean, variance = noise(shape[1]), noise(shape[1])
            for training in (True, False):
                parts = images, scale, shift = _varied(noise(*shape), noise(shape[1]), noise(shape[1]))
                found = functional.batch_norm(images, mean, variance, scale, shift, training=training)
                yield from _gradients(found, parts, noise)
            yield from (mean, variance)


def _activation(function: Callable[[Tensor], Tensor], noise: Noise) -> Iterator[Tensor]:
    for shape in ((50, 10, SIDE, SIDE), (50, 76)):
        for span, shift in ((1, 0.5), (20, 10)):
            values = noise(*shape).mul_(span).sub_(shift).requires_grad_()
            yield from _gradients(function(values), [values], noise)


def _pooling(noise: Noise) -> Iterator[Tensor]:
    for side in (SIDE, 8):
        images = noise(50, 10, side, side).requires_grad_()
        yield from _gradients(functional.max_pool2d(images, 2), [images], noise)
        yield from _gradients(functional.max_pool2d(images.permute(0, 3, 1, 2), 2), [images], noise)


def _dropout(noise: Noise) -> Iterator[Tensor]:
    images = noise(50, 10, SIDE, SIDE)
    yield images * (noise(50, 10, 1, 1) >= 0.3).to(images.dtype).div_(1 - 0.3)


def _losses(noise: Noise) -> Iterator[Tensor]:
    for batch in BATCHES:
        logits = noise(batch, 10).mul_(30).requires_grad_()
        labels = torch.arange(batch) % 10
        for smoothing in (0.0, 0.07):
            yield from _gradients(functional.cross_entropy(logits, labels, label_smoothing=smoothing), [logits], noise)
        losses = functional.cross_entropy(logits.double(), labels, reduction="none")
        yield from (losses, losses.mean(), functional.cross_entropy(logits, labels, reduction="none"))


def _augmentation(noise: Noise) -> Iterator[Tensor]:
    images = noise(50, 1, 28, 28)
    angles = noise(50).sub_(0.5)
    yield from (angles.sin(), angles.cos())
    coarse = noise(50, 2, 4, 4).sub_(0.5)
    weights = functional.interpolate(coarse[:1, :1], size=(28, 1), mode="bicubic", align_corners=True)[0, 0]
    field = noise(28, 4) @ coarse @ noise(4, 28)
    grid = field.permute(0, 2, 3, 1).clamp(-1.2, 1.2)
    yield from (weights, field)
    for padding in PADDINGS:
        yield functional.grid_sample(images, grid, padding_mode=padding, align_corners=False)


def _nearest_pixels(noise: Noise) -> Iterator[Tensor]:
    images, grid = noise(50, 1, 28, 28), noise(50, 28, 28, 2).mul_(2.4).sub_(1.2)
    for padding in PADDINGS:
        yield functional.grid_sample(images, grid, mode="nearest", padding_mode=padding, align_corners=False)


def _optimizers(noise: Noise) -> Iterator[Tensor]:
    weights = [noise(48, 10, 3, 3), noise(76), noise(10, 33)]
    average = [weight.clone() for weight in weights]
    for name in OPTIMIZERS:
        steps = fused_optimizer(name, weights)
        for tiny in (False, True):
            for weight, mean in zip(weights, average, strict=True):
                weight.grad = noise(*weight.shape, tiny=tiny)
                weight.mul_(0.999)
                mean.lerp_(weight, 0.01)
            steps.step()
        yield from weights
    yield from average


def _initialisation(noise: Noise) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(3)
    dtype = noise(1).dtype
    for fill in (
        nn.init.kaiming_uniform_, nn.init.kaiming_normal_, nn.init.xavier_uniform_, nn.init.xavier_normal_,
        nn.init.orthogonal_,
    ):  # fmt: skip
        for shape in ((24, 90), (10, 3)):
            yield fill(torch.empty(shape), generator=generator).to(dtype)
    yield torch.randperm(1000, generator=generator).to(dtype)
    yield torch.rand(1000, generator=generator).topk(100).indices.to(dtype)


def _muon(noise: Noise) -> Iterator[Tensor]:
    for shape in ((48, 10, 3, 3), (76, 490), (300, 33), (10, 1, 5, 5)):
        weight, buffer = noise(*shape).sub_(0.5), noise(*shape).sub_(0.5)
        yield muon.filter_update(noise(*shape).sub_(0.5), buffer, 0.85)
        yield muon.filter_update(noise(*shape, tiny=True), torch.zeros_like(buffer), 0.85)
        muon.normalise(weight)
        yield from (buffer, weight)


def _look_ahead(noise: Noise) -> Iterator[Tensor]:
    for shape in ((48, 10, 3, 3), (76,), (10, 33)):
        slow, weight = noise(*shape), noise(*shape)
        for share in (1.0, 0.7, 0.3, 0.0):
            slow.lerp_(weight, share)
            yield slow.clone()
            yield weight.mul_(0.9).lerp_(slow, 1.0).clone()


def _denormals(noise: Noise) -> Iterator[Tensor]:
    images, weight = noise(50, 10, SIDE, SIDE, tiny=True), noise(16, 10, 3, 3)
    yield functional.conv2d(images, weight, padding=1)
    features = noise(50, 76, tiny=True)
    yield functional.linear(features, noise(10, 76))
    yield from (features * 0.5, functional.relu(features), features.sum(0))


OPERATIONS: Mapping[str, Operation] = {
    "convolutions": _convolutions,
    "linear layers": _linear_layers,
    "batch normalisation": _normalisation,
    **{name: partial(_activation, function) for name, function in ACTIVATIONS.items()},
    "pooling": _pooling,
    "dropout": _dropout,
    "losses": _losses,
    "augmentation": _augmentation,
    "nearest pixels": _nearest_pixels,
    "optimizers": _optimizers,
    "initialisation": _initialisation,
    "denormal numbers": _denormals,
}
LATER: Mapping[str, Operation] = {"muon": _muon, "look-ahead": _look_ahead}
"""Operations of later settings; a new one joins this list, and its hash `PORTABLE_LATER`."""
