"""How fast this machine trains a few fixed nets, on all cores at once, as a search does; and whether bfloat16 is fast.

Measurements run in the very processes that a search trains in, with their threads, memory settings and end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache
from math import inf
from statistics import median
from typing import Any

import torch
from torch.nn import functional

from mnist_bench.config.settings import AugmentConfig, ModelConfig, OptimConfig, TrainConfig
from mnist_bench.config.values import from_json, to_json
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.idx import close_test_set
from mnist_bench.data.tensors import load_dataset
from mnist_bench.numerics.device import Machine, find_device, setup, this_machine
from mnist_bench.numerics.kinds import environment_of
from mnist_bench.result_table import Figure, ShownAsTable, Table
from mnist_bench.space_files import space_sources
from mnist_bench.training.trainer import TorchTrainer
from search.executors.jobs import StartedWorkers, started
from search.executors.local import LocalExecutor
from search.messages import number_of
from search.trainer_api import PLAIN, Report, TrainerSpec

IMAGES = {"cpu": 5120, "cuda": 48_640}  # training images of each process and epoch, whole batches of every net
VALIDATION = 1000  # validation images, on which an epoch ends
LEAD = 0.05  # seconds from giving out work to its common start: time for the last worker to receive it
BATCH, MAPS, PICTURE, KERNEL = 128, (32, 64), 14, 3
REPEATS, TURNS = 8, 3  # of the convolution that is timed in bfloat16


@cache
def nets() -> dict[str, TrainConfig]:
    """Return the nets by name, each for one epoch of the search's split; fixed, so that machines and versions compare.

    two-conv is a small net with a fast recipe. batchnorm-N is the notebook's best net and recipe at batch size N (the
    notebook has 32). conv-mid is a net of medium size from version 0.1's spaces/conv.yaml.
    """
    notebook = replace(space_sources.recipe(space_sources.load("notebook/batchnorm")), train_on="search_split")
    augment = AugmentConfig(rotation_degrees=10, zoom=0.1, shear_radians=0.1, translate_pixels=1.5)
    small = ModelConfig(blocks=2, filters=(24, 32), kernel_size=(5, 3), hidden_layers=1, hidden_units=256)
    fast = OptimConfig(lr=1e-2, beta1=0.7, beta2=0.9, batch_size=256, schedule="one_cycle")
    medium = replace(small, filters=(16, 32), batchnorm="before_activation", hidden_units=128)
    return {
        "two-conv": TrainConfig(epochs=1, model=small, augment=augment, optim=fast),
        "batchnorm-128": replace(notebook, optim=replace(notebook.optim, batch_size=128)),
        "batchnorm-32": notebook,
        "conv-mid": TrainConfig(
            epochs=1, model=medium, augment=augment, optim=OptimConfig(lr=3e-3, batch_size=128, ema_decay=0.99)
        ),
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class NetSpeed:
    """How many images of one net the whole machine trains in a second: loaded, augmented, trained on and judged."""

    net: str
    median: float
    low: float  # the lowest of the repeats
    high: float  # the highest


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Speed(ShownAsTable):
    """The speed of a machine."""

    machine: Machine
    processes: int  # that trained at the same time, one thread each
    repeats: int
    images: int  # of each process, net and repeat
    nets: tuple[NetSpeed, ...]

    def table(self) -> Table[NetSpeed]:
        """Return the speed by net."""
        repeats = number_of(self.repeats, "repeat")
        processes = "1 process" if self.processes == 1 else f"{self.processes} processes at once, one thread each"
        medians = f"Medians of {repeats} of {self.images:,} images in {processes}"
        return Table(
            rows=self.nets,
            figures=[
                Figure("net", lambda row: row.net, 9),
                Figure("images/s", lambda row: f"{row.median:,.0f} [{row.low:,.0f}, {row.high:,.0f}]", 8, "right"),
            ],
            caption=[self.machine.sentence],
            footnotes=["", f"{medians}; in brackets the lowest and the highest."],
            document=asdict(self),
        )


def measure_speed(on_round: Callable[[int], None], *, repeats: int, workers: int, device: str, precision: str) -> Speed:
    """Measure this machine: a round to warm up, then the repeats, each with an epoch of every net in turn.

    `on_round` is called with the number of each round that begins, 0 for the warm-up. The rest as in `open_workers`.
    """
    images, place = IMAGES[find_device(device, precision).type], {"device": device, "precision": precision}
    with open_workers(workers, **place, train_images=images, validation_images=VALIDATION) as ready:
        processes, rounds = ready.executor.workers, []
        for number in range(repeats + 1):
            on_round(number)
            rounds.append([processes * images / seconds_together(ready, config) for config in nets().values()])
        by_net = zip(nets(), zip(*rounds[1:], strict=True), strict=True)
        return Speed(
            machine=machine_of(ready), processes=processes, repeats=repeats, images=images,
            nets=tuple(NetSpeed(net=net, median=median(each), low=min(each), high=max(each)) for net, each in by_net),
        )  # fmt: skip


@contextmanager
def open_workers(
    workers: int, *, device: str, precision: str, train_images: int, validation_images: int
) -> Iterator[StartedWorkers]:
    """Start workers that measure on a CPU, or one on a GPU, and yield them when all are ready.

    The images are the first of each part of MNIST's split.
    """
    images = {"train_images": train_images, "validation_images": validation_images}
    spec = TrainerSpec(
        factory=f"{__name__}:make_bench_worker", options={"device": device, "precision": precision, **images},
        environment=environment_of(precision),
    )  # fmt: skip
    number = 1 if find_device(device, precision).type == "cuda" else workers
    with started(lambda log: LocalExecutor(spec, number, log)) as ready:
        yield ready


def order(config: TrainConfig, start: float = 0.0) -> dict[str, Any]:
    """Return the order to train a configuration's first period from `start`, in seconds of the monotonic clock."""
    return {"config": to_json(config), "start": start}


