"""Fit the coefficients of `mnist_bench.nets.cost_model` on this machine, or judge them on the periods of a study.

    python benchmarks/cost_model.py                       40 random nets, two epochs each, on every core
    python benchmarks/cost_model.py --nets 100 --device cuda --precision bf16
    python benchmarks/cost_model.py --study conv-0        trains nothing

A search orders its events by these estimates. The first two print the `case` of mnist_bench/nets/cost_model.py for this
kind of device, and how far its estimates are off on nets that were not fitted.

The estimate is linear in a net's counts, so a fit is a non-negative least squares problem (Lawson and Hanson 1974) on
the relative error. Only the ratios between estimates decide anything in a search, so a misfit is the error that remains
after one common factor, the machine's speed.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls  # type: ignore[import-untyped]

from mnist_bench import cells
from mnist_bench.bench.bench_worker import period_of
from mnist_bench.bench.worker_pool import WorkerPool, open_worker_pool
from mnist_bench.config.settings import AugmentConfig, ModelConfig, OptimConfig, TrainConfig
from mnist_bench.leaderboard.worker_time import worker_time_of
from mnist_bench.nets.architecture import plan_layers
from mnist_bench.nets.cost_model import COEFFICIENTS, Coefficients, period_features, price_list
from mnist_bench.numerics.kinds import DeviceKind, PrecisionName
from mnist_bench.numerics.machine import Machine, sentence
from mnist_bench.numerics.resources import cores
from mnist_bench.studies.validated import open_study
from search.errors import StudyNotFoundError
from search.event_log.records import StudyRecord

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
    median: float
    """Relative error of an estimate times the factor: half of all are below."""
    nine_in_ten: float
    """Nine in ten are below."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CostModel:
    """Coefficients for this machine, compared with the shipped ones."""

    machine: Machine
    kind: DeviceKind
    nets: int
    coefficients: Coefficients
    """Fitted to all nets."""
    fitted: Misfit
    """Of coefficients fitted to two thirds of the nets, on the last third."""
    shipped: Misfit
    """Of the shipped coefficients, on the same third."""


def measured(nets: int, device: str, precision: str, on_run: Callable[[int], None]) -> CostModel:
    """Train random nets, as many at once as a search would, and fit; `on_run` is called with the number of finished
    runs."""
    configs = [random_config(random.Random(number)) for number in range(nets)]  # noqa: S311
    with open_worker_pool(
        workers=cores(), device=device, precision=precision, train_images=TRAINED, validation_images=EVALUATED
    ) as pool:
        seconds = _measure(pool, configs, on_run)
        machine, kind = pool.machine, pool.numerics["kind"]
    return judge(_work(configs, int(COEFFICIENTS[kind].vector)), seconds, machine, kind)


def judge(work: Array, seconds: Array, machine: Machine, kind: DeviceKind) -> CostModel:
    """Return the quality of coefficients, by measurements.

    Args:
        work: (nets, coefficients), as `cost_model.period_features` counts it.
        seconds: (nets,) of the same periods.
        machine: where they were measured.
        kind: the kind of processor whose shipped coefficients are judged, too.
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


def _measure(pool: WorkerPool, configs: Sequence[TrainConfig], on_run: Callable[[int], None]) -> Array:
    """Return the seconds (nets,) of each net's epoch: on a CPU those that its process computed, which neighbours
    disturb little."""
    reports = pool.share([period_of(config) for config in configs] * RUNS, on_run)
    on_gpu = pool.machine.gpu is not None
    seconds = [report.seconds if on_gpu else report.metrics["cpu_seconds"] for report in reports]
    return np.array(np.array(seconds, dtype=np.float64).reshape(RUNS, len(configs)).min(axis=0))


@dataclass(frozen=True, kw_only=True, slots=True)
class EstimateErrors:
    """Of one study."""

    study: str
    ratios: tuple[float, ...]
    """Measured over estimated time of every period that was trained to its end, trial by trial."""
    misfit: Misfit
    ordering: float
    """Seconds that workers waited because a logically earlier period was not ready."""
    available: float
    """Seconds of all workers together."""

    @property
    def lost(self) -> float:
        """The share of worker time that the waiting took, 0 to 1."""
        return self.ordering / self.available


def estimate_errors(study: StudyRecord) -> EstimateErrors:
    """Compare the logical costs of a study's periods with the seconds that its reports note.

    Raises:
        StudyNotFoundError: nothing was trained to the end of a period yet, or it is not known where and when.
    """
    time = worker_time_of(study)
    pairs = [
        (cost / 1e6, report.seconds)
        for trial in study.trials
        for cost, report in zip(trial.costs, trial.reports, strict=False)
        if report.end is None
    ]
    if not pairs:
        raise StudyNotFoundError(f"Study {study.name} has no period that was trained to its end.")
    return EstimateErrors(
        study=study.name,
        ratios=tuple(measured / estimated for estimated, measured in pairs),
        misfit=misfit(*zip(*pairs, strict=True)),
        ordering=time.ordering,
        available=time.available,
    )


DIGITS = 4
"""Of a coefficient."""


def model_lines(model: CostModel) -> Iterator[str]:
    """Yield the coefficients as they stand in mnist_bench/nets/cost_model.py, and how far estimates are off."""
    values = ", ".join(f"{name}={_number(value)}" for name, value in asdict(model.coefficients).items())
    yield from (sentence(model.machine), "", f'        case "{model.kind}":', "            return Coefficients(")
    yield from (f"                {values}", "            )", "")
    yield f"Judged on every third of {model.nets} random nets, after one common factor:"
    for name, misfit in (("fitted to the other nets", model.fitted), ("shipped", model.shipped)):
        yield (
            f"{name}: median error {cells.percent(misfit.median, 1)}, nine in ten below "
            f"{cells.percent(misfit.nine_in_ten, 1)}, measured / estimated {misfit.factor:.2f}"
        )


def _number(value: float) -> str:
    rounded = float(f"{value:.{DIGITS}g}")
    return f"{int(rounded):_}" if rounded.is_integer() else f"{rounded}"


def study_lines(found: EstimateErrors) -> Iterator[str]:
    """Yield the errors of the estimates of a study's periods, and the time spent on waiting for their order."""
    median, most = (cells.percent(share, 1) for share in (found.misfit.median, found.misfit.nine_in_ten))
    yield f"{found.study}: {len(found.ratios):,} periods took {found.misfit.factor:.2f} times their estimates."
    yield f"That factor apart, an estimate is off by {median} in the median, nine in ten by less than {most}."
    yield (
        f"Waiting for the logical order took {found.ordering:.1f} s of {found.available:.1f} s of worker time, "
        f"{cells.percent(found.lost, 1)}."
    )


def main(arguments: Sequence[str]) -> None:
    """Print what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", type=int, default=40)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto", choices=get_args(PrecisionName))
    parser.add_argument("--study")
    parser.add_argument("--results", type=Path, default=Path("results"))
    asked = parser.parse_args(arguments)
    if asked.study is not None:
        lines = study_lines(estimate_errors(open_study(asked.results, asked.study, None)))
    elif asked.nets < MIN_NETS:
        parser.error(f"--nets {asked.nets}: give at least {MIN_NETS}, for fewer fit any coefficients.")
    else:
        lines = model_lines(measured(asked.nets, asked.device, asked.precision, _tell))
    print(*lines, sep="\n")


def _tell(done: int) -> None:
    print(f"{done} runs", file=sys.stderr, end="\r")


if __name__ == "__main__":
    main(sys.argv[1:])
