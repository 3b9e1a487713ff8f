"""Grey pictures in colour, as the 2017 notebook made them: two more channels, for green and blue, set to 0."""

from __future__ import annotations

from typing import Final

import numpy as np

from mnist_bench.data.idx import Bytes

CHANNELS: Final = 3


def in_red(pictures: Bytes) -> Bytes:
    """Return pictures of shape (N, 3, H, W), red, of grey ones of shape (N, H, W)."""
    coloured = np.zeros((len(pictures), CHANNELS, *pictures.shape[1:]), pictures.dtype)
    coloured[:, 0] = pictures
    return coloured
