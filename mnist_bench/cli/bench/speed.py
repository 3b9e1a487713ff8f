"""`mnist-bench bench speed`: how fast this machine trains, what the time goes to, how far from the floor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench.cli import options
from mnist_bench.cli.experiments import PrecisionName

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mnist_bench.bench import NetSpeed, Rate, Speed, Spread
    from mnist_bench.cli.output import Column


def speed(
    repeats: Annotated[
        int, typer.Option("--repeats", min=1, max=1000, metavar="N", help="Of every measurement, in turn.")
    ] = 5,
    device: options.Device = "auto",
    precision: Annotated[
        PrecisionName, typer.Option("--precision", help="Of convolutions; auto is the device's fastest.")
    ] = "auto",
    json: options.Json = False,
    markdown: options.Markdown = False,
) -> None:
    """Measure how fast this machine trains four fixed nets, on all cores at once.

    One process a core, one thread each, as a search trains; on a GPU one process. It takes about 2 minutes on 2 cores.
    """
    from mnist_bench.bench import plain, speed as benchmark
    from mnist_bench.bench.published import published
    from mnist_bench.cli import output

    machines = published()
    asked = benchmark.Options(repeats=repeats, workers=options.cores(), device=device, precision=precision)
    found = benchmark.run(asked, lambda number: output.note(f"repeat {number} of {repeats}" if number else "warm-up"))
    if json:
        output.print_json(plain(found))
    else:
        show(found, machines, markdown=markdown)


def show(found: Speed, machines: Mapping[str, Speed], *, markdown: bool = False) -> None:
    """Print a machine's speed for a person, beside that of the published `machines`."""
    from mnist_bench.cli import output
    from mnist_bench.numerics import sentence

    table = output.print_markdown if markdown else output.print_table
    output.print_line(sentence(found.machine))
    for rows, columns in ((found.nets, _net_columns(machines)), (found.rates, _rate_columns(machines))):
        output.print_line()
        table(rows, columns)
    output.print_line()
    for line in footnotes(found, machines):
        output.print_line(line)


def footnotes(found: Speed, machines: Mapping[str, Speed]) -> list[str]:
    """Return what the figures are, and the machines that they stand beside."""
    from mnist_bench.numerics import sentence

    repeats = "1 repeat" if found.repeats == 1 else f"{found.repeats} repeats"
    processes = "1 process" if found.processes == 1 else f"{found.processes} processes at once, one thread each"
    return [
        f"Medians of {repeats} of {found.images:,} images in {processes}, in brackets the lowest and "
        "the highest; seconds of the whole machine.",
        "epoch: 60,000 images, of which load, augment and train are parts measured on their own; evaluate: 10,000.",
        "floor: an epoch's multiply-accumulates, forward and backward, at the rate of convolution, and nothing else.",
        *(f"{name}: {sentence(machine.machine)}" for name, machine in machines.items()),
    ]


def _net_columns(machines: Mapping[str, Speed]) -> list[Column]:
    from mnist_bench.cli.output import Column

    return [
        Column("net", lambda row: row.net, 9),
        Column("images/s", lambda row: _figure(row.images_per_second), 8, "right"),
        Column("epoch", lambda row: _seconds(row.epoch.median), 7, "right"),
        Column("load", lambda row: _seconds(row.load.median), 4, "right"),
        Column("augment", lambda row: _seconds(row.augment.median), 4, "right"),
        Column("train", lambda row: _seconds(row.train.median), 4, "right"),
        Column("evaluate", lambda row: _seconds(row.evaluate.median), 4, "right"),
        Column("floor", lambda row: _seconds(row.floor), 5, "right"),
        Column("times", lambda row: f"{row.times_floor:.1f}", 6, "right"),
        *(_published_net(name, machine.nets) for name, machine in machines.items()),
    ]


def _rate_columns(machines: Mapping[str, Speed]) -> list[Column]:
    from mnist_bench.cli.output import Column

    return [
        Column("rate", lambda row: f"{row.kernel}, {row.precision}", 9),
        Column("GFLOP/s a process", lambda row: _figure(row.gflops), 8, "right"),
        *(_published_rate(name, machine.rates) for name, machine in machines.items()),
    ]


def _published_net(name: str, nets: Sequence[NetSpeed]) -> Column:
    from mnist_bench.cli.output import Column

    found = {row.net: f"{row.images_per_second.median:,.0f}" for row in nets}
    return Column(name, lambda row: found.get(row.net, "–"), 3, "right")


def _published_rate(name: str, rates: Sequence[Rate]) -> Column:
    from mnist_bench.cli.output import Column

    found = {(row.kernel, row.precision): f"{row.gflops.median:,.0f}" for row in rates}
    return Column(name, lambda row: found.get((row.kernel, row.precision), "–"), 3, "right")


def _figure(spread: Spread) -> str:
    return f"{spread.median:,.0f} [{spread.low:,.0f}, {spread.high:,.0f}]"


def _seconds(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"
