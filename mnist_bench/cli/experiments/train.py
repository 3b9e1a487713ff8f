"""`mnist-bench train`: train one recipe, with one seed or several."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mnist_bench import cells
from mnist_bench.cli import options, output, targets
from mnist_bench.config.settings import OfferedDataset, TrainOn
from mnist_bench.result_table import Figure, Table, further_measured
from search.arguments import MAX_SEED
from search.errors import UsageError
from search.files import check_target

if TYPE_CHECKING:
    from mnist_bench.config.settings import TrainConfig
    from mnist_bench.training.trainer import FitResult
    from search.trainer_api import Report

OF_SEARCHES = ("details", "worker", "started", "handled")
"""Fields of a report that say nothing about a recipe trained on its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """A period of one seed."""

    seed: int
    report: Report


def _metric(name: str, heading: str, form: str, importance: int) -> Figure[Trained]:
    def cell(value: float | None) -> str:
        return "–" if value is None else format(value, form)

    return Figure(heading, lambda row: row.report.metrics[name], importance, "right", cell, key=name)


FIGURES: Sequence[Figure[Trained]] = (
    Figure("seed", lambda row: row.seed, 9, "right", key="seed"),
    _metric("epoch", "epoch", "g", 8),
    _metric("train_loss", "train loss", ".5f", 4),
    _metric("val_loss", "val loss", ".5f", 3),
    Figure("accuracy", lambda row: row.report.value, 7, "right", cells.percent, key="value"),
    _metric("errors", "errors", "d", 6),
    Figure("time", lambda row: row.report.seconds, 2, "right", cells.duration, key="seconds"),
    Figure("end", lambda row: row.report.end, 5, cell=lambda end: (end or "").replace("_", " "), key="end"),
    Figure("", lambda row: row.report.weights, key="weights"),
)
WIDTHS = (5, 6, 10, 8, 9, 6, 10, 0)
"""Figure widths while rows are printed as they come."""


def train(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE|STUDY/17",
            help="A recipe (a space file without ranges), the name of a bundled recipe, a trial, or - for stdin.",
        ),
    ],
    overrides: options.Overrides = None,
    net: options.Net = None,
    train_on: Annotated[
        TrainOn | None,
        typer.Option(
            "--on",
            show_default="the recipe's",
            help="Images to train on: those of the search's split, or all of them with the validation images.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=1000, metavar="N", help="Number of seeds.")] = 1,
    seed: Annotated[int, typer.Option("--seed", min=0, max=MAX_SEED, metavar="N", help="First seed.")] = 0,
    workers: options.Workers = None,
    device: options.Device = "auto",
    data_dir: options.Data = None,
    dataset: Annotated[
        OfferedDataset | None,
        typer.Option(
            "--dataset", rich_help_panel=options.FILES, show_default="the recipe's, else mnist", help="Data set."
        ),
    ] = None,
    precision: options.PrecisionOption = "auto",
    output_file: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="File for the weights (safetensors), with the configuration."),
    ] = None,
    json: options.Json = False,
    csv: options.Csv = False,
    markdown: options.Markdown = False,
    results: options.Results = options.RESULTS,
) -> None:
    """Train one recipe, or the recipe of a trial, with one seed or several.

    Several seeds train at once, as many as there are workers. To train a trial again with its own seed, use
    `reproduce`.

    Examples:
        mnist-bench train recipe.yaml --seeds 10
        mnist-bench train notebook/dropout --output weights.safetensors
    """
    form = output.form(json=json, csv=csv, markdown=markdown)
    if output_file is not None:  # before anything that takes seconds to load
        check_target(output_file, folder=False)
        if seeds > 1:
            raise UsageError("--output keeps the weights of one seed; leave out --seeds, or --output.")
    from mnist_bench.config.schedule import leaves_validation
    from mnist_bench.data.idx import close_test_set
    from mnist_bench.experiments import recipe_training
    from mnist_bench.studies.checked import find_trial

    close_test_set()
    asked = recipe_training.TrainingOptions(
        overrides=overrides or (), train_on=train_on, device=device, precision=precision, data_dir=data_dir, net=net
    )
    if _is_trial(recipe):
        if dataset is not None:
            raise UsageError(f"--dataset {dataset}: {recipe} is trained on the data set of its study; leave it out.")
        study, trial = targets.open_target(recipe, results)
        training = recipe_training.of_trial(study, trial or find_trial(study, None), asked)
    else:
        training = recipe_training.of_recipe(recipe, asked, dataset)
    config = training.config
    is_live = form == "table"
    if is_live:
        output.print_line(_line(column.heading for column in FIGURES if column.heading), "bold")
    numbers = range(seed, seed + seeds)
    heard = _show_period if is_live else lambda seed, report: None
    found = training.fit_seeds(numbers, workers or options.suitable_workers(training.data.device.type), heard)
    fits = dict(zip(numbers, found, strict=True))
    if output_file is not None:
        training.save(fits[seed], output_file)
        output.note(f"weights in {output_file}")
    if is_live:
        for line in _summary(fits):
            output.print_line(line)
    else:
        output.print_result(form, _table(config, fits))
    if form in ("table", "markdown") and not leaves_validation(config.train_on):
        output.note("train_on: all, so the validation images were trained on; `accuracy` is not an estimate.")


