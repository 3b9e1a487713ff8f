"""The results of `bench speed` as tables, with all their words."""

from __future__ import annotations

from mnist_bench.bench.kernels import slow_bf16
from mnist_bench.bench.speed import NetSpeed, Rate, Speed, Spread, plain
from mnist_bench.numerics.machine import sentence
from mnist_bench.result_table import Column, Table


def speed_tables(speed: Speed) -> tuple[Table[NetSpeed], Table[Rate]]:
    """Return a machine's speed by net and by kernel."""
    nets: list[Column[NetSpeed]] = [
        Column("net", lambda row: row.net, 9),
        Column("images/s", lambda row: _figure(row.images_per_second), 8, "right"),
        Column("epoch", lambda row: _seconds(row.epoch.median), 7, "right"),
        *([_replayed()] if _on_gpu(speed) else []),
        Column("load", lambda row: _seconds(row.load.median), 4, "right"),
        Column("augment", lambda row: _seconds(row.augment.median), 4, "right"),
        Column("train", lambda row: _seconds(row.train.median), 4, "right"),
        Column("evaluate", lambda row: _seconds(row.evaluate.median), 4, "right"),
        Column("floor", lambda row: _seconds(row.floor), 5, "right"),
        Column("filled", lambda row: _seconds(row.filled_floor), 4, "right"),
        Column("times", lambda row: f"{row.times_floor:.1f}", 6, "right"),
    ]
    rates: list[Column[Rate]] = [
        Column("rate", lambda row: f"{row.kernel}, {row.precision}", 9),
        Column("GFLOP/s a process", lambda row: _figure(row.gflops), 8, "right"),
    ]
    slow = speed.bf16_over_fp32 or 0.0
    caption = [sentence(speed.machine), *([slow_bf16(slow)] if slow > 1 else [])]
    return (
        Table(rows=speed.nets, columns=nets, caption=caption, document=plain(speed)),
        Table(rows=speed.rates, columns=rates, footnotes=["", *_footnotes(speed)]),
    )


def _footnotes(speed: Speed) -> list[str]:
    """Return sentences that explain the figures."""
    repeats = "1 repeat" if speed.repeats == 1 else f"{speed.repeats} repeats"
    processes = "1 process" if speed.processes == 1 else f"{speed.processes} processes at once, one thread each"
    return [
        f"Medians of {repeats} of {speed.images:,} images in {processes}, in brackets the lowest and "
        "the highest; seconds of the whole machine.",
        "epoch: 60,000 images, of which load, augment and train are parts measured on their own; evaluate: 10,000.",
        *(["replayed: an epoch with its steps captured and replayed, as a search trains."] if _on_gpu(speed) else []),
        "floor: an epoch's multiply-accumulates, forward and backward, at the rate of convolution, and nothing else.",
        "filled: the same with feature maps rounded up to groups of 16, which kernels compute whole.",
    ]


def _on_gpu(speed: Speed) -> bool:
    return any(net.replayed for net in speed.nets)


def _replayed() -> Column[NetSpeed]:
    return Column("replayed", lambda row: _seconds(row.replayed.median) if row.replayed else "–", 7, "right")


def _figure(spread: Spread) -> str:
    return f"{spread.median:,.0f} [{spread.low:,.0f}, {spread.high:,.0f}]"


def _seconds(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"
