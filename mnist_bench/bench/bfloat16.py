"""Whether bfloat16 is faster than float32 on this machine's cores."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from time import perf_counter

import torch
from torch.nn import functional

BATCH, MAPS, PICTURE, KERNEL = 128, (32, 64), 14, 3
REPEATS, TURNS = 8, 3


def bf16_over_fp32(device: torch.device) -> float:
    """Return how many times as long a convolution takes in bfloat16 as in float32 on a CPU; it takes about a second.

    The fastest of several turns counts, since other work on the machine only adds time.
    """
    works = {dtype: _convolution(device, dtype) for dtype in (torch.float32, torch.bfloat16)}
    seconds = dict.fromkeys(works, inf)
    for _ in range(TURNS):
        for dtype, work in works.items():
            started = perf_counter()
            work()
            seconds[dtype] = min(seconds[dtype], perf_counter() - started)
    return seconds[torch.bfloat16] / seconds[torch.float32]


def slow_bf16(ratio: float) -> str:
    """Return the warning that bfloat16 takes `ratio` times as long as float32, above 1."""
    return (
        f"bfloat16 is SLOWER than float32 here: a convolution takes {ratio:.1f} times as long, with PyTorch "
        f"{torch.__version__}."
    )


def _convolution(device: torch.device, dtype: torch.dtype) -> Callable[[], None]:
    """Return a 3x3 convolution of 32 to 64 feature maps of 14x14, forward and backward, channels last, repeated."""
    generator = torch.Generator().manual_seed(0)
    pixels, weights, gradient = (
        torch.rand(shape, generator=generator).sub_(0.5).to(device, dtype).to(memory_format=torch.channels_last)
        for shape in (
            (BATCH, MAPS[0], PICTURE, PICTURE),
            (MAPS[1], MAPS[0], KERNEL, KERNEL),
            (BATCH, MAPS[1], PICTURE, PICTURE),
        )
    )

    def work() -> None:
        for _ in range(REPEATS):
            found = functional.conv2d(pixels, weights, padding=KERNEL // 2)
            torch.autograd.grad(found, (pixels, weights), gradient)

    pixels.requires_grad_()
    weights.requires_grad_()
    return work
