"""mnist-bench's side: a training on every core at the same time, as a search trains.

    python benchmarks/peers/ours.py two-conv --augmented [--precision fp32]

The timed work is that of a search: worker processes that receive trials, train them, evaluate them and return their
states.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import measured
import torch

from mnist_bench.data.mnist import DataOptions
from mnist_bench.experiments.grid import Observer, open_grid, product
from mnist_bench.numerics.device import choose_precision
from mnist_bench.numerics.machine import this_machine


def main() -> None:
    """Train an epoch to warm up, then one by the clock."""
    parser = measured.arguments(__doc__)
    parser.add_argument("--precision", choices=["auto", "fp32"], default="auto", help="auto: bfloat16 if it is faster")
    asked = parser.parse_args()
    config = measured.config(asked.net, augmented=asked.augmented)
    workers = this_machine(torch.device("cpu"), "fp32").cores
    data = DataOptions(subset=asked.images)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_grid(
            Path(folder), "A benchmark", Observer(), data=data, workers=workers, device="cpu", precision=asked.precision
        ) as grid,
    ):
        while grid.executor.idle() < workers:
            grid.executor.wait(0.2)
        grid.train(product({"the net": config}, range(workers)))
        started = time.perf_counter()
        curves = grid.train(product({"the net": config}, range(workers, 2 * workers)))
        seconds = time.perf_counter() - started
    accuracy = min(report[-1].value or 0.0 for report in curves.values())
    precision = choose_precision(torch.device("cpu"), asked.precision)
    measured.say(seconds=seconds, images=workers * asked.images, accuracy=accuracy, precision=precision)


if __name__ == "__main__":
    main()
