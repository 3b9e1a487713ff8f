"""`mnist-bench bench cost-model`: the estimate of a period's time, fitted on this machine or judged on a study."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_bench import cells
from mnist_bench.cli import options, output
from search.errors import UsageError

if TYPE_CHECKING:
    from mnist_bench.bench import CostModel, EstimateErrors

NEWS = 10
"""Runs between two lines of progress."""


def cost_model(
    nets: Annotated[
        int | None,
        typer.Option("--nets", min=12, max=10_000, metavar="N", help="Random nets, two epochs each; left out, 40."),
    ] = None,
    device: options.Device = "auto",
    precision: options.PrecisionOption = "auto",
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
    from mnist_bench.bench import cost_model_table

    form = output.form(json=json)
    if study is None:
        output.show(form, cost_model_table(_fit(nets or 40, device, precision)))
        return
    if nets is not None or (device, precision) != ("auto", "auto"):
        raise UsageError("--study trains nothing; leave out --nets, --device and --precision.")
    judged = _judge(study, results, storage)
    if json:
        output.print_json({**asdict(judged), "lost": judged.lost})
    else:
        _show_study(judged)


def _fit(nets: int, device: str, precision: str) -> CostModel:
    from mnist_bench.bench import RUNS, cost_fit

    def tell(done: int) -> None:
        if done % NEWS == 0 or done == RUNS * nets:
            output.note(f"{done} of {RUNS * nets} runs")

    return cost_fit.run(cost_fit.Options(nets=nets, workers=options.cores(), device=device, precision=precision), tell)


def _judge(study: str, results: Path, storage: str | None) -> EstimateErrors:
    from mnist_bench.bench import estimate_errors
    from mnist_bench.studies import open_study

    return estimate_errors(open_study(results, study, storage))


def _show_study(found: EstimateErrors) -> None:
    median, most = (cells.percent(share, 1) for share in (found.misfit.median, found.misfit.nine_in_ten))
    for line in (
        f"{found.study}: {len(found.ratios):,} periods took {found.misfit.factor:.2f} times their estimates.",
        f"That factor apart, an estimate is off by {median} in the median, nine in ten by less than {most}.",
        f"Waiting for the logical order took {found.ordering:.1f} s of {found.available:.1f} s of worker time, "
        f"{cells.percent(found.lost, 1)}.",
    ):
        output.print_line(line)
