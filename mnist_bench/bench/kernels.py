"""The rate at which a machine computes the layers of nets: how fast a perfect trainer could be."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from time import perf_counter
from typing import Literal, assert_never

import torch
from torch import Tensor
from torch.nn import functional

from mnist_bench.numerics.kinds import Precision

Kernel = Literal["matrix product", "convolution"]
PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16")
SIDE = {"cpu": 1024, "cuda": 8192}
"""Rows and columns of the matrices."""
BATCH = {"cpu": 128, "cuda": 2048}
"""Pictures that the convolution runs over; few would not fill a GPU."""
REPEATS = {"cpu": 8, "cuda": 50}
"""Times that a kernel runs in one measurement."""
MAPS = (32, 64)
KERNEL = 3
PICTURE = 14
TURNS = 3
FORWARD_AND_BACKWARD = 3
"""The backward pass computes a gradient of the inputs and one of the weights, each as dear as the forward pass."""


def matrix_product(device: torch.device, precision: Precision) -> Callable[[], object]:
    """Return the product of two square matrices, repeated."""
    side, times = SIDE[device.type], REPEATS[device.type]
    left, right = (_noise((side, side), device, precision) for _ in range(2))
    return lambda: [left @ right for _ in range(times)]


def convolution(device: torch.device, precision: Precision) -> Callable[[], object]:
    """Return a 3x3 convolution of 32 to 64 feature maps of 14x14, forward and backward, channels last, repeated."""
    pixels, weights, gradient = (
        _noise(shape, device, precision).to(memory_format=torch.channels_last)
        for shape in (
            (BATCH[device.type], MAPS[0], PICTURE, PICTURE),
            (MAPS[1], MAPS[0], KERNEL, KERNEL),
            (BATCH[device.type], MAPS[1], PICTURE, PICTURE),
        )
    )

    def work() -> None:
        for _ in range(REPEATS[device.type]):
            found = functional.conv2d(pixels, weights, padding=KERNEL // 2)
            torch.autograd.grad(found, (pixels, weights), gradient)

    pixels.requires_grad_()
    weights.requires_grad_()
    return work


KERNELS: dict[Kernel, Callable[[torch.device, Precision], Callable[[], object]]] = {
    "matrix product": matrix_product,
    "convolution": convolution,
}


def operations(kernel: Kernel, device_type: str) -> int:
    """Return the floating-point operations of one measurement, two for a multiply-accumulate."""
    match kernel:
        case "matrix product":
            return REPEATS[device_type] * 2 * SIDE[device_type] ** 3
        case "convolution":
            once = 2 * BATCH[device_type] * PICTURE**2 * MAPS[0] * MAPS[1] * KERNEL**2
            return REPEATS[device_type] * FORWARD_AND_BACKWARD * once
        case _:
            assert_never(kernel)


def bf16_over_fp32(device: torch.device) -> float:
    """Return how many times as long the convolution takes in bfloat16 as in float32 on a CPU; it takes about a second.

    The fastest of several turns counts, since other work on the machine only adds time.
    """
    works = {precision: convolution(device, precision) for precision in PRECISIONS}
    seconds = dict.fromkeys(PRECISIONS, inf)
    for _ in range(TURNS):
        for precision, work in works.items():
            started = perf_counter()
            work()
            seconds[precision] = min(seconds[precision], perf_counter() - started)
    return seconds["bf16"] / seconds["fp32"]


def slow_bf16(ratio: float) -> str:
    """Return the warning that bfloat16 takes `ratio` times as long as float32, above 1."""
    return (
        f"bfloat16 is SLOWER than float32 here: a convolution takes {ratio:.1f} times as long, with PyTorch "
        f"{torch.__version__}."
    )


def floor_seconds(macs: int, images: int, gflops: float) -> float:
    """Return how long training on `images` takes if nothing but multiply-accumulates costs time.

    Args:
        macs: multiply-accumulates of an image, forward.
        images: how many, each forward and backward.
        gflops: the machine's rate, 10^9 operations a second.
    """
    return 2 * FORWARD_AND_BACKWARD * macs * images / (gflops * 1e9)


def _noise(shape: tuple[int, ...], device: torch.device, precision: Precision) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(shape, generator=generator).sub_(0.5).to(device, _dtype(precision))


def _dtype(precision: Precision) -> torch.dtype:
    match precision:
        case "fp32" | "portable":
            return torch.float32
        case "bf16":
            return torch.bfloat16
        case _:
            assert_never(precision)
