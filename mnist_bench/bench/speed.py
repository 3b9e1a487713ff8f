"""How fast this machine trains a few fixed nets, how the time is spent, and how far that is from the floor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import torch

from mnist_bench.bench.bench_worker import pass_of, rate_of
from mnist_bench.bench.epoch_parts import Part
from mnist_bench.bench.kernels import KERNELS, PRECISIONS, Kernel, floor_seconds, operations
from mnist_bench.bench.measured_nets import nets
from mnist_bench.bench.worker_pool import WorkerPool, open_worker_pool
from mnist_bench.nets.architecture import plan_layers
from mnist_bench.nets.cost_model import filled_macs
from mnist_bench.numerics.device import find_device
from mnist_bench.numerics.kinds import Precision
from mnist_bench.numerics.machine import Machine
from mnist_bench.numerics.precision import best_precision
from search.arguments import check_count

IMAGES = {"cpu": 5120, "cuda": 48_640}
"""Training images of each process and pass, whole batches of every net."""
EVALUATED = {"cpu": 2500, "cuda": 10_000}
"""Validation images of each process and pass."""
EPOCH = 60_000
VALIDATION = 10_000
PARTS: tuple[Part, ...] = ("epoch", "load", "batches", "train", "evaluate")
PARTS_OF_A_GPU: tuple[Part, ...] = (*PARTS, "replayed")

Round = Mapping[tuple[str, str], float]
"""Seconds of (net, part) and of (kernel, precision), all processes at once, from their start to the last one's end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeedOptions:
    """The work to measure, and the device."""

    repeats: int
    workers: int
    """Processes on a CPU; a GPU has one."""
    device: str
    precision: str

    def __post_init__(self) -> None:
        check_count("repeats", self.repeats)
        check_count("workers", self.workers)


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """A figure over the repeats."""

    median: float
    low: float
    """The lowest of the repeats."""
    high: float
    """The highest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NetSpeed:
    """How fast the whole machine trains one net."""

    net: str
    images_per_second: Spread
    """Loaded, augmented and trained on."""
    epoch: Spread
    """Seconds for 60,000 images; evaluation is not among them."""
    load: Spread
    """Seconds of that: picking images, as numbers, normalised."""
    augment: Spread
    """Seconds of that: distorting them, as what making batches takes longer with it than without."""
    train: Spread
    """Seconds of that: forward, backward, optimizer."""
    evaluate: Spread
    """Seconds for evaluating 10,000 images."""
    macs: int
    """Multiply-accumulates of an image, forward."""
    floor: float
    """Seconds for 60,000 images if every multiply-accumulate ran at the machine's rate of convolution and nothing
    else took time."""
    filled_floor: float
    """The same with feature maps rounded up to groups of 16, as kernels compute."""
    replayed: Spread | None = None
    """On a GPU seconds for 60,000 images as a search trains them, with captured steps; None on a CPU."""

    @property
    def times_floor(self) -> float:
        """How many times its floor an epoch takes."""
        return self.epoch.median / self.floor


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """How fast the machine computes one kernel."""

    kernel: Kernel
    precision: Precision
    gflops: Spread
    """10^9 floating-point operations a second, of each process while all compute."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Speed:
    """The speed of a machine."""

    machine: Machine
    processes: int
    """That trained at the same time, one thread each."""
    repeats: int
    images: int
    """Of each process, net and repeat."""
    nets: tuple[NetSpeed, ...]
    rates: tuple[Rate, ...]

    @property
    def bf16_over_fp32(self) -> float | None:
        """How many times as long a convolution takes in bfloat16 as in float32; None if one was not measured."""
        found = {rate.precision: rate.gflops.median for rate in self.rates if rate.kernel == "convolution"}
        return found["fp32"] / found["bf16"] if len(found) == len(PRECISIONS) else None


def measure_speed(options: SpeedOptions, on_round: Callable[[int], None]) -> Speed:
    """Measure this machine: a round to warm up, then the repeats, each with every net and kernel in turn.

    `on_round` is called with the number of each round that begins, 0 for the warm-up.

    Raises:
        DeviceError, WorkerError: as `open_worker_pool`.
    """
    device = find_device(options.device, options.precision)
    images, evaluated = IMAGES[device.type], EVALUATED[device.type]
    with open_worker_pool(
        workers=options.workers, device=options.device, precision=options.precision,
        train_images=images, validation_images=evaluated,
    ) as pool:  # fmt: skip
        rounds = []
        machine, processes = pool.machine, pool.executor.workers
        for number in range(options.repeats + 1):
            on_round(number)
            rounds.append(_round(pool, _worth_measuring(device, machine.precision), on_gpu=device.type == "cuda"))
    return summary(rounds[1:], machine, processes, images=images, evaluated=evaluated)


