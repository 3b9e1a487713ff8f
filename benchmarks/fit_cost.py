"""Fit the coefficients of mnist_bench.cost on this machine and print them with their error.

Run as `python benchmarks/fit_cost.py [auto|bf16|fp32] [NETS]`. It trains random nets from ranges like those of
spaces/conv.yaml, each for an epoch of 5,000 images with the evaluation of 1,000, and fits a non-negative linear
function by least squares on the relative error. On a CPU it counts the process's CPU time, so that neighbours disturb
little.
"""

from __future__ import annotations

import random
import sys
import time
from dataclasses import fields

import numpy as np
from scipy.optimize import nnls

from mnist_bench import numerics
from mnist_bench.architecture import plan_layers
from mnist_bench.config import AugmentConfig, ModelConfig, OptimConfig, TrainConfig
from mnist_bench.cost import Coefficients, period_features, price_list
from mnist_bench.data import DataOptions
from mnist_bench.data.tensors import Dataset, load_dataset
from mnist_bench.precision import Precision
from mnist_bench.train import advance

MOST_MACS = 8_000_000
SHOWN = 4


def main(precision_name: str, nets: int) -> None:
    """Measure, fit, and print."""
    device = numerics.setup("auto")
    precision = numerics.choose_precision(device, precision_name)
    data = load_dataset(DataOptions(subset=6000), device)
    configs = [random_config(random.Random(number)) for number in range(nets)]  # noqa: S311
    measure(configs[0], data, precision)
    seconds = np.array([measure(config, data, precision) for config in configs])
    work = np.array([features(config, data) for config in configs])
    units = np.array(price_list(Coefficients(**{field.name: 1.0 for field in fields(Coefficients)})))
    weighted = work * units / (seconds * 1e6)[:, None]
    coefficients, _ = nnls(weighted, np.ones(nets))
    for field, value in zip(fields(Coefficients), coefficients, strict=True):
        print(f"{field.name}={value:.{SHOWN}g},")
    errors = np.abs(weighted @ coefficients - 1)
    print(f"relative error: median {np.median(errors):.1%}, nine in ten below {np.quantile(errors, 0.9):.1%}")


def measure(config: TrainConfig, data: Dataset, precision: Precision) -> float:
    """Return the seconds of one epoch, the smaller of two runs."""
    clock = time.process_time if data.device.type == "cpu" else time.perf_counter
    found = []
    for _ in range(2):
        started = clock()
        advance(config, 0, 1, None, data, precision)
        found.append(clock() - started)
    return min(found)


def features(config: TrainConfig, data: Dataset) -> tuple[float, ...]:
    """Return the work of the config's first period."""
    return period_features(config, train_images=len(data.train), validation_images=len(data.validation))[0]


def random_config(draw: random.Random) -> TrainConfig:
    """Return a net of at most MOST_MACS with its training, one epoch long."""
    while True:
        model = ModelConfig(
            blocks=draw.choice([1, 2, 2, 3, 3]),
            convs_per_block=draw.choice([1, 2]),
            filters=draw.choice([8, 16, 24, 32]),
            filter_growth=draw.uniform(1, 2),
            kernel_size=draw.choice([3, 3, 5]),
            batchnorm=draw.choice(["none", "before_activation", "after_activation"]),
            block_dropout=draw.choice([0.0, 0.1]),
            hidden_layers=draw.choice([0, 1, 2]),
            hidden_units=draw.choice([64, 128, 256, 512]),
            hidden_dropout=draw.choice([0.0, 0.3]),
            activation=draw.choice(["relu", "relu", "gelu", "silu"]),
        )
        if plan_layers(model).macs <= MOST_MACS:
            break
    angle = draw.choice([0.0, 10.0])
    optim = OptimConfig(batch_size=draw.choice([64, 128, 256, 512]), optimizer=draw.choice(["adam", "sgd_nesterov"]))
    return TrainConfig(epochs=1, model=model, augment=AugmentConfig(rotation_degrees=angle), optim=optim)


if __name__ == "__main__":
    main(*(sys.argv[1:2] or ["auto"]), *(int(number) for number in sys.argv[2:3] or ["28"]))
