"""Sums whose order of additions is part of this code, so that their bits do not depend on the machine.

A kernel of PyTorch's adds in an order that suits the processor and the compiler. Here each addition is an elementwise
operation of two tensors in float32. IEEE 754 defines its result, so no numerics check has to compare it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def pairwise_sum(values: Tensor) -> Tensor:
    """Return the sum of float32 values (K, ...) over the first axis: (...); K is 1 at least.

    The second half is added to the first, element by element, until one row remains (Higham 1993, pairwise summation).
    With an odd number of rows, the middle one waits for the next round.
    """
    while (rows := len(values)) > 1:
        half = rows // 2
        added = values[:half] + values[rows - half :]
        values = torch.cat([added, values[half : rows - half]]) if rows % 2 else added
    return values[0]


def mean_of_pixels(maps: Tensor) -> Tensor:
    """Return the mean of each map, in float32: from (N, C, H, W) to (N, C, 1, 1)."""
    means: Tensor = _PixelMean.apply(maps)  # type: ignore[no-untyped-call]
    return means


class _PixelMean(torch.autograd.Function):
    """The mean over the pixels of each map, and its gradient."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor) -> Tensor:
        """From (N, C, H, W) to (N, C, 1, 1) in float32."""
        ctx.form = maps.shape, maps.dtype
        pixels = maps.float().permute(2, 3, 0, 1).flatten(0, 1)  # (H W, N, C)
        means: Tensor = (pairwise_sum(pixels) / len(pixels))[:, :, None, None]
        return means

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """From (N, C, 1, 1) to (N, C, H, W): an equal share for each pixel, channels-last, in the type of the maps."""
        shape, dtype = ctx.form
        share: Tensor = (gradient / (shape[2] * shape[3])).to(dtype)
        return share.expand(shape).contiguous(memory_format=torch.channels_last)


def separable_kernel(each: Tensor, mixing: Tensor) -> Tensor:
    """Return the kernel of one convolution that does what two do: one kernel for each map, then a 1x1 convolution.

    From `each` (C, 1, K, K) and `mixing` (M, C, 1, 1), both float32, to (M, C, K, K), channels-last.
    """
    kernel: Tensor = _SeparableKernel.apply(each, mixing)  # type: ignore[no-untyped-call]
    return kernel


class _SeparableKernel(torch.autograd.Function):
    """The product of the kernels of a separable convolution, and its gradients."""

    @staticmethod
    def forward(ctx: Any, each: Tensor, mixing: Tensor) -> Tensor:
        """From (C, 1, K, K) and (M, C, 1, 1) to (M, C, K, K)."""
        ctx.save_for_backward(each, mixing)
        return (mixing * each.transpose(0, 1)).contiguous(memory_format=torch.channels_last)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """From (M, C, K, K) to (C, 1, K, K) and (M, C, 1, 1)."""
        each, mixing = ctx.saved_tensors
        of_each = pairwise_sum(gradient * mixing)[:, None]
        of_mixing = pairwise_sum((gradient * each.transpose(0, 1)).permute(2, 3, 0, 1).flatten(0, 1))
        return of_each, of_mixing[:, :, None, None]
