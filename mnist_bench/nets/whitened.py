"""The filters that whiten patches of grey pictures, read from the file that ships with the package.

`benchmarks/whitened_filters.py` made the file from MNIST's training images. It says how, and why no net computes them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("whitened_filters.json")


def whitened_filters(maps: int, kernel: int) -> list[list[float]]:
    """Return the first `maps` filters (maps, kernel²), each as the rows of its pixels one after the other.

    The strongest come first, that is those of the largest variance. Each one is followed by its negative.
    """
    both = [[sign * number for number in each] for each in _filters()[str(kernel)] for sign in (1, -1)]
    return both[:maps]


@cache
def _filters() -> dict[str, Sequence[Sequence[float]]]:
    """Return the filters of the file by the side of their kernel."""
    found: dict[str, Sequence[Sequence[float]]] = json.loads(FILE.read_text(encoding="utf-8"))["filters"]
    return found
