"""mnist-bench's side: a training on every core at the same time, as a search trains.

The timed work is that of a search: worker processes that receive trials, train them, evaluate them and return their
states.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from mnist_bench.config.settings import TrainConfig
from mnist_bench.data.choice import DataOptions
from mnist_bench.experiments.trainings import Observer, open_grid, product
from mnist_bench.numerics.device import choose_precision
from mnist_bench.numerics.kinds import cores


def measure(config: TrainConfig, images: int, precision: str) -> Mapping[str, Any]:
    """Train an epoch to warm up, then one by the clock; see `speed.SIDES`."""
    workers, data = cores(), DataOptions(subset=images)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_grid(
            Path(folder), "A benchmark", Observer(), data=data, workers=workers, device="cpu", precision=precision
        ) as grid,
    ):
        while grid.executor.idle() < workers:
            grid.executor.wait(0.2)
        grid.train(product({"the net": config}, range(workers)))
        started = time.perf_counter()
        curves = grid.train(product({"the net": config}, range(workers, 2 * workers)))
        seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "images": workers * images,
        "accuracy": min(report[-1].value or 0.0 for report in curves.values()),
        "precision": choose_precision(torch.device("cpu"), precision),
    }
