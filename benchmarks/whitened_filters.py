"""Make the filters that whiten patches of MNIST, of which nets have their first ones with `first_filters: whitened`.

    python benchmarks/whitened_filters.py       a minute; writes mnist_bench/nets/whitened_filters.json

The patches are those of the 50,000 training images of the default split, normalised as in training. A filter is an
eigenvector of their covariance (Jordan 2024, airbench94), divided by the square root of its eigenvalue. The last bits
of the eigenvectors of `numpy.linalg.eigh` depend on the machine. Nets therefore read the file and compute none.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from mnist_bench.config.settings import KernelSize
from mnist_bench.data.mnist import DataOptions, load_training_set
from mnist_bench.nets.whitened import FILE

Floats = NDArray[np.float64]
ADDED = 5e-4
"""Added to each eigenvalue, as in airbench94: directions with hardly any variance are not blown up."""
CHUNK = 1000
"""Images whose patches are in memory at once."""
DIGITS = 8
"""Decimal digits after the first one of a number in the file; float32 needs no more."""
SIDES = [side for side in get_args(KernelSize) if side > 1]
"""Sides of the kernels, in pixels; a single pixel has nothing to whiten."""


def covariance(images: Floats, side: int) -> Floats:
    """Return the covariance (side², side²) of all patches of side x side pixels in images (N, H, W)."""
    total, products, count = np.zeros(side**2), np.zeros((side**2, side**2)), 0
    for start in range(0, len(images), CHUNK):
        windows = sliding_window_view(images[start : start + CHUNK], (side, side), axis=(1, 2))
        patches = windows.reshape(-1, side**2)
        total += patches.sum(0)
        products += patches.T @ patches
        count += len(patches)
    mean = total / count
    return products / count - np.outer(mean, mean)


def whitening(images: Floats, side: int) -> Floats:
    """Return side² filters (side², side, side) that whiten the patches of images (N, H, W), the strongest first."""
    values, vectors = np.linalg.eigh(covariance(images, side))
    strongest = (vectors / np.sqrt(values + ADDED)).T[::-1]
    # An eigenvector has no sign of its own: here its largest entry is positive.
    largest = np.take_along_axis(strongest, np.abs(strongest).argmax(1, keepdims=True), 1)
    return np.asarray(strongest * np.sign(largest)).reshape(-1, side, side)


def content() -> dict[str, Any]:
    """Return the content of the file."""
    data = load_training_set(DataOptions())
    pixels = data.images.images[data.split.train] / 255
    images = (pixels - pixels.mean()) / pixels.std()
    filters = {str(side): rounded(whitening(images, side)) for side in SIDES}
    return {"data_hash": data.data_hash, "split": data.split.digest, "images": len(images), "filters": filters}


def rounded(filters: Floats) -> list[list[float]]:
    """Return the rows (side² numbers each) of filters (F, side, side) as the file has them."""
    return [[float(f"{number:.{DIGITS}e}") for number in each.ravel()] for each in filters]


def text(values: dict[str, Any]) -> str:
    """Return the content as JSON, one filter per line."""
    rows = {side: ",\n   ".join(map(json.dumps, found)) for side, found in values["filters"].items()}
    filters = ",\n  ".join(f'"{side}": [\n   {found}\n  ]' for side, found in rows.items())
    head = "".join(f" {json.dumps(name)}: {json.dumps(values[name])},\n" for name in ("data_hash", "split", "images"))
    return f'{{\n{head} "filters": {{\n  {filters}\n }}\n}}\n'


def main() -> int:
    """Write the file."""
    Path(FILE).write_text(text(content()))
    print(f"{FILE}: filters of {', '.join(map(str, SIDES))} pixels")
    return 0


if __name__ == "__main__":
    sys.exit(main())
