"""The numerics checks: hashes of what this machine computes, by which two machines are known to compute alike.

The *numerics check* is the hash of a short training run, written in PyTorch's own functions. It runs each kind of
kernel that the trainer uses (two sizes of convolution, batchnorm, pooling, dropout, linear layers, resampling, two
optimizers) in the trainer's precision, but none of the trainer's own code. It therefore changes if a machine, a
library or an environment variable leads to other bits, and does not change with the trainer; that is what
`TRAINER_REVISIONS` is for.

The numerics check names studies, tables and caches. It overlooked a release of PyTorch in which one kernel gave other
bits: batch normalisation of a number of features that is not a multiple of 16. New studies therefore also store the
*wide numerics check*. It runs each kind of layer alone, so that no later rounding hides a deviation, in sizes that
fill the processor's vectors and in sizes that leave a rest.

For portable studies the *portable numerics check* takes its place: each operation that a training in portable
precision has is hashed alone, also on memory that begins between two registers, and on denormal numbers, which a
processor may be set to flush to zero. The same bits everywhere may still be wrong everywhere, so each operation is
also compared with float64.

No list in this module may grow. A new activation or layer in it would change the numerics checks of every machine,
and no older study could be resumed. It needs a numerics check of its own: a further entry of
`search.differences.CHECKS`, which only studies that store it compare. The exception is `LATER`, whose operations have
hashes of their own. They belong to settings that are younger than the portable numerics check, and no study stores
their hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import product
from typing import Any, Literal, assert_never

import torch
from torch import Tensor, nn
from torch.nn import functional

from mnist_bench.numerics.kinds import PORTABLE_CHECKS, Precision
from mnist_bench.numerics.operations import SGD, Adam, computing_in, filter_update, normalise
from search import canonical_json
from search.differences import CHECK, WIDE_CHECK

Optimizer = Literal["adam", "sgd"]
OPTIMIZERS: tuple[Optimizer, ...] = ("adam", "sgd")  # of the two runs, in the order in which they are hashed
IMAGES = 256
STEPS = 3  # from the second step on, a deviation in any kernel, forward or backward, reaches all weights
SHAPES = ((24, 1, 5, 5), (32, 24, 3, 3), (64, 1568), (10, 64))
"""Of the weights: two convolutions (maps, input maps, rows, columns) and two linear layers (units, features)."""


@cache
def numerics_check(device: str, precision: Precision) -> str:
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


WIDE_BATCHES = (64, 50)  # pictures at once: a whole batch, and a smaller last one
WIDE_CONVOLUTIONS = ((10, 1, 3), (16, 1, 5), (16, 10, 5), (48, 16, 3), (76, 24, 3))
"""(maps, input maps, side of the kernel)."""
WIDE_MAPS = (10, 16, 24, 48)
WIDE_LINEAR = ((76, 490), (64, 784), (10, 76))  # (units, features)
WIDE_FEATURES = (10, 64, 76, 100)
WIDE_DTYPES = (torch.float32, torch.bfloat16)
WIDE_ACTIVATIONS = (functional.relu, torch.sigmoid, torch.tanh, functional.gelu, functional.silu)
"""Those of the first release with a wide check; a later one of `config.Activation` does not join them, see above."""


@cache
def wide_check(device: str, precision: Precision) -> str:
    """Return the SHA-256 of the results of layers on noise, forward and backward, on `device`; 0.2 s on a CPU."""
    hashed = hashlib.sha256()
    generator = torch.Generator().manual_seed(1)
    for batch in WIDE_BATCHES:
        for value in _layers(batch, generator, torch.device(device), precision):
            # Half precision has no type of NumPy's; in float32 each of its numbers keeps its value.
            hashed.update(value.detach().float().cpu().contiguous().numpy().data)
    return hashed.hexdigest()


def _layers(batch: int, generator: torch.Generator, device: torch.device, precision: Precision) -> Iterator[Tensor]:
    def noise(*shape: int) -> Tensor:
        return draw(shape, generator, device)

    for maps, inputs, side in WIDE_CONVOLUTIONS:
        pixels, weight = noise(batch, inputs, SIDE, SIDE), noise(maps, inputs, side, side)
        with computing_in(device, precision):
            found = functional.conv2d(pixels.requires_grad_(), weight.requires_grad_(), padding=side // 2)
        yield from _with_gradients(found, [pixels, weight], noise)
    for units, features in WIDE_LINEAR:
        pixels, weight, bias = noise(batch, features), noise(units, features), noise(units)
        with computing_in(device, precision):
            found = functional.linear(pixels.requires_grad_(), weight.requires_grad_(), bias.requires_grad_())
        yield from _with_gradients(found, [pixels, weight, bias], noise)
    shapes = [*((batch, maps, SIDE, SIDE) for maps in WIDE_MAPS), *((batch, features) for features in WIDE_FEATURES)]
    for shape, dtype in product(shapes, WIDE_DTYPES):
        yield from _elementwise(noise(*shape).to(dtype), noise)
    logits = noise(batch, 10).requires_grad_()
    labels = torch.arange(batch, device=device) % 10
    yield from _with_gradients(functional.cross_entropy(logits, labels, label_smoothing=0.07), [logits], noise)
    yield functional.cross_entropy(logits.double(), labels, reduction="none")
    yield from _drawn(generator)
    yield from _distorted(noise(batch, 1, 28, 28), noise)
    yield from _stepped([noise(48, 10, 3, 3), noise(76)], noise)


def _elementwise(values: Tensor, noise: Noise) -> Iterator[Tensor]:
    """Yield the results of normalisation, activations and, for maps, pooling on values (N, C, H, W) or (N, F)."""
    features = values.shape[1]
    scale, shift = noise(features).requires_grad_(), noise(features).requires_grad_()
    mean, variance = noise(features), noise(features)
    values.requires_grad_()
    for training in (True, False):
        found = functional.batch_norm(values, mean, variance, scale, shift, training=training)
        yield from _with_gradients(found, [values, scale, shift], noise)
    yield from (mean, variance)
    for activation in WIDE_ACTIVATIONS:
        yield from _with_gradients(activation(values), [values], noise)
    if values.ndim == 4:
        yield from _with_gradients(functional.max_pool2d(values, 2), [values], noise)


def _drawn(generator: torch.Generator) -> Iterator[Tensor]:
    """Yield the start of a training: weights, and an order of images."""
    for fill in (nn.init.kaiming_uniform_, nn.init.kaiming_normal_, nn.init.xavier_uniform_, nn.init.orthogonal_):
        yield fill(torch.empty(24, 90), generator=generator)
    yield torch.randperm(1000, generator=generator)


def _distorted(pictures: Tensor, noise: Noise) -> Iterator[Tensor]:
    """Yield the pictures moved by a coarse grid, from which bicubic interpolation makes a displacement a pixel."""
    displacements = noise(len(pictures), 2, 4, 4).sub_(0.5)
    pixels = functional.interpolate(displacements, size=(28, 28), mode="bicubic", align_corners=True)
    weights = noise(28, 4)
    grid = (pixels + weights @ displacements @ weights.T).permute(0, 2, 3, 1)
    yield grid.sin() + grid.cos()
    for padding in ("zeros", "border"):
        yield functional.grid_sample(pictures, grid, padding_mode=padding, align_corners=False)


def _stepped(weights: list[Tensor], noise: Noise) -> Iterator[Tensor]:
    """Yield weights after two steps of each optimizer, and their moving average."""
    average = [weight.clone() for weight in weights]
    for name in OPTIMIZERS:
        steps = fused_optimizer(name, weights)
        for _ in range(2):
            for weight, mean in zip(weights, average, strict=True):
                weight.grad = noise(*weight.shape).sub_(0.5)
                weight.mul_(0.999)
                mean.lerp_(weight, 0.01)
            steps.step()
        yield from weights
    yield from average


CPU = torch.device("cpu")
PORTABLE_BATCHES = (64, 50, 1)  # images at once: a whole batch, a smaller last one, and a single image
PORTABLE_CONVOLUTIONS = ((10, 1, 3), (16, 1, 5), (16, 10, 5), (48, 16, 3), (76, 24, 3), (24, 12, 1), (8, 3, 7))
"""(maps, input maps, side of the kernel)."""
PORTABLE_LINEAR = ((76, 490), (64, 784), (10, 76), (300, 33))  # (units, features)
PORTABLE_FEATURES = (10, 16, 76)
SIDE = 7  # of the images, in pixels: an odd one
PORTABLE_ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "gelu": functional.gelu,
    "silu": functional.silu,
}
PADDINGS = ("zeros", "border")  # what is read outside an image
TINY = 2.0**-130  # numbers from 0 to 1 times this are denormal in float32
TOLERANCE = 1e-3
"""Largest deviation from float64, as a share of the largest value: the gradient of batch normalisation, in which large
numbers cancel, has 2e-4."""
UNALIGNED = 1  # floats by which memory begins after the start of a register

Noise = Callable[..., Tensor]  # returns numbers from 0 to 1 of a shape; `tiny` makes them denormal
Operation = Callable[[Noise], Iterator[Tensor]]


@cache
def portable_check() -> str:
    """Return the SHA-256 of what each operation makes of noise, in this process; 1 s."""
    return canonical_json.sha256(_hashes(OPERATIONS))


def later_hashes() -> Mapping[str, str]:
    """Return the SHA-256 of what each operation of `LATER` makes of noise, by its name."""
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
    return (numerics[CHECK], numerics[WIDE_CHECK]) == PORTABLE_CHECKS


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
    return images.requires_grad_(), weight.requires_grad_(), bias.requires_grad_()


def _with_gradients(found: Tensor, inputs: Sequence[Tensor], noise: Noise) -> Iterator[Tensor]:
    yield found
    yield from torch.autograd.grad(found, inputs, noise(*found.shape).to(found.dtype))


def _convolutions(noise: Noise) -> Iterator[Tensor]:
    for batch in PORTABLE_BATCHES:
        for maps, inputs, side in PORTABLE_CONVOLUTIONS:
            images, weight = noise(batch, inputs, SIDE, SIDE), noise(maps, inputs, side, side)
            parts = images, weight, bias = _varied(images, weight, noise(maps))
            yield from _with_gradients(functional.conv2d(images, weight, bias, padding=side // 2), parts, noise)


def _linear_layers(noise: Noise) -> Iterator[Tensor]:
    for batch in PORTABLE_BATCHES:
        for units, features in PORTABLE_LINEAR:
            parts = images, weight, bias = _varied(noise(batch, features), noise(units, features), noise(units))
            yield from _with_gradients(functional.linear(images, weight, bias), parts, noise)


def _normalisation(noise: Noise) -> Iterator[Tensor]:
    for batch in PORTABLE_BATCHES[:2]:
        for shape in ((batch, features, *sides) for features in PORTABLE_FEATURES for sides in ((), (SIDE, SIDE))):
            mean, variance = noise(shape[1]), noise(shape[1])
            for training in (True, False):
                parts = images, scale, shift = _varied(noise(*shape), noise(shape[1]), noise(shape[1]))
                found = functional.batch_norm(images, mean, variance, scale, shift, training=training)
                yield from _with_gradients(found, parts, noise)
            yield from (mean, variance)


def _activation(function: Callable[[Tensor], Tensor], noise: Noise) -> Iterator[Tensor]:
    for shape in ((50, 10, SIDE, SIDE), (50, 76)):
        for span, shift in ((1, 0.5), (20, 10)):
            values = noise(*shape).mul_(span).sub_(shift).requires_grad_()
            yield from _with_gradients(function(values), [values], noise)


def _pooling(noise: Noise) -> Iterator[Tensor]:
    for side in (SIDE, 8):
        images = noise(50, 10, side, side).requires_grad_()
        yield from _with_gradients(functional.max_pool2d(images, 2), [images], noise)
        yield from _with_gradients(functional.max_pool2d(images.permute(0, 3, 1, 2), 2), [images], noise)


def _dropout(noise: Noise) -> Iterator[Tensor]:
    images = noise(50, 10, SIDE, SIDE)
    yield images * (noise(50, 10, 1, 1) >= 0.3).to(images.dtype).div_(1 - 0.3)


def _losses(noise: Noise) -> Iterator[Tensor]:
    for batch in PORTABLE_BATCHES:
        logits = noise(batch, 10).mul_(30).requires_grad_()
        labels = torch.arange(batch) % 10
        for smoothing in (0.0, 0.07):
            yield from _with_gradients(
                functional.cross_entropy(logits, labels, label_smoothing=smoothing), [logits], noise
            )
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
        yield filter_update(noise(*shape).sub_(0.5), buffer, 0.85)
        yield filter_update(noise(*shape, tiny=True), torch.zeros_like(buffer), 0.85)
        normalise(weight)
        yield from (buffer, weight)


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
    **{name: partial(_activation, function) for name, function in PORTABLE_ACTIVATIONS.items()},
    "pooling": _pooling,
    "dropout": _dropout,
    "losses": _losses,
    "augmentation": _augmentation,
    "nearest pixels": _nearest_pixels,
    "optimizers": _optimizers,
    "initialisation": _initialisation,
    "denormal numbers": _denormals,
}
LATER: Mapping[str, Operation] = {"muon": _muon}  # operations of later settings
PORTABLE_LATER: Mapping[str, str] = {"muon": "c5a0943537522c4b9a4563ccfb64edd463e1d8eb5b09f9d447dd85ab3708df76"}
"""Their hashes, which are the same on every machine."""
