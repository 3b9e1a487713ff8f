"""Fit the coefficients of `mnist_bench.nets.planner` on this machine, and judge the shipped ones.

    python benchmarks/cost_model.py                       40 random nets, two epochs each, on every core
    python benchmarks/cost_model.py --nets 100 --device cuda --precision bf16

A search orders its events by these estimates. This prints the entry of `COEFFICIENTS` in mnist_bench/nets/planner.py
for this kind of device, and how far its estimates are off on nets that were not fitted.

The estimate is linear in a net's counts, so a fit is a non-negative least squares problem (Lawson and Hanson 1974) on
the relative error. Only the ratios between estimates decide anything in a search, so a misfit is the error that remains
after one common factor, the machine's speed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import get_args

import frame
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls  # type: ignore[import-untyped]

from mnist_bench.bench import machine_of, open_workers, order
from mnist_bench.cells import percent
from mnist_bench.config.settings import AugmentConfig, ModelConfig, OptimConfig, TrainConfig
from mnist_bench.nets.planner import COEFFICIENTS, Coefficients, period_features, plan_layers, price_list
from mnist_bench.numerics.kinds import DeviceKind, PrecisionName, cores

TRAINED = 5000
"""Training images of each net's one epoch."""
EVALUATED = 1000
RUNS = 2
"""Times that each net is trained; the fastest counts."""
MAX_MACS = 8_000_000
MIN_NETS = 12
"""Of which eight are fitted, by six coefficients."""
HELD_OUT = 3
"""Every third net judges the coefficients that the others were fitted to."""

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Misfit:
    """How far estimates are from measurements."""

    factor: float
    """Median of measured over estimated time: the machine's speed, if the ratios between estimates are right."""
    median: float  # relative error of an estimate times the factor: half of all are below
    nine_in_ten: float  # nine in ten are below


def judge(work: Array, seconds: Array, kind: DeviceKind) -> Iterator[str]:
    """Yield the coefficients as they stand in mnist_bench/nets/planner.py, and how far estimates are off.

    Args:
        work: (nets, coefficients), as `period_features` of mnist_bench/nets/planner.py counts it.
        seconds: (nets,) of the same periods.
        kind: the kind of processor whose shipped coefficients are judged, too, on the nets that were not fitted.
    """
    values = ", ".join(f"{name}={_number(value)}" for name, value in asdict(fit(work, seconds)).items())
    yield from (f'    "{kind}": Coefficients(', f"        {values}", "    ),")
    yield from ("", f"Judged on every third of {len(seconds)} random nets, after one common factor:")
    held = np.arange(len(seconds)) % HELD_OUT == 0
    judged = {"fitted to the other nets": fit(work[~held], seconds[~held]), "shipped": COEFFICIENTS[kind]}
    for name, coefficients in judged.items():
        found = misfit(estimates(coefficients, work[held]), seconds[held])
        yield (
            f"{name}: median error {percent(found.median, 1)}, nine in ten below {percent(found.nine_in_ten, 1)}, "
            f"measured / estimated {found.factor:.2f}"
        )


def _number(value: float) -> str:
    rounded = float(f"{value:.4g}")
    return f"{int(rounded):_}" if rounded.is_integer() else f"{rounded}"


def fit(work: Array, seconds: Array) -> Coefficients:
    """Return the coefficients, none below zero, whose estimates have the least sum of squared relative errors."""
    names = [field.name for field in fields(Coefficients) if field.name != "vector"]
    units = np.array(price_list(Coefficients(**dict.fromkeys(names, 1.0))))
    found, _ = nnls(work * units / (seconds * 1e6)[:, None], np.ones(len(seconds)))
    return Coefficients(**{name: float(value) for name, value in zip(names, found, strict=True)})


def estimates(coefficients: Coefficients, work: Array) -> Array:
    """Return the estimated seconds (nets,) of `work` (nets, coefficients)."""
    return np.asarray(work @ np.array(price_list(coefficients)) * 1e-6, dtype=np.float64)


