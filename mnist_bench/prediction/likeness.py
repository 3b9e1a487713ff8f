"""How unlike the training images a picture is, from its pixels and the probabilities of a network.

An export's net.py holds the source of these functions, so they need NumPy alone; its draw.html does the same in
JavaScript. What their `rule` holds is described in `outlier_rule`.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_bench.prediction.preparation import shares


def outlier_scores(pictures: NDArray[Any], probabilities: NDArray[Any], rule: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return how unlike the training images prepared pictures are, (N,): outliers are above the rule's threshold.

    Args:
        pictures: shape (N, C, H, W), 0 to 255.
        probabilities: shape (N, classes).
        rule: the stored rule of the network.
    """
    distance = distances(thumbnails(pictures), references_of(rule))
    return scores_of(distance, parts_minus_holes(pictures), probabilities, rule)


def scores_of(
    distance: NDArray[np.float64], parts: NDArray[np.int64], probabilities: NDArray[Any], rule: Mapping[str, Any]
) -> NDArray[np.float64]:
    """Return the scores, (N,), from the distances to the references, the parts minus holes and the probabilities."""
    doubt = np.log(1 - probabilities.max(1) + 1e-4)
    scores: NDArray[np.float64] = doubt / rule["doubt_scale"] + distance / rule["distance_scale"]
    if rule["surprise"]:  # of drawings, for -4 to 5 parts minus holes
        scores += 0.3 * np.array(rule["surprise"])[probabilities.argmax(1), np.clip(parts, -4, 5) + 4]
    return scores


def thumbnails(pictures: NDArray[Any]) -> NDArray[np.float64]:
    """Return the strongest channel of pictures, (N, C, H, W), at 14x14 pixels or less, as (N, pixels), 0 to 15."""
    strongest = pictures.max(1).astype(np.float64)
    rows, columns = (shares(side, min(side, 14)) for side in strongest.shape[1:])
    small: NDArray[np.float64] = (rows @ strongest @ columns.T).reshape(len(pictures), -1) * (15 / 255)
    return small


def references_of(rule: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return the thumbnails of training images that a rule holds, (M, pixels), whole numbers from 0 to 15."""
    size = rule["count"] * rule["pixels"]
    inflated = zlib.decompressobj().decompress(base64.b64decode(rule["references"]), size)
    pairs = np.frombuffer(inflated, np.uint8)
    levels = np.stack([pairs >> 4, pairs & 15], 1).reshape(-1)[:size]
    return levels.reshape(rule["count"], rule["pixels"]).astype(np.float64)


def distances(points: NDArray[np.float64], references: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Euclidean distance of each point, (N, D), to its nearest reference, (M, D)."""
    found = np.empty(len(points))
    for start in range(0, len(points), 500):  # times 1,000 references: 4 MB
        part = points[start : start + 500]
        squares = (part**2).sum(1)[:, None] + (references**2).sum(1) - 2 * part @ references.T
        found[start : start + 500] = np.sqrt(np.maximum(squares.min(1), 0))
    return found


def parts_minus_holes(pictures: NDArray[Any]) -> NDArray[np.int64]:
    """Return the number of connected parts of the ink in pictures (N, C, H, W), minus the number of holes in them.

    It is 1 for a stroke, 0 for a ring, -1 for an eight, and 3 for a face of a ring, two eyes and a mouth. Pixels that
    touch at a corner are connected. Squares of 2x2 pixels with one, two and three pixels of ink give the number
    (Gray 1971).
    """
    ink = np.pad(pictures.max(1) >= 100, ((0, 0), (1, 1), (1, 1))).astype(np.int64)
    first, second, third, fourth = ink[:, :-1, :-1], ink[:, :-1, 1:], ink[:, 1:, :-1], ink[:, 1:, 1:]
    inked = first + second + third + fourth
    ones, threes = (inked == 1).sum((1, 2)), (inked == 3).sum((1, 2))
    diagonals = ((inked == 2) & (first == fourth)).sum((1, 2))
    found: NDArray[np.int64] = (ones - threes - 2 * diagonals) // 4
    return found
