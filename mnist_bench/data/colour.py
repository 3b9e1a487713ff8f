"""Grey pictures in colour, as the 2017 notebook made them: two more channels, for green and blue, set to 0.

An export's net.py holds the source of `in_red`, so it needs NumPy alone.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

CHANNELS: Final = 3


def in_red(pictures: NDArray[Any]) -> NDArray[Any]:
    """Return pictures in red, green and blue, shape (..., 3, H, W): red holds the grey pictures, (..., H, W)."""
    dark = np.zeros_like(pictures)
    return np.stack([pictures, dark, dark], axis=-3)
