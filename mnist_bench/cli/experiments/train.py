"""`mnist-bench train`: train one recipe, with one seed or several."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_bench import cells
from mnist_bench.cli import options, output
from search.errors import UsageError
from search.files import atomic_write

if TYPE_CHECKING:
    from mnist_bench.config import TrainConfig
    from mnist_bench.training import FitResult
    from search.trainer_api import Report

OF_SEARCHES = ("details", "worker", "started", "handled")
"""Fields of a report that say nothing about a recipe trained on its own."""
HEADINGS = f"{'seed':>5} {'epoch':>6}  train loss  val loss  {'accuracy':>9}  errors     time"


def train(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="A space file without ranges, or a shipped one's name; - is stdin.")
    ],
    overrides: options.Overrides = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=1000, metavar="N", help="Train with N seeds.")] = 1,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="The first seed.")] = 0,
    device: options.Device = "auto",
    data_dir: options.DataDir = None,
    dataset: options.Dataset = "mnist",
    precision: options.PrecisionOption = "auto",
    output_file: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Keep the weights as safetensors, the configuration inside."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Train one recipe, with one seed or several."""
    from mnist_bench import numerics, space_files
    from mnist_bench.config import leaves_validation
    from mnist_bench.data import DataOptions, close_test_set, load_dataset
    from mnist_bench.training import fit

    _check_output(output_file, seeds)
    close_test_set()
    space = space_files.load(recipe, overrides or ())
    config = space_files.recipe(space)
    torch_device = numerics.setup(device)
    where = str(data_dir) if data_dir else None
    data = load_dataset(DataOptions(dataset=dataset, data_dir=where, subset=space.settings.get("subset")), torch_device)
    chosen = numerics.choose_precision(torch_device, precision)
    if not json:
        output.print_line(HEADINGS, "bold")
    results: dict[int, FitResult] = {}
    for number in range(seed, seed + seeds):
        show = None if json else partial(_show_period, number)
        results[number] = fit(config, number, data, chosen, show)
    if output_file is not None:
        _save(output_file, results[seed], config)
    if json:
        output.print_json(_plain(config, results))
    else:
        _print_summary(results)
        if not leaves_validation(config.train_on):
            output.note("train_on: all, so the validation images were trained on; `accuracy` is no estimate.")


def _check_output(path: Path | None, seeds: int) -> None:
    """Refuse what could not be kept, before any time is spent on training it."""
    if path is not None and seeds > 1:
        raise UsageError("--output keeps the weights of one seed; leave out --seeds, or --output.")
    if path is not None and not path.parent.is_dir():
        raise UsageError(f"{path}: cannot be written, there is no folder {path.parent}.")
    if path is not None and (path.is_dir() or not os.access(path.parent, os.W_OK)):
        raise UsageError(f"{path}: cannot be written, it is a folder or in one that is closed to you.")


def _show_period(seed: int, _period: int, _state: bytes, report: Report) -> None:
    metrics = report.metrics
    figures = f"{_number(metrics['train_loss'], '.5f'):>10}  {_number(metrics['val_loss'], '.5f'):>8}"
    accuracy = f"{cells.percent(report.value):>9}  {_number(metrics['errors'], 'd'):>6}"
    ended = f"  {report.end.replace('_', ' ')}" if report.end else ""
    time = f"{cells.duration(report.seconds):>7}"
    output.print_line(f"{seed:>5} {metrics['epoch']:>6g}  {figures}  {accuracy}  {time}{ended}")


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _save(path: Path, result: FitResult, config: TrainConfig) -> None:
    from mnist_bench.training import export

    if not result.state:
        raise UsageError(f"{path}: there are no weights to keep, training ended without any.")
    try:
        atomic_write(path, export(result.state, config))
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}).") from error
    output.note(f"weights in {path}")


def _accuracies(results: dict[int, FitResult]) -> list[float]:
    """Return the last accuracy of each seed that trained to its end."""
    finals = [result.reports[-1].value for result in results.values()]
    return [value for value in finals if value is not None]


def _print_summary(results: dict[int, FitResult]) -> None:
    from mnist_bench.statistics import mean_and_deviation

    for seed, result in results.items():
        output.print_line(f"weights of seed {seed}  sha256 {result.reports[-1].weights or '–'}")
    accuracies = _accuracies(results)
    if len(accuracies) > 1:
        mean, deviation = mean_and_deviation(accuracies)
        spread = f"{cells.percent(mean, 3)} ± {cells.percent(deviation, 3)}"
        output.print_line(f"{spread} validation accuracy (mean and standard deviation of {len(accuracies)} seeds)")
    if len(accuracies) < len(results):
        output.print_line(f"{len(results) - len(accuracies)} of {len(results)} seeds did not train to the end.")


def _plain(config: TrainConfig, results: dict[int, FitResult]) -> dict[str, Any]:
    from mnist_bench.config import to_json
    from mnist_bench.statistics import mean_and_deviation

    accuracies = _accuracies(results)
    mean, deviation = mean_and_deviation(accuracies) if accuracies else (None, None)
    curves = {seed: [_plain_report(report) for report in result.reports] for seed, result in results.items()}
    runs = [{"seed": seed, "curve": curve} for seed, curve in curves.items()]
    return {"recipe": to_json(config), "mean": mean, "standard_deviation": deviation, "runs": runs}


def _plain_report(report: Report) -> dict[str, Any]:
    return {name: value for name, value in report.to_json().items() if name not in OF_SEARCHES}
