"""Fit the coefficients of `mnist_bench.nets.cost_model` on this machine, and judge them on nets that were not fitted.

The estimate is linear in a net's counts, so a fit is a non-negative least squares problem (Lawson and Hanson 1974) on
the relative error. Only the ratios between estimates decide anything in a search, so a misfit is what is left after one
common factor, which is a machine's speed. On a GPU nets are measured without graphs, which a search uses.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnist_bench.bench.worker import period_of
from mnist_bench.bench.worker_pool import WorkerPool, open_worker_pool
from mnist_bench.config import AugmentConfig, ModelConfig, OptimConfig, TrainConfig
from mnist_bench.nets import COEFFICIENTS, Coefficients, period_features, plan_layers, price_list
from mnist_bench.numerics import DeviceKind, Machine
from search.arguments import check_count
from search.errors import UsageError

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
class Options:
    """What is measured where."""

    nets: int
    workers: int
    device: str
    precision: str

    def __post_init__(self) -> None:
        check_count("nets", self.nets)
        if self.nets < MIN_NETS:
            raise UsageError(f"nets={self.nets}: give at least {MIN_NETS}, for fewer fit any coefficients.")
        check_count("workers", self.workers)


@dataclass(frozen=True, kw_only=True, slots=True)
class Misfit:
    """How far estimates are from what was measured."""

    factor: float
    """Median of measured over estimated time: the machine's speed, where the ratios between estimates are right."""
    median: float
    """Relative error of an estimate times the factor: half of all are below."""
    nine_in_ten: float
    """Nine in ten are below."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CostModel:
    """Coefficients for this machine beside those that ship."""

    machine: Machine
    kind: DeviceKind
    nets: int
    coefficients: Coefficients
    """Fitted to all nets."""
    fitted: Misfit
    """Of coefficients fitted to two thirds of the nets, on the last third."""
    shipped: Misfit
    """Of the shipped coefficients, on the same third."""


def run(options: Options, on_run: Callable[[int], None]) -> CostModel:
    """Train random nets, as many at once as a search would, and fit; `on_run` hears how many of the runs are done.

    Raises:
        DeviceError, WorkerError: see there.
    """
    configs = [random_config(random.Random(number)) for number in range(options.nets)]  # noqa: S311
    with open_worker_pool(
        workers=options.workers, device=options.device, precision=options.precision,
        train_images=TRAINED, validation_images=EVALUATED,
    ) as pool:  # fmt: skip
        seconds = _measure(pool, configs, on_run)
        machine, kind = pool.machine, pool.numerics["kind"]
    return judge(_work(configs), seconds, machine, kind)


def judge(work: Array, seconds: Array, machine: Machine, kind: DeviceKind) -> CostModel:
    """Return what measurements say about coefficients.

    Args:
        work: (nets, coefficients), as `cost_model.period_features` counts it.
        seconds: (nets,) of the same periods.
        machine: where they were measured.
        kind: whose shipped coefficients are judged beside.
    """
    held = np.arange(len(seconds)) % HELD_OUT == 0
    apart = fit(work[~held], seconds[~held])
    return CostModel(
        machine=machine,
        kind=kind,
        nets=len(seconds),
        coefficients=fit(work, seconds),
        fitted=misfit(estimates(apart, work[held]), seconds[held]),
        shipped=misfit(estimates(COEFFICIENTS[kind], work[held]), seconds[held]),
    )


def fit(work: Array, seconds: Array) -> Coefficients:
    """Return the coefficients, none below zero, whose estimates have the least sum of squared relative errors."""
    from scipy.optimize import nnls  # type: ignore[import-untyped]

    names = [field.name for field in fields(Coefficients)]
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


def _work(configs: Sequence[TrainConfig]) -> Array:
    rows = [period_features(config, train_images=TRAINED, validation_images=EVALUATED)[0] for config in configs]
    return np.array(rows, dtype=np.float64)


def _measure(pool: WorkerPool, configs: Sequence[TrainConfig], on_run: Callable[[int], None]) -> Array:
    """Return the seconds (nets,) of each net's epoch: on a CPU those that its process computed, which neighbours
    disturb little."""
    reports = pool.share([period_of(config) for config in configs] * RUNS, on_run)
    on_gpu = pool.machine.gpu is not None
    seconds = [report.seconds if on_gpu else report.metrics["cpu_seconds"] for report in reports]
    return np.array(np.array(seconds, dtype=np.float64).reshape(RUNS, len(configs)).min(axis=0))
