"""Muon's update of a weight matrix: its momentum, made nearly orthogonal (Jordan et al. 2024).

The sum of many gradients has a few large singular values. An update in which all singular values are about 1 moves the
weights in every direction by the same amount. A Newton-Schulz iteration finds it with products of matrices alone. The
products are float32, in the precision's own kernels; see `numerics.precision.multiplying_in`. The polynomial is that
of github.com/KellerJordan/Muon.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from mnist_bench.numerics.kinds import MUON_ITERATIONS

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