def _is_trial(recipe: str) -> bool:
    """Return whether the text is a trial, such as `conv-0/17`, and not a file."""
    from mnist_bench.space_files import space_sources

    is_file = os.path.exists(recipe) or recipe in space_sources.shipped()
    return targets.numbered(recipe) is not None and not is_file


def _show_period(seed: int, report: Report) -> None:
    row = Trained(seed=seed, report=report)
    output.print_line(_line(column.text(row) for column in FIGURES if column.heading))


def _line(texts: Iterable[str]) -> str:
    return output.GAP.join(text.rjust(width) for text, width in zip(texts, WIDTHS, strict=True)).rstrip()


def _table(config: TrainConfig, results: Mapping[int, FitResult]) -> Table[Trained]:
    """Return one row per period, grouped by seed."""
    rows = [Trained(seed=seed, report=report) for seed, result in results.items() for report in result.reports]
    figures = [*FIGURES, *further_measured(rows, lambda row: row.report.measured)]
    return Table(rows=rows, figures=figures, footnotes=_summary(results), document=_plain(config, results))


def _accuracies(results: Mapping[int, FitResult]) -> list[float]:
    """Return the last accuracy of each seed that trained to the end."""
    finals = [result.reports[-1].value for result in results.values()]
    return [value for value in finals if value is not None]


def _summary(results: Mapping[int, FitResult]) -> list[str]:
    """Return the lines below the table: the weights' hashes, the mean, how many seeds did not train to the end."""
    from mnist_bench.statistics import mean_and_deviation

    hashes = {seed: result.reports[-1].weights or "–" for seed, result in results.items()}
    lines = [f"weights of seed {seed}  sha256 {weights}" for seed, weights in hashes.items()]
    accuracies = _accuracies(results)
    if len(accuracies) > 1:
        mean, deviation = mean_and_deviation(accuracies)
        spread = f"{cells.percent(mean, 3)} ± {cells.percent(deviation, 3)}"
        lines.append(f"{spread} validation accuracy (mean and standard deviation of {len(accuracies)} seeds)")
    if len(accuracies) < len(results):
        lines.append(f"{len(results) - len(accuracies)} of {len(results)} seeds did not train to the end.")
    return lines


def _plain(config: TrainConfig, results: Mapping[int, FitResult]) -> dict[str, Any]:
    from mnist_bench.config.values import to_json
    from mnist_bench.statistics import mean_and_deviation

    accuracies = _accuracies(results)
    mean, deviation = mean_and_deviation(accuracies) if accuracies else (None, None)
    deviation = deviation if len(accuracies) > 1 else None
    curves = {seed: [_plain_report(report) for report in result.reports] for seed, result in results.items()}
    runs = [{"seed": seed, "curve": curve} for seed, curve in curves.items()]
    return {"recipe": to_json(config), "mean": mean, "standard_deviation": deviation, "runs": runs}


def _plain_report(report: Report) -> dict[str, Any]:
    return {name: value for name, value in report.to_json().items() if name not in OF_SEARCHES}