def summary(rounds: Sequence[Round], machine: Machine, processes: int, *, images: int, evaluated: int) -> Speed:
    """Return the speed that the rounds give, for passes over `images` images per process."""
    rates = _rates(rounds, "cuda" if machine.gpu else "cpu")
    by_kernel = {(rate.kernel, rate.precision): rate.gflops.median for rate in rates}
    gflops = processes * by_kernel["convolution", machine.precision]
    epochs, validations = EPOCH / (images * processes), VALIDATION / (evaluated * processes)
    return Speed(
        machine=machine,
        processes=processes,
        repeats=len(rounds),
        images=images,
        nets=tuple(_net_speed(net, rounds, epochs, validations, gflops) for net in nets()),
        rates=rates,
    )


def _worth_measuring(device: torch.device, trained_in: Precision) -> tuple[Precision, ...]:
    """Return the precisions that the device has instructions for; emulated, bfloat16 takes minutes and shows little."""
    if trained_in == "portable":  # whose process has the kernels of AVX2 alone
        return ("portable",)
    return ("fp32", "bf16") if "bf16" in (best_precision(device), trained_in) else ("fp32",)


def _rates(rounds: Sequence[Round], device_type: str) -> tuple[Rate, ...]:
    measured: list[tuple[Kernel, Precision]] = [
        (kernel, precision)
        for kernel in KERNELS
        for precision in (*PRECISIONS, "portable")
        if (kernel, precision) in rounds[0]
    ]
    return tuple(_rate(rounds, kernel, precision, operations(kernel, device_type)) for kernel, precision in measured)


def _rate(rounds: Sequence[Round], kernel: Kernel, precision: Precision, done: int) -> Rate:
    gflops = _spread([done / found[kernel, precision] / 1e9 for found in rounds])
    return Rate(kernel=kernel, precision=precision, gflops=gflops)


def _round(pool: WorkerPool, precisions: Sequence[Precision], *, on_gpu: bool) -> Round:
    found = {(kernel, precision): rate_of(kernel, precision) for kernel in KERNELS for precision in precisions}
    return {
        **{key: pool.together(order) for key, order in found.items()},
        **{
            (net, part): pool.together(pass_of(net, part))
            for net in nets()
            for part in (PARTS_OF_A_GPU if on_gpu else PARTS)
        },
    }


def _net_speed(net: str, rounds: Sequence[Round], epochs: float, validations: float, gflops: float) -> NetSpeed:
    """Return one net's figures; `epochs` and `validations` scale a pass to whole sets on the whole machine."""
    parts = [part for part in PARTS_OF_A_GPU if (net, part) in rounds[0]]
    seconds = {part: [found[net, part] * epochs for found in rounds] for part in parts}
    architecture = plan_layers(nets()[net].model)
    distorting = [max(0.0, both - load) for both, load in zip(seconds["batches"], seconds["load"], strict=True)]
    return NetSpeed(
        net=net,
        images_per_second=_spread([EPOCH / whole for whole in seconds["epoch"]]),
        epoch=_spread(seconds["epoch"]),
        load=_spread(seconds["load"]),
        augment=_spread(distorting),
        train=_spread(seconds["train"]),
        evaluate=_spread([found[net, "evaluate"] * validations for found in rounds]),
        macs=architecture.macs,
        floor=floor_seconds(architecture.macs, EPOCH, gflops),
        filled_floor=floor_seconds(filled_macs(architecture), EPOCH, gflops),
        replayed=_spread(seconds["replayed"]) if "replayed" in seconds else None,
    )


def _spread(values: Sequence[float]) -> Spread:
    return Spread(median=median(values), low=min(values), high=max(values))


def plain(speed: Speed) -> dict[str, Any]:
    """Return a machine's speed as plain values for JSON, with further figures computed from it."""
    values = asdict(speed)
    for row, net in zip(values["nets"], speed.nets, strict=True):
        row["times_floor"] = net.times_floor
    return values
