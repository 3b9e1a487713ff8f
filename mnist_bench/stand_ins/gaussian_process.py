"""The mean of Gaussian processes that were fitted to the configurations of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.proposals import Coordinates

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class GaussianProcess:
    """K independent processes over R ranges, with Matérn-5/2 kernels multiplied over the ranges; satisfies `Model`.

    Rasmussen and Williams 2006, section 5.1: each range has a length of its own (ARD).
    """

    coordinates: Coordinates
    known: Array
    """Shape (P, columns): points of the table's configurations; see `Coordinates.of`."""
    lengths: Array
    """Shape (K, R): distance in a range over which a process changes."""
    weights: Array
    """Shape (K, P): of each known configuration."""

    def __call__(self, point: Array) -> Array:
        """See `Model`."""
        apart = np.sqrt(self.coordinates.squares(point[None, :], self.known)[:, 0, :])
        return np.array([
            matern(apart, lengths) @ weights for lengths, weights in zip(self.lengths, self.weights, strict=True)
        ])  # fmt: skip


def matern(apart: NDArray[Any], lengths: NDArray[Any]) -> NDArray[Any]:
    """Return the kernel of pairs of points whose distances in each range are `apart`, shape (R, ...).

    `lengths` has shape (R,); the result is 1 for equal points.
    """
    scaled = 5**0.5 * apart / lengths.reshape(-1, *[1] * (apart.ndim - 1))
    return np.asarray((1 + scaled + scaled**2 / 3).prod(axis=0) * np.exp(-scaled.sum(axis=0)))
