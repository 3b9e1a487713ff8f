"""The sum of boosted regression trees that were fitted to the configurations of a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
LEAF = -1
"""Stands for the column of a node without children."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BoostedTrees:
    """K sums of T trees of at most N nodes, which are numbered from the root, 0; satisfies `Model`."""

    columns: NDArray[np.int16]
    """Shape (K, T, N): column of a point that a node compares; `LEAF` if it has no children."""
    thresholds: Array
    """Shape (K, T, N): a point goes left if its value is at most this."""
    left: NDArray[np.int16]
    """Shape (K, T, N): number of the left child."""
    right: NDArray[np.int16]
    """Shape (K, T, N): number of the right child."""
    values: Array
    """Shape (K, T, N): a leaf's share of the sum."""

    def __call__(self, point: Array) -> Array:
        """See `Model`."""
        sums, trees = np.ogrid[: self.columns.shape[0], : self.columns.shape[1]]
        at = np.zeros(self.columns.shape[:2], np.int16)
        while True:
            column = self.columns[sums, trees, at]
            if (column == LEAF).all():
                return np.asarray(self.values[sums, trees, at].sum(axis=1), np.float64)
            goes_left = point[column] <= self.thresholds[sums, trees, at]
            below = np.where(goes_left, self.left[sums, trees, at], self.right[sums, trees, at])
            at = np.where(column == LEAF, at, below)
