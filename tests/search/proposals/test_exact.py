"""Linear algebra without a library, against one."""

from __future__ import annotations

import numpy as np
import pytest

from search.proposals.exact import cholesky, product, solve_lower


def covariance(size: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    draws = np.random.default_rng(size)
    factor = draws.standard_normal((size, size))
    return np.asarray(factor @ factor.T + size * np.eye(size))


@pytest.mark.parametrize("size", [1, 2, 5, 60])
def test_it_agrees_with_a_library(size: int) -> None:
    matrix = covariance(size)
    right = np.random.default_rng(0).standard_normal((size, 3))
    lower = cholesky(matrix)
    np.testing.assert_allclose(lower, np.linalg.cholesky(matrix), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(lower @ solve_lower(lower, right), right, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(product(lower, right), lower.T @ right, rtol=1e-9, atol=1e-11)


def test_it_changes_none_of_its_arguments() -> None:
    matrix, right = covariance(4), np.ones((4, 2))
    before = matrix.copy()
    solve_lower(cholesky(matrix), right)
    assert (matrix == before).all()
    assert (right == 1).all()


def test_what_is_no_covariance_is_refused() -> None:
    with pytest.raises(ValueError, match="not positive definite at row 1"):
        cholesky(np.array([[1.0, 2.0], [2.0, 1.0]]))


def test_each_step_is_one_that_ieee_754_prescribes() -> None:
    """The same sums by plain Python floats: no library decides in which order they are taken."""
    matrix = covariance(9)
    rows = matrix.tolist()
    lower = [[0.0] * 9 for _ in range(9)]
    for step in range(9):
        root = float(np.sqrt(rows[step][step]))
        for row in range(step, 9):
            lower[row][step] = rows[row][step] / root
        for row in range(step + 1, 9):
            for column in range(step + 1, 9):
                rows[row][column] -= lower[row][step] * lower[column][step]
    assert cholesky(matrix).tolist() == lower
