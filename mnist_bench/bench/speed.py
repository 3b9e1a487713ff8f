"""How fast this machine trains a few fixed nets, on all cores at once, as a search does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from mnist_bench.bench.bench_worker import period_of
from mnist_bench.bench.measured_nets import nets
from mnist_bench.bench.worker_pool import open_worker_pool
from mnist_bench.numerics.device import Machine, find_device, sentence
from mnist_bench.result_table import Figure, Table
from search.arguments import check_count

IMAGES = {"cpu": 5120, "cuda": 48_640}
"""Training images of each process and epoch, whole batches of every net."""
VALIDATION = 1000
"""Validation images, on which an epoch ends."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeedOptions:
    """The device to measure, and how often."""

    repeats: int = 5
    workers: int = 1  # processes on a CPU; a GPU has one
    device: str = "auto"
    precision: str = "auto"

    def __post_init__(self) -> None:
        check_count("repeats", self.repeats)
        check_count("workers", self.workers)


@dataclass(frozen=True, kw_only=True, slots=True)
class NetSpeed:
    """How many images of one net the whole machine trains in a second: loaded, augmented, trained on and judged."""

    net: str
    median: float
    low: float  # the lowest of the repeats
    high: float  # the highest


@dataclass(frozen=True, kw_only=True, slots=True)
class Speed:
    """The speed of a machine."""

    machine: Machine
    processes: int  # that trained at the same time, one thread each
    repeats: int
    images: int  # of each process, net and repeat
    nets: tuple[NetSpeed, ...]


def measure_speed(options: SpeedOptions, on_round: Callable[[int], None]) -> Speed:
    """Measure this machine: a round to warm up, then the repeats, each with an epoch of every net in turn.

    `on_round` is called with the number of each round that begins, 0 for the warm-up.

    Raises:
        DeviceError, WorkerError: as `open_worker_pool`.
    """
    images = IMAGES[find_device(options.device, options.precision).type]
    with open_worker_pool(
        workers=options.workers, device=options.device, precision=options.precision,
        train_images=images, validation_images=VALIDATION,
    ) as pool:  # fmt: skip
        processes, rounds = pool.executor.workers, []
        for number in range(options.repeats + 1):
            on_round(number)
            rounds.append([processes * images / pool.together(period_of(config)) for config in nets().values()])
        return Speed(
            machine=pool.machine, processes=processes, repeats=options.repeats, images=images,
            nets=tuple(map(_net_speed, nets(), zip(*rounds[1:], strict=True))),
        )  # fmt: skip


def _net_speed(net: str, rates: Sequence[float]) -> NetSpeed:
    return NetSpeed(net=net, median=median(rates), low=min(rates), high=max(rates))


def table_of(speed: Speed) -> Table[NetSpeed]:
    """Return a machine's speed by net."""
    repeats = "1 repeat" if speed.repeats == 1 else f"{speed.repeats} repeats"
    processes = "1 process" if speed.processes == 1 else f"{speed.processes} processes at once, one thread each"
    return Table(
        rows=speed.nets,
        figures=[
            Figure("net", lambda row: row.net, 9),
            Figure("images/s", lambda row: f"{row.median:,.0f} [{row.low:,.0f}, {row.high:,.0f}]", 8, "right"),
        ],
        caption=[sentence(speed.machine)],
        footnotes=[
            "",
            f"Medians of {repeats} of {speed.images:,} images in {processes}; in brackets the lowest and the highest.",
        ],
        document=asdict(speed),
    )
