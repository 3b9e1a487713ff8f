"""What training computes in an order of its own, so that its bits do not depend on the machine or on earlier work.

A kernel of PyTorch's adds in an order that suits the processor and the compiler. In the sums here each addition is an
elementwise operation of two tensors in float32. IEEE 754 defines its result, so no numerics check has to compare it.

Muon's update of a weight matrix is its momentum, made nearly orthogonal (Jordan et al. 2024). The sum of many gradients
has a few large singular values. An update in which all singular values are about 1 moves the weights in every direction
by the same amount. A Newton-Schulz iteration finds it with products of matrices alone. The products are float32, in the
precision's own kernels; see `precision.multiplying_in`. The polynomial is that of github.com/KellerJordan/Muon.
"""

from __future__ import annotations

import inspect
import math
from typing import Any, TypeVar, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.optim import Optimizer

from mnist_bench.numerics.kinds import MUON_ITERATIONS
from search.hashed import Name, Purpose, derived_seed


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


COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of x, x³ and x⁵ in the polynomial that an iteration applies to each singular value x (Jordan et al. 2024)."""
TINY = 1e-14
"""Added to a sum of squares, so that zero stays zero."""


def orthogonalised(matrix: Tensor) -> Tensor:
    """Return the matrix (F, W), at least float32, of the singular vectors of `matrix` (F, W), with values near 1.

    Large singular values become 0.7 to 1.2, small ones less; zero stays zero.
    """
    values = matrix.to(torch.promote_types(matrix.dtype, torch.float32))
    values = values * _inverse_norm(values)
    if is_tall := values.shape[0] > values.shape[1]:
        values = values.t()  # the products with itself are then as small as they can be
    linear, cubic, quintic = COEFFICIENTS
    for _ in range(MUON_ITERATIONS):
        # functional.linear(a, b) is a times the transpose of b; it is the product that portable precision replaces.
        square = functional.linear(values, values)
        factor = square.mul(cubic).add_(functional.linear(square, square), alpha=quintic)
        values = functional.linear(factor, values.t()).add_(values, alpha=linear)
    return values.t() if is_tall else values


@torch.no_grad()
def filter_update(gradient: Tensor, buffer: Tensor, momentum: float) -> Tensor:
    """Move the momentum `buffer` (F, ...) by a weight's gradient (F, ...); return the weight's update (F, ...).

    The update is the orthogonalised Nesterov momentum, for a learning rate of 1.
    """
    buffer.mul_(momentum).add_(gradient)
    ahead = gradient.add(buffer, alpha=momentum)
    return orthogonalised(ahead.flatten(1)).reshape(gradient.shape)


@torch.no_grad()
def normalise(weight: Tensor) -> None:
    """Rescale a weight (F, ...), so that its norm is the square root of its number F of filters."""
    weight.mul_(_inverse_norm(weight).mul_(math.sqrt(len(weight))))


def _inverse_norm(values: Tensor) -> Tensor:
    """Return one divided by the norm of values, a scalar on the device."""
    # Not torch.sqrt and not torch.norm: `rsqrt` divides one by the processor's own square root, rounded correctly.
    return values.square().sum().add_(TINY).rsqrt_()


T = TypeVar("T", bound=Optimizer)


def _unwrapped(kind: type[T]) -> type[T]:
    """Return an optimizer of PyTorch's without the wrappers that `torch.compile` needs.

    They import PyTorch's compiler when they are first called. That took 0.9 s in each process that trains (PyTorch
    2.13, a core of an EPYC, Zen 4), and nothing here is compiled. The functions that they wrap are called unchanged, so
    the bits are the same.
    """
    plain = {name: inspect.unwrap(getattr(kind, name)) for name in ("add_param_group", "zero_grad")}
    step = torch.no_grad()(inspect.unwrap(kind.step))
    return cast(type[T], type(kind.__name__, (kind,), {**plain, "step": step}))


Adam = _unwrapped(torch.optim.Adam)
SGD = _unwrapped(torch.optim.SGD)


def seeded(seed: int, *purpose: int | Purpose | Name, device: str = "cpu") -> torch.Generator:
    """Return a generator whose stream depends on the seed and the purpose alone, so that a draw for one purpose never
    changes those for another."""
    return torch.Generator(device).manual_seed(derived_seed(seed, *purpose))
