"""A small table of values whose losses follow from a formula: 12 configurations, 3 seeds, 2 reports."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from mnist_bench.value_tables.value_table import ValueTable
from search.space.space import Space

RATES, KINDS = [0.001, 0.01, 0.1, 1.0], ["plain", "fast", "odd"]
BEST = {"config.rate": 0.01, "config.kind": "fast"}


def table(**changed: Any) -> ValueTable:
    """Return the table. The loss is lowest at BEST, and the highest rate diverges with the kind odd."""
    space = {
        "name": "handmade", "direction": "minimize",
        "config": {"rate": {"levels": RATES, "log": True}, "kind": {"choice": KINDS}},
    }  # fmt: skip
    losses = np.array([_loss(rate, kind) for rate, kind in product(RATES, KINDS)])
    by_seed = losses[:, None] * np.array([0.9, 1.0, 1.1])
    values: dict[str, Any] = {
        "name": "made/handmade",
        "space": Space.of(space),
        "values": np.stack([2 * by_seed, by_seed], axis=2),
        "seconds": np.ones((12, 3)),
    }
    return ValueTable(**(values | changed))


def _loss(rate: float, kind: str) -> float:
    if (rate, kind) == (1.0, "odd"):
        return np.inf
    return float(10.0 ** abs(np.log10(rate) + 2)) * {"plain": 2.0, "fast": 1.0, "odd": 3.0}[kind]
