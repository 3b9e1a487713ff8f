"""Linear algebra whose bits are the same on every machine, at the sizes that a search needs.

A linear-algebra library adds up in an order that depends on the processor and on the number of threads, so that a
proposal made with it may be another one elsewhere. Here each sum is taken element by element, in one order: IEEE 754
prescribes the bits of every step. It takes n array operations where a library takes one: 3 ms for a matrix of 150 rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def cholesky(matrix: Array, known: Array | None = None) -> Array:
    """Return the lower triangle L of a positive definite matrix L Lᵀ, shape (n, n).

    Args:
        matrix: its upper triangle is not read.
        known: the first rows of L, shape (k, k), to go on from. However many they are, each further number is the
            result of the same steps.

    ValueError if the matrix is not positive definite.

    >>> cholesky(np.array([[4.0, 2.0], [2.0, 5.0]])).tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    >>> cholesky(np.array([[4.0, 2.0], [2.0, 5.0]]), np.array([[2.0]])).tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    """
    first, lower = 0 if known is None else len(known), np.zeros_like(matrix)
    rest = matrix[first:, first:].copy()
    if known is not None:
        above = solve_lower(known, matrix[:first, first:])
        lower[:first, :first], lower[first:, :first] = known, above.T
        for row in above:
            rest -= row[:, None] * row[None]
    for step in range(len(rest)):
        if not rest[step, step] > 0:
            raise ValueError(f"not positive definite at row {first + step}")
        root = np.sqrt(rest[step, step])
        column = rest[step:, step] / root
        if known is not None:
            column[0] = root  # of which the quotient differs in the last bit; decisions depend on it
        lower[first + step :, first + step] = column
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
