"""The update of Muon: all directions alike, whatever the sizes of the gradients."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, strategies as st
from torch import Tensor

from mnist_bench.numerics.operations import filter_update, normalise, orthogonalised


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(16, 144), (144, 16), (1, 9)])
def test_it_keeps_the_singular_vectors_and_evens_out_the_values(shape: tuple[int, int]) -> None:
    left, values, right = torch.linalg.svd(noise(*shape), full_matrices=False)
    matrix = left @ torch.diag(torch.linspace(1, 3, len(values))) @ right
    found = left.T @ orthogonalised(matrix) @ right.T
    assert found.diag().min() > 0.6
    assert found.diag().max() < 1.25
    torch.testing.assert_close(found, torch.diag(found.diag()), atol=1e-5, rtol=0)


@given(factor=st.floats(2**-10, 2**10), seed=st.integers(0, 9))
def test_neither_the_size_nor_the_precision_of_a_gradient_matters(factor: float, seed: int) -> None:
    matrix = noise(5, 12, seed=seed).bfloat16()
    torch.testing.assert_close(orthogonalised(matrix.float() * factor), orthogonalised(matrix), atol=1e-4, rtol=1e-4)
    assert not orthogonalised(matrix * 0).any()


def test_an_update_is_the_orthogonalised_nesterov_momentum() -> None:
    gradient, buffer = noise(4, 2, 3, 3), noise(4, 2, 3, 3, seed=1)
    moved = 0.5 * buffer + gradient
    expected = orthogonalised((gradient + 0.5 * moved).flatten(1)).view(4, 2, 3, 3)
    torch.testing.assert_close(filter_update(gradient, buffer, 0.5), expected)
    torch.testing.assert_close(buffer, moved)


def test_the_norm_of_filters_is_the_square_root_of_their_number() -> None:
    weight = noise(16, 4, 3, 3).mul_(7)
    normalise(weight)
    assert float(weight.norm()) == pytest.approx(4)
