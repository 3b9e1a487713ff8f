"""Linear algebra whose bits are the same on every machine, at the sizes that a search needs.

A linear-algebra library adds up in an order that depends on the processor and on the number of threads, so that a
proposal made with it may be another one elsewhere. Here each sum is taken element by element, in one order: IEEE 754
prescribes the bits of every step. It takes n array operations where a library takes one: 3 ms for a matrix of 150 rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def cholesky(matrix: Array) -> Array:
    """Return the lower triangle L of a positive definite matrix L Lᵀ, shape (n, n).

    Raises:
        ValueError: the matrix is not positive definite.

    >>> cholesky(np.array([[4.0, 2.0], [2.0, 5.0]])).tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    """
    rest, lower = matrix.copy(), np.zeros_like(matrix)
    for step in range(len(matrix)):
        if not rest[step, step] > 0:
            raise ValueError(f"not positive definite at row {step}")
        column = rest[step:, step] / np.sqrt(rest[step, step])
        lower[step:, step] = column
        rest[step + 1 :, step + 1 :] -= column[1:, None] * column[None, 1:]
    return lower


def solve_lower(lower: Array, right: Array) -> Array:
    """Return X of L X = B for a lower triangle, shapes (n, n) and (n, m).

    >>> solve_lower(np.array([[2.0, 0.0], [1.0, 2.0]]), np.array([[4.0], [6.0]])).tolist()
    [[2.0], [2.0]]
    """
    rest = right.astype(np.float64)  # a copy
    for step in range(len(lower)):
        rest[step] /= lower[step, step]
        rest[step + 1 :] -= lower[step + 1 :, step, None] * rest[None, step]
    return rest


def product(left: Array, right: Array) -> Array:
    """Return Lᵀ R, the sum over the first axis of both, shapes (n, a) and (n, b).

    >>> product(np.array([[1.0], [2.0]]), np.array([[3.0, 1.0], [4.0, 1.0]])).tolist()
    [[11.0, 3.0]]
    """
    total = np.zeros((left.shape[1], right.shape[1]))
    for one, other in zip(left, right, strict=True):
        total += one[:, None] * other[None]
    return total


def factor(matrix: Array, known: Array) -> Array:
    """Return the lower triangle L of a positive definite matrix L Lᵀ, given its first rows, shapes (n, n) and (k, k).

    Each number is the result of the same steps, however many rows are known.

    Raises:
        ValueError: the matrix is not positive definite.

    >>> whole = factor(np.array([[4.0, 2.0], [2.0, 5.0]]), np.zeros((0, 0)))
    >>> factor(np.array([[4.0, 2.0], [2.0, 5.0]]), whole[:1, :1]).tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    """
    rows, first = len(matrix), len(known)
    lower = np.zeros((rows, rows))
    lower[:first, :first] = known
    above = solve_lower(known, matrix[:first, first:])
    lower[first:, :first] = above.T
    rest = matrix[first:, first:].copy()
    for row in above:
        rest -= row[:, None] * row[None]
    for step in range(rows - first):
        if not rest[step, step] > 0:
            raise ValueError(f"not positive definite at row {first + step}")
        root = np.sqrt(rest[step, step])
        column = rest[step:, step] / root
        column[0] = root
        lower[first + step :, first + step] = column
        rest[step + 1 :, step + 1 :] -= column[1:, None] * column[None, 1:]
    return lower
