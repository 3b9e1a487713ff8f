"""Sums in a fixed order, Muon's update, and PyTorch's optimizers without what its compiler needs.

NumPy's additions of two arrays are IEEE's on every machine, so these tests compare the bits of each machine that runs
them.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mnist_bench.numerics.operations import (
    SGD,
    Adam,
    filter_update,
    mean_of_pixels,
    normalise,
    orthogonalised,
    pairwise_sum,
    separable_kernel,
)
from support.paths import ROOT


def noise(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(sum(shape))).sub_(0.5)


def summed(values: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the sum of arrays as `pairwise_sum` is described."""
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    added = [values[place] + values[len(values) - half + place] for place in range(half)]
    return summed([*added, *values[half : len(values) - half]])


@given(rows=st.integers(1, 50), columns=st.integers(1, 20))
def test_a_sum_has_the_bits_of_single_additions_in_its_order(rows: int, columns: int) -> None:
    values = noise(rows, columns)
    assert np.array_equal(pairwise_sum(values).numpy(), summed([*values.numpy()]))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_mean_of_pixels_has_the_same_bits_in_any_layout_and_pytorchs_gradient(
    layout: torch.memory_format, dtype: torch.dtype
) -> None:
    maps = noise(5, 6, 7, 3).to(dtype).contiguous(memory_format=layout).requires_grad_()
    found, expected = mean_of_pixels(maps), maps.float().mean((2, 3), keepdim=True)
    rows = [maps.detach().float().numpy()[:, :, row, column] for row in range(7) for column in range(3)]
    assert np.array_equal(found[:, :, 0, 0].detach().numpy(), summed(rows) / np.float32(21))
    gradients = [torch.autograd.grad(means, maps, noise(5, 6, 1, 1))[0] for means in (found, expected)]
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


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(16, 144), (144, 16), (1, 9)])
def test_it_keeps_the_singular_vectors_and_evens_out_the_values(shape: tuple[int, int]) -> None:
    left, values, right = torch.linalg.svd(normal(*shape), full_matrices=False)
    matrix = left @ torch.diag(torch.linspace(1, 3, len(values))) @ right
    found = left.T @ orthogonalised(matrix) @ right.T
    assert found.diag().min() > 0.6
    assert found.diag().max() < 1.25
    torch.testing.assert_close(found, torch.diag(found.diag()), atol=1e-5, rtol=0)


@given(factor=st.floats(2**-10, 2**10), seed=st.integers(0, 9))
def test_neither_the_size_nor_the_precision_of_a_gradient_matters(factor: float, seed: int) -> None:
    matrix = normal(5, 12, seed=seed).bfloat16()
    torch.testing.assert_close(orthogonalised(matrix.float() * factor), orthogonalised(matrix), atol=1e-4, rtol=1e-4)
    assert not orthogonalised(matrix * 0).any()


def test_an_update_is_the_orthogonalised_nesterov_momentum() -> None:
    gradient, buffer = normal(4, 2, 3, 3), normal(4, 2, 3, 3, seed=1)
    moved = 0.5 * buffer + gradient
    expected = orthogonalised((gradient + 0.5 * moved).flatten(1)).view(4, 2, 3, 3)
    torch.testing.assert_close(filter_update(gradient, buffer, 0.5), expected)
    torch.testing.assert_close(buffer, moved)


def test_the_norm_of_filters_is_the_square_root_of_their_number() -> None:
    weight = normal(16, 4, 3, 3).mul_(7)
    normalise(weight)
    assert float(weight.norm()) == pytest.approx(4)


TRAINS = """
import sys
from pathlib import Path
import mnist_bench

net = {"blocks": 1, "filters": 4}
for optimizer in ("adam", "sgd_nesterov"):
    mnist_bench.train({"epochs": 1, "subset": 1000, "model": net, "optim": {"optimizer": optimizer}})
print(sorted({"sympy", "torch._dynamo", "torch._inductor"} & sys.modules.keys()))
"""


@pytest.mark.parametrize(
    ("ours", "theirs", "options"),
    [
        (Adam, torch.optim.Adam, {"lr": 0.01, "betas": (0.8, 0.95)}),
        (SGD, torch.optim.SGD, {"lr": 0.01, "momentum": 0.9, "nesterov": True}),
    ],
)
def test_a_step_is_that_of_pytorch_to_the_bit(ours: Any, theirs: Any, options: dict[str, Any]) -> None:
    found = []
    for kind in (ours, theirs):
        weight = torch.linspace(-1, 1, 37, requires_grad=True)
        optimizer = kind([weight], fused=True, **options)
        for step in range(5):
            optimizer.zero_grad()
            torch.autograd.backward((weight**2 * (step + 1)).sum())
            optimizer.step()
        found.append((weight.detach().clone(), optimizer.state[weight]))
    (weight, state), (expected, expected_state) = found
    assert torch.equal(weight, expected)
    assert state.keys() == expected_state.keys()
    assert all(torch.equal(state[key], expected_state[key]) for key in state)


@pytest.mark.cold
@pytest.mark.integration
def test_a_process_that_trains_imports_no_compiler() -> None:
    command = [sys.executable, "-c", TRAINS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
