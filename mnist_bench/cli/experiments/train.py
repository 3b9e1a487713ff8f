"""`mnist-bench train`: train one recipe, with one seed or several."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_bench import cells
from mnist_bench.cli import options, output, targets
from mnist_bench.config import DatasetName, TrainOn
from search.errors import UsageError

if TYPE_CHECKING:
    from mnist_bench.config import TrainConfig
    from mnist_bench.training import FitResult
    from search.trainer_api import Report

OF_SEARCHES = ("details", "worker", "started", "handled")
"""Fields of a report that say nothing about a recipe trained on its own."""
HEADINGS = f"{'seed':>5} {'epoch':>6}  train loss  val loss  {'accuracy':>9}  errors     time"


def train(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE|STUDY/17", help="A space file without ranges, a shipped one's name, or a trial; - is stdin."
        ),
    ],
    overrides: options.Overrides = None,
    net: options.Net = None,
    train_on: Annotated[
        TrainOn | None, typer.Option("--on", help="Which training images; left out, as the recipe says.")
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=1000, metavar="N", help="Train with N seeds.")] = 1,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="The first seed.")] = 0,
    workers: options.Workers = None,
    device: options.Device = "auto",
    data_dir: options.Data = None,
    dataset: Annotated[
        DatasetName | None,
        typer.Option("--dataset", help="Left out, the recipe's or the trial's, or mnist.", show_default=False),
    ] = None,
    precision: options.PrecisionOption = "auto",
    output_file: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Keep the weights as safetensors, the configuration inside."),
    ] = None,
    json: options.Json = False,
    results: options.Results = options.RESULTS,
    storage: options.Storage = None,
) -> None:
    """Train one recipe, or a trial's, with one seed or several.

    A trial's own seed is for `reproduce`; here its settings are trained with others, and with `--on all` on all images.
    Several seeds train at once, as many as there are workers.
    """
    _check_output(output_file, seeds)  # before anything that takes seconds to load
    from mnist_bench.config import leaves_validation
    from mnist_bench.data import close_test_set
    from mnist_bench.experiments import recipe_training

    close_test_set()
    asked = recipe_training.Options(
        overrides=overrides or (), train_on=train_on, device=device, precision=precision, data_dir=data_dir, net=net
    )
    if _is_trial(recipe):
        if dataset is not None:
            raise UsageError(f"--dataset {dataset}: {recipe} is trained on the data set of its study; leave it out.")
        study, number = targets.open_target(recipe, results, storage)
        training = recipe_training.of_trial(study, targets.find_trial(study, number), asked)
    else:
        training = recipe_training.of_recipe(recipe, asked, dataset)
    config = training.config
    if not json:
        output.print_line(HEADINGS, "bold")
    numbers = range(seed, seed + seeds)
    heard = (lambda _, report: None) if json else _show_period
    found = training.fit_seeds(numbers, workers or options.suitable_workers(device), heard)
    fits = dict(zip(numbers, found, strict=True))
    if output_file is not None:
        training.save(fits[seed], output_file)
        output.note(f"weights in {output_file}")
    if json:
        output.print_json(_plain(config, fits))
    else:
        _print_summary(fits)
        if not leaves_validation(config.train_on):
            output.note("train_on: all, so the validation images were trained on; `accuracy` is no estimate.")


def _is_trial(recipe: str) -> bool:
    """Return whether it names a trial, as `conv-0/17` does, and no file."""
    from mnist_bench import space_files

    study, _, number = recipe.partition("/")
    is_file = os.path.exists(recipe) or recipe in space_files.shipped()
    return bool(study) and number.isascii() and number.isdigit() and not is_file


def _check_output(path: Path | None, seeds: int) -> None:
    """Refuse what could not be kept, before any time is spent on training it."""
    if path is not None and seeds > 1:
        raise UsageError("--output keeps the weights of one seed; leave out --seeds, or --output.")
    if path is not None and not path.parent.is_dir():
        raise UsageError(f"{path}: cannot be written, there is no folder {path.parent}.")
    if path is not None and (path.is_dir() or not os.access(path.parent, os.W_OK)):
        raise UsageError(f"{path}: cannot be written, it is a folder or in one that is closed to you.")


def _show_period(seed: int, report: Report) -> None:
    metrics = report.metrics
    figures = f"{_number(metrics['train_loss'], '.5f'):>10}  {_number(metrics['val_loss'], '.5f'):>8}"
    accuracy = f"{cells.percent(report.value):>9}  {_number(metrics['errors'], 'd'):>6}"
    ended = f"  {report.end.replace('_', ' ')}" if report.end else ""
    time = f"{cells.duration(report.seconds):>7}"
    output.print_line(f"{seed:>5} {metrics['epoch']:>6g}  {figures}  {accuracy}  {time}{ended}")


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


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
