"""Sums in a fixed order: their bits against NumPy's additions, their values and gradients against PyTorch's.

NumPy's additions of two arrays are IEEE's on every machine, so these tests compare the bits of each machine that runs
them.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, strategies
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mnist_bench.numerics.operations import mean_of_pixels, pairwise_sum, separable_kernel


def noise(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(sum(shape))).sub_(0.5)


def summed(values: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the sum of arrays as `pairwise_sum` is described."""
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    added = [values[place] + values[len(values) - half + place] for place in range(half)]
    return summed([*added, *values[half : len(values) - half]])


@given(rows=strategies.integers(1, 50), columns=strategies.integers(1, 20))
def test_a_sum_has_the_bits_of_single_additions_in_its_order(rows: int, columns: int) -> None:
    values = noise(rows, columns)
    assert np.array_equal(pairwise_sum(values).numpy(), summed([*values.numpy()]))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_mean_of_pixels_has_the_same_bits_in_any_layout(layout: torch.memory_format) -> None:
    maps = noise(5, 6, 7, 3).contiguous(memory_format=layout)
    rows = [maps.numpy()[:, :, row, column] for row in range(7) for column in range(3)]
    assert np.array_equal(mean_of_pixels(maps)[:, :, 0, 0].numpy(), summed(rows) / np.float32(21))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_mean_of_pixels_and_its_gradient_are_those_of_pytorch(dtype: torch.dtype) -> None:
    maps, of_means = noise(5, 6, 7, 3).to(dtype).requires_grad_(), noise(5, 6, 1, 1)
    found, expected = mean_of_pixels(maps), maps.float().mean((2, 3), keepdim=True)
    torch.testing.assert_close(found, expected)
    gradients = [torch.autograd.grad(means, maps, of_means)[0] for means in (found, expected)]
    torch.testing.assert_close(*gradients)


def test_a_separable_kernel_does_what_two_convolutions_do() -> None:
    images, parts = noise(4, 3, 9, 8), [noise(3, 1, 5, 5).requires_grad_(), noise(6, 3, 1, 1).requires_grad_()]
    each, mixing = parts
    found = functional.conv2d(images, separable_kernel(each, mixing), padding=2)
    expected = functional.conv2d(functional.conv2d(images, each, padding=2, groups=3), mixing)
    torch.testing.assert_close(found, expected)
    of_outputs = noise(*found.shape)
    gradients = [torch.autograd.grad(outputs, parts, of_outputs) for outputs in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-5)


def test_the_gradients_of_a_separable_kernel_have_the_bits_of_single_additions() -> None:
    each, mixing, of_kernel = noise(3, 1, 3, 3).requires_grad_(), noise(6, 3, 1, 1).requires_grad_(), noise(6, 3, 3, 3)
    of_each, of_mixing = torch.autograd.grad(separable_kernel(each, mixing), [each, mixing], of_kernel)
    values, kernels, factors = of_kernel.numpy(), each.detach().numpy()[:, 0], mixing.detach().numpy()
    assert np.array_equal(of_each[:, 0].numpy(), summed([*(values * factors)]))
    products = values * kernels
    expected = summed([products[:, :, row, column] for row in range(3) for column in range(3)])
    assert np.array_equal(of_mixing[:, :, 0, 0].numpy(), expected)