def seconds_together(workers: StartedWorkers, config: TrainConfig) -> float:
    """Let all train the same at once; return the seconds from their common start to the end of the last."""
    start = time.monotonic() + LEAD
    reports = workers.share([order(config, start)] * workers.executor.workers)
    return max(report.metrics["ended"] or 0.0 for report in reports) - start


def machine_of(workers: StartedWorkers) -> Machine:
    """Return the machine that workers measure."""
    return this_machine(torch.device(workers.numerics["device"]), workers.numerics["precision"])


class BenchWorker:
    """Satisfies `search.trainer_api.Trainer`; its configurations are orders, and its periods measurements."""

    codec = PLAIN

    def __init__(self, trainer: TorchTrainer) -> None:
        self.trainer = trainer
        self.numerics: Mapping[str, Any] = trainer.numerics

    def advance(self, config: Mapping[str, Any], seed: int, period: int, state: bytes | None) -> tuple[bytes, Report]:
        """Carry out an order; the report has the end's time and the `cpu_seconds` that this process computed."""
        trained = from_json(config["config"])
        self._finish()
        time.sleep(max(0.0, config["start"] - time.monotonic()))
        began, computed = time.monotonic(), time.process_time()
        self.trainer.advance(trained, 0, 1, None)
        self._finish()
        ended = time.monotonic()
        metrics = {"ended": ended, "cpu_seconds": time.process_time() - computed}
        return b"", Report(value=None, metrics=metrics, weights="", measured={"seconds": ended - began})

    def _finish(self) -> None:
        """Wait until the device has done its work; a CPU always has."""
        if self.trainer.data.device.type == "cuda":
            torch.cuda.synchronize(self.trainer.data.device)


def make_bench_worker(*, device: str, precision: str, train_images: int, validation_images: int) -> BenchWorker:
    """Return this process's bench worker; see `open_workers`."""
    close_test_set()
    torch_device, chosen = setup(device, precision)
    data = load_dataset(DataOptions(), torch_device)
    some = replace(data, train=data.train[:train_images], validation=data.validation[:validation_images])
    return BenchWorker(TorchTrainer(some, chosen))


def bf16_over_fp32(device: torch.device) -> float:
    """Return how many times as long a convolution takes in bfloat16 as in float32 on a CPU; it takes about a second.

    The fastest of several turns counts, since other work on the machine only adds time.
    """
    works = {dtype: _convolution(device, dtype) for dtype in (torch.float32, torch.bfloat16)}
    seconds = dict.fromkeys(works, inf)
    for _ in range(TURNS):
        for dtype, work in works.items():
            began = time.perf_counter()
            work()
            seconds[dtype] = min(seconds[dtype], time.perf_counter() - began)
    return seconds[torch.bfloat16] / seconds[torch.float32]


def slow_bf16(ratio: float) -> str:
    """Return the warning that bfloat16 takes `ratio` times as long as float32, above 1."""
    return (
        f"bfloat16 is SLOWER than float32 here: a convolution takes {ratio:.1f} times as long, with PyTorch "
        f"{torch.__version__}."
    )


def _convolution(device: torch.device, dtype: torch.dtype) -> Callable[[], None]:
    """Return a 3x3 convolution of 32 to 64 feature maps of 14x14, forward and backward, channels last, repeated."""
    generator = torch.Generator().manual_seed(0)
    shapes: Sequence[tuple[int, ...]] = (
        (BATCH, MAPS[0], PICTURE, PICTURE), (MAPS[1], MAPS[0], KERNEL, KERNEL), (BATCH, MAPS[1], PICTURE, PICTURE),
    )  # fmt: skip
    pixels, weights, gradient = (
        torch.rand(shape, generator=generator).sub_(0.5).to(device, dtype).to(memory_format=torch.channels_last)
        for shape in shapes
    )

    def work() -> None:
        for _ in range(REPEATS):
            found = functional.conv2d(pixels, weights, padding=KERNEL // 2)
            torch.autograd.grad(found, (pixels, weights), gradient)

    pixels.requires_grad_()
    weights.requires_grad_()
    return work