def misfit(estimated: ArrayLike, measured: ArrayLike) -> Misfit:
    """Return how far estimates (n,) are from measured times (n,), in any units; n is 1 at least."""
    ratios = np.asarray(measured) / np.asarray(estimated)
    factor = float(np.median(ratios))
    errors = np.abs(factor / ratios - 1)
    return Misfit(factor=factor, median=float(np.median(errors)), nine_in_ten=float(np.quantile(errors, 0.9)))


def random_config(draw: random.Random) -> TrainConfig:
    """Return one epoch of a net from ranges like those of spaces/conv.yaml, but wider, with at most MAX_MACS."""
    model = _random_model(draw)
    while plan_layers(model).macs > MAX_MACS:
        model = _random_model(draw)
    augment = AugmentConfig(rotation_degrees=draw.choice([0.0, 10.0, 10.0]))
    optim = OptimConfig(
        optimizer=draw.choice(["adam", "sgd_nesterov"]),
        batch_size=draw.choice([64, 128, 128, 256, 256, 512]),
        weight_decay=draw.choice([0.0, 0.01]),
        ema_decay=draw.choice([0.0, 0.99]),
    )
    return TrainConfig(epochs=1, model=model, augment=augment, optim=optim)


def _random_model(draw: random.Random) -> ModelConfig:
    return ModelConfig(
        blocks=draw.choice([1, 2, 2, 3, 3]),
        convs_per_block=draw.choice([1, 2]),
        filters=draw.choice([8, 16, 24, 32]),
        filter_growth=draw.uniform(1, 2),
        filter_multiple=8,
        kernel_size=draw.choice([3, 3, 5]),
        batchnorm=draw.choice(["none", "before_activation", "after_activation", "after_pool"]),
        activation=draw.choice(["relu", "relu", "gelu", "silu"]),
        block_dropout=draw.choice([0.0, 0.1]),
        hidden_layers=draw.choice([0, 1, 2]),
        hidden_units=draw.choice([64, 128, 256, 512]),
        hidden_batchnorm=draw.choice(["none", "before_activation", "after_activation"]),
        hidden_dropout=draw.choice([0.0, 0.3]),
    )


def _work(configs: Sequence[TrainConfig], vector: int) -> Array:
    rows = [
        period_features(config, train_images=TRAINED, validation_images=EVALUATED, vector=vector)[0]
        for config in configs
    ]
    return np.array(rows, dtype=np.float64)


def measure(nets: int, device: str, precision: str) -> Iterator[str]:
    """Train random nets, as many at once as a search would; yield the machine, and what `judge` says.

    On a CPU the seconds are those that a net's process computed, which neighbors disturb little.
    """
    configs = [random_config(random.Random(number)) for number in range(nets)]  # noqa: S311
    images = {"train_images": TRAINED, "validation_images": EVALUATED}
    with open_workers(cores(), device=device, precision=precision, **images) as workers:
        reports = workers.share([order(config) for config in configs] * RUNS)
        machine, kind = machine_of(workers), workers.numerics["kind"]
    seconds = [report.seconds if machine.gpu else report.metrics["cpu_seconds"] for report in reports]
    yield from (machine.sentence, "")
    best = np.array(seconds, dtype=np.float64).reshape(RUNS, nets).min(axis=0)
    yield from judge(_work(configs, int(COEFFICIENTS[kind].vector)), best, kind)


def main() -> None:
    """Measure, fit and print."""
    parser = frame.options(__doc__, publishes=False)
    parser.add_argument("--nets", type=int, default=40)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto", choices=get_args(PrecisionName))
    asked = parser.parse_args()
    if asked.nets < MIN_NETS:
        parser.error(f"--nets {asked.nets}: give at least {MIN_NETS}, for fewer fit any coefficients.")
    print(*measure(asked.nets, asked.device, asked.precision), sep="\n")


if __name__ == "__main__":
    main()
