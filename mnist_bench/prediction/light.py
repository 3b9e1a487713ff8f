"""A photo of a digit under uneven light, as ink on even paper.

The paper's brightness at a pixel is the median of a window around it. A stroke fills less than half of the window, so
the median follows a gradient and the edge of a shadow, and not the stroke. An export's net.py holds the source of these
functions, so they need NumPy alone. Its draw.html has no photos.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_bench.prediction.preparation import shares


def lit_evenly(grey: NDArray[Any]) -> NDArray[Any]:
    """Return a picture, (H, W), 0 to 255, with its ink on paper of 0 if its border is unevenly lit, otherwise as it is.

    Pictures of up to 28 pixels, and those in which no ink is found, stay as they are.
    """
    grey = np.asarray(grey)
    if grey.ndim != 2 or max(grey.shape) <= 28 or min(grey.shape) < 2 or not np.isfinite(grey).all():
        return grey
    if border_spread(grey) <= 16:
        return grey
    ink = local_ink(grey)
    if not ink.any():
        return grey
    # Once more with the digit alone, so that a small one is seen in detail.
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    margin = max(np.ptp(rows), np.ptp(columns)) / 2 + 2
    cut = []
    for found, side, of in ((rows, grey.shape[0], ink.shape[0]), (columns, grey.shape[1], ink.shape[1])):
        cut.append(slice(int(max(found[0] - margin, 0) * side / of), int(min(found[-1] + 1 + margin, of) * side / of)))
    near = local_ink(grey[cut[0], cut[1]])
    return np.pad(near if near.any() else ink, 1)


def border_spread(grey: NDArray[Any]) -> float:
    """Return by how much the brightness of a picture's border varies between its quartiles, its noise smoothed.

    The quartiles, since a digit that is cut tightly covers up to a quarter of the border.
    """
    edges = []
    for line in (grey[0], grey[-1], grey[:, 0], grey[:, -1]):
        length = max(1, len(line) // 40)
        edges.append(np.convolve(line, np.ones(length) / length, "valid"))
    low, high = np.quantile(np.concatenate(edges), [0.25, 0.75])
    return float(high - low)


def local_ink(grey: NDArray[Any]) -> NDArray[np.float64]:
    """Return what differs from the paper around it, at 64 pixels or less, (h, w); zeros if nothing does.

    It is dark or light, whichever differs more. Parts at the border are left out if others can be the digit: the corner
    of a shadow is such a part.
    """
    scale = min(1, 64 / max(grey.shape))
    rows, columns = (shares(side, max(1, int(side * scale + 0.5))) for side in grey.shape)
    small = rows @ grey @ columns.T
    reach = max(1, max(small.shape) // 4)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(small, reach, mode="edge"), (2 * reach + 1,) * 2)
    difference = small - np.median(windows[:, :, ::2, ::2].reshape(*small.shape, -1), axis=2)
    noise = np.median(np.abs(difference))
    light, dark = np.maximum(difference, 0), np.maximum(-difference, 0)
    ink = np.maximum((light if (light**3).sum() > (dark**3).sum() else dark) - 4 * noise, 0)
    return main_parts(ink) if ink.max() >= max(16, 4 * noise) else np.zeros_like(ink)


def main_parts(ink: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ink, (h, w), without the connected parts that have less than a tenth of the ink of the strongest one."""
    inked = ink > 0.15 * ink.max()
    labels = np.arange(1, ink.size + 1).reshape(ink.shape) * inked
    while True:  # each pixel takes the highest label of its neighbours
        around = np.pad(labels, 1)
        places = [(row, column) for row in range(3) for column in range(3)]
        height, width = labels.shape
        spread = np.max([around[row : row + height, column : column + width] for row, column in places], 0) * inked
        if (spread == labels).all():
            break
        labels = spread
    amounts = np.bincount(labels.ravel(), ink.ravel())
    amounts[0] = 0
    inside = amounts.copy()
    inside[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = 0
    counted = inside if inside.max() > amounts.max() / 10 else amounts
    chosen = (counted >= counted.max() / 10) & (counted > 0)
    kept: NDArray[np.float64] = ink * chosen[labels]
    return kept
