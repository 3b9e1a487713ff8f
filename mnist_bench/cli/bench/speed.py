"""`mnist-bench bench speed`: how fast this machine trains, what the time goes to, how far from the floor."""

from __future__ import annotations

from typing import Annotated

import typer

from mnist_bench.cli import options, output


def speed(
    repeats: Annotated[
        int, typer.Option("--repeats", min=1, max=1000, metavar="N", help="Of every measurement, in turn.")
    ] = 5,
    device: options.Device = "auto",
    precision: options.PrecisionOption = "auto",
    json: options.Json = False,
    markdown: options.Markdown = False,
) -> None:
    """Measure how fast this machine trains four fixed nets, on all cores at once.

    One process a core, one thread each, as a search trains; on a GPU one process. It takes about 2 minutes on 2 cores.
    """
    form = output.form(json=json, markdown=markdown)
    from mnist_bench.bench import speed as benchmark, speed_tables

    asked = benchmark.SpeedOptions(repeats=repeats, workers=options.cores(), device=device, precision=precision)

    def on_round(number: int) -> None:
        output.note(f"repeat {number} of {repeats}" if number else "warm-up")

    found = benchmark.measure_speed(asked, on_round)
    output.show(form, *speed_tables(found))
