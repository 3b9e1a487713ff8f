"""`mnist-bench bench cost-model`: the estimate of a period's time, fitted on this machine or judged on a study."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench.cli import cells, options
from mnist_bench.cli.experiments import PrecisionName

if TYPE_CHECKING:
    from mnist_bench.bench import CostModel, EstimateErrors

SHOWN = 4
"""Digits of a coefficient."""
NEWS = 10
"""Runs between two lines of progress."""


def cost_model(
    nets: Annotated[
        int, typer.Option("--nets", min=12, max=10_000, metavar="N", help="Random nets, two epochs each.")
    ] = 40,
    device: options.Device = "auto",
    precision: Annotated[
        PrecisionName, typer.Option("--precision", help="Of convolutions; auto is the device's fastest.")
    ] = "auto",
    study: Annotated[
        str | None,
        typer.Option("--study", metavar="STUDY", help="Train nothing; judge the estimates of this study's periods."),
    ] = None,
    json: options.Json = False,
    results: options.Results = options.RESULTS,
    storage: options.Storage = None,
) -> None:
    """Fit on this machine what a period of training costs, or judge a study's estimates.

    A search orders its events by these estimates. The coefficients ship in mnist_bench/nets/cost_model.py.
    """
    from mnist_bench.cli import output

    if study is None:
        fitted = _fit(nets, device, precision)
        if json:
            output.print_json(asdict(fitted))
        else:
            _show_fit(fitted)
        return
    judged = _judge(study, results, storage)
    if json:
        output.print_json({**asdict(judged), "lost": judged.lost})
    else:
        _show_study(judged)


def _fit(nets: int, device: str, precision: str) -> CostModel:
    from mnist_bench.bench import RUNS, cost_fit
    from mnist_bench.cli import output

    def tell(done: int) -> None:
        if done % NEWS == 0 or done == RUNS * nets:
            output.note(f"{done} of {RUNS * nets} runs")

    return cost_fit.run(cost_fit.Options(nets=nets, workers=options.cores(), device=device, precision=precision), tell)


def _judge(study: str, results: Path, storage: str | None) -> EstimateErrors:
    from mnist_bench.bench import estimate_errors
    from mnist_bench.studies import open_study

    return estimate_errors(open_study(results, study, storage))


def _show_fit(found: CostModel) -> None:
    from mnist_bench.cli import output
    from mnist_bench.cli.output import Column
    from mnist_bench.numerics import sentence

    columns = [
        Column("coefficients", lambda row: row[0], 9),
        Column("median error", lambda row: cells.percent(row[1].median, 1), 8, "right"),
        Column("nine in ten below", lambda row: cells.percent(row[1].nine_in_ten, 1), 7, "right"),
        Column("measured / estimated", lambda row: f"{row[1].factor:.2f}", 6, "right"),
    ]
    for line in (sentence(found.machine), "", *_source(found), ""):
        output.print_line(line)
    output.print_table([("fitted here", found.fitted), ("shipped", found.shipped)], columns)
    output.print_line()
    for line in (
        f"Both judged on every third of {found.nets} random nets, after one common factor;",
        "fitted for that to the other nets, and for the lines above to all.",
    ):
        output.print_line(line)


def _show_study(found: EstimateErrors) -> None:
    from mnist_bench.cli import output

    median, most = (cells.percent(share, 1) for share in (found.misfit.median, found.misfit.nine_in_ten))
    for line in (
        f"{found.study}: {len(found.ratios):,} periods took {found.misfit.factor:.2f} times their estimates.",
        f"That factor apart, an estimate is off by {median} in the median, nine in ten by less than {most}.",
        f"Waiting for the logical order took {found.ordering:.1f} s of {found.available:.1f} s of worker time, "
        f"{cells.percent(found.lost, 1)}.",
    ):
        output.print_line(line)


def _source(found: CostModel) -> list[str]:
    """Return the coefficients as they stand in mnist_bench/nets/cost_model.py."""
    values = (f"{name}={_number(value)}" for name, value in asdict(found.coefficients).items())
    return [f'    "{found.kind}": Coefficients(', f"        {', '.join(values)}", "    ),"]


def _number(value: float) -> str:
    rounded = float(f"{value:.{SHOWN}g}")
    return f"{int(rounded):_}" if rounded.is_integer() else f"{rounded}"
