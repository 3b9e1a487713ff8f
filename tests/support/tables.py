"""Small tables whose rows follow from formulas, so that nothing is trained.

In that of nets two learning rates are bad, batchnorm helps, and errors vary from seed to seed. That of values has 12
configurations, 3 seeds and 2 reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from itertools import product
from typing import Any

import numpy as np

from mnist_bench.nets.planner import COEFFICIENTS
from mnist_bench.tables.recorded_benchmark import RecordedBenchmark, cells
from mnist_bench.tables.stored import AboutTable, Arrays
from mnist_bench.tables.value_table import ValueTable
from search.space.space import Space

SPACE = Space.of(
    {
        "name": "handmade",
        "epochs": 4,
        "periods": [1, 2, 4],
        "model": {
            "batchnorm": {"choice": ["none", "after_pool"]},
            "hidden_layers": {"int": [0, 1]},
            "hidden_batchnorm": {"choice": ["none", "after_activation"], "when": {"hidden_layers": 1}},
        },
        "optim": {"lr": {"choice": [0.001, 0.003, 0.01, 0.03, 1.0]}, "drops": {"int": [0, 2]}},
    }
)
EPOCHS = (1, 2, 4)
SEEN, UNSEEN = 10_000, 20_000
CANARY = "c" * 64


def table(
    *, seeds: int = 3, noise: float = 0.0015, name: str = "handmade", without: int | None = None
) -> RecordedBenchmark:
    """Return a table of all 90 configurations, or `without` one; `noise` is an error's deviation from seed to seed."""
    points = [params for number, params in enumerate(cells(SPACE)) if number != without]
    draws = np.random.default_rng(0)
    rows = [
        _row(number, seed, dict(params), noise, draws) for number, params in enumerate(points) for seed in range(seeds)
    ]
    seen, train_loss, val_loss, weights, unseen = zip(*rows, strict=True)
    about = AboutTable(
        name=name, task="mnist-5k", space=SPACE.to_spec(), epochs=list(EPOCHS),
        images={"train": 5_000, "validation": SEEN, "unseen": UNSEEN}, data_hash="d" * 64, split_hash="e" * 64,
        trainer_revision=2, coefficients=asdict(COEFFICIENTS["cpu-bf16"]), canaries=[CANARY],
        numerics=[{"canary": CANARY, "kind": "cpu-bf16"}], versions={"torch": "2.13.0"}, made="by hand",
    )  # fmt: skip
    hidden = np.array([params["model.hidden_layers"] for params in points])
    arrays = Arrays(
        params=np.array([_numbers(params) for params in points]),
        costs=np.outer(1 + hidden, [100_000, 100_000, 200_000]).astype(np.int64),
        parameters=(10_000 * (1 + hidden)).astype(np.int64),
        macs=(100_000 * (1 + hidden)).astype(np.int64),
        point=np.repeat(np.arange(len(points), dtype=np.int32), seeds),
        seed=np.tile(np.arange(seeds, dtype=np.int16), len(points)),
        canary=np.zeros(len(rows), np.int8),
        errors=np.array(seen, np.int32),
        train_loss=np.array(train_loss),
        val_loss=np.array(val_loss),
        weights=np.array([[list(bytes.fromhex(one)) for one in each] for each in weights], np.uint8),
        unseen=np.array(unseen, np.int32),
    )
    return RecordedBenchmark(about, arrays)


Row = tuple[list[int], list[float], list[float], list[str], int]
"""Of one training: errors, training and validation losses and hashes of weights by period; errors on unseen images."""


def _row(number: int, seed: int, params: dict[str, object], noise: float, draws: np.random.Generator) -> Row:
    rate = float(str(params["optim.lr"]))
    if rate == 1.0 and params["model.batchnorm"] == "none":
        nothing = [np.nan] * len(EPOCHS)
        return [-1] * len(EPOCHS), nothing, nothing, [f"{number:032x}{seed:032x}", *["0" * 64] * (len(EPOCHS) - 1)], -1
    skill = 0.03 + 0.01 * abs(np.log(rate / 0.006)) - 0.006 * (params["model.batchnorm"] != "none")
    skill += 0.003 * abs(int(str(params["optim.drops"])) - 1) + draws.normal(0, noise)
    seen, unseen = (max(0.001, skill + draws.normal(0, np.sqrt(skill / images))) for images in (SEEN, UNSEEN))
    late = 0.04 * (0.5 + (rate < 0.005))  # a low learning rate takes longer
    return (
        [round(SEEN * min(0.9, seen + late * (1 / epoch - 1 / 4))) for epoch in EPOCHS],
        [skill + late / epoch for epoch in EPOCHS],
        [3 * seen + late / epoch for epoch in EPOCHS],
        [f"{number:032x}{seed:016x}{epoch:016x}" for epoch in EPOCHS],
        round(UNSEEN * min(0.9, unseen)),
    )


def _numbers(params: Mapping[str, Any]) -> list[float]:
    """Return parameters as a table stores them."""
    return [
        np.nan if path not in params else span.values.index(params[path]) if span.is_listed else params[path]
        for path, span in SPACE.distributions.items()
    ]


RATES, KINDS = [0.001, 0.01, 0.1, 1.0], ["plain", "fast", "odd"]
BEST = {"config.rate": 0.01, "config.kind": "fast"}


def value_table(**changed: Any) -> ValueTable:
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
