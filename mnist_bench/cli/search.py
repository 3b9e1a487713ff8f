"""`mnist-bench search` and `train`: search a space for what is best, or train one recipe without searching."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

from mnist_bench import cells, options
from mnist_bench.api import searches
from mnist_bench.cli import output
from mnist_bench.cli.command import numbered, open_target, takes
from mnist_bench.cli.running import as_typed, ended_at_once
from mnist_bench.options import option
from mnist_bench.result_table import Line, Result, Table
from mnist_bench.searches.config import SearchConfig
from search.driver.interrupts import Interrupts
from search.errors import UsageError
from search.files import check_target

if TYPE_CHECKING:
    from mnist_bench.config.settings import TrainConfig
    from mnist_bench.training.trainer import FitResult
    from search.trainer_api import Report

OF_SEARCHES = ("details", "worker", "started", "handled")
"""Fields of a report that say nothing about a recipe trained on its own."""


WIDTHS: Mapping[str, int] = MappingProxyType(
    {"seed": 5, "epoch": 6, "train loss": 10, "val loss": 8, "accuracy": 9, "errors": 6, "time": 10, "end": 0}
)
"""Columns of the rows that `train` prints as they come."""


@takes(searches.search, prints=["json"])
def search(
    form: output.Form,
    dry_run: Annotated[bool, option("Show what would run, and about how long.")] = False,
    **given: Any,
) -> Result | None:
    """Run a hyperparameter search.

    Ctrl-C stops the search and keeps all results. Run the same command again to resume. At its end, a search compares
    its digest with the published one, if there is one. An unexplained difference has exit code 4.

    Examples:
        mnist-bench search smoke --trials 20      # less than a minute, to try it
        mnist-bench search conv --trials 50       # 6 minutes on 2 cores of a Zen 4
        mnist-bench search my.yaml --seed 1 --set optim.optimizer=adam
        mnist-bench search my.yaml --objective my.py:objective
        mnist-bench search my.yaml --command "./train.sh --lr {lr}"
    """
    from mnist_bench.plots.kinds import KINDS
    from mnist_bench.searches.setup import check_study_name

    if form == "json" and dry_run:
        raise UsageError("--json prints the result of a search; leave out --dry-run.")
    config = SearchConfig(**given)
    check_study_name(config.study_name, KINDS, config.folder)
    return _preview(config) if dry_run else _run(config)


def _preview(config: SearchConfig) -> Result:
    from mnist_bench import preview
    from mnist_bench.searches.setup import SearchSetup
    from mnist_bench.space_files.problems import warnings

    if config.kind == "own work":
        lines = preview.preview_own_work(config)
    else:
        setup = SearchSetup.of(config)
        for warning in warnings(setup.drawn, (setup.sampler, setup.pruner)):
            output.note(str(warning))
        lines = preview.preview(setup)
    return Result([Table(caption=lines)])


def _run(config: SearchConfig) -> Result:
    """Show a search while it runs, and return what it came to."""

    started = time.monotonic()
    with ended_at_once():
        from mnist_bench.cli import ending, live
        from mnist_bench.searches import running

        with live.screen() as screen, Interrupts(screen.say) as interrupts:
            done = running.run(
                config, live.WatchedSearch(screen, results=config.folder), interrupts.stopping, as_typed()
            )
        seconds = time.monotonic() - started
        return ending.result_of(done, config, seconds=seconds, stopping=interrupts.stopping())


@takes(searches.train, searches.train_seeds, prints=["json"])
def train(
    form: output.Form,
    recipe: str,
    seed: int,
    overrides: Sequence[str],
    device: str,
    data: Path | None,
    net: str | None,
    to: Path | None,
    workers: int | None,
    seeds: Annotated[int, option("Number of seeds.", "N", least=1, most=1000)] = 1,
    results: options.Folder = options.RESULTS,
) -> Result:
    """Train a recipe, or the recipe of a trial, with one or more seeds.

    Each worker trains one seed at a time. To train a trial again with its own seed, use `reproduce`.

    Examples:
        mnist-bench train recipe.yaml --seeds 10
        mnist-bench train notebook/dropout --to weights.safetensors
        mnist-bench train ladder/99.0 --set precision=portable --set train_on=all
    """
    if to is not None:  # before anything that takes seconds to load
        check_target(to, folder=False)
        if seeds > 1:
            raise UsageError("--to keeps the weights of one seed; leave out --seeds, or --to.")
    from mnist_bench.api.arguments import WatchedRuns
    from mnist_bench.cli import live
    from mnist_bench.config.schedule import leaves_validation
    from mnist_bench.data.idx import close_test_set
    from mnist_bench.experiments import recipe_training
    from mnist_bench.studies.checked import find_trial

    close_test_set()
    if _is_trial(recipe):
        study, trial = open_target(recipe, results)
        training = recipe_training.of_trial(
            study, trial or find_trial(study, None), overrides=overrides, device=device, data_dir=data, net=net
        )
    else:
        training = recipe_training.of_recipe(recipe, overrides=overrides, device=device, data_dir=data, net=net)
    config = training.config
    if form == "table":
        output.print_line(Line(_line(WIDTHS), bold=True))
    numbers = range(seed, seed + seeds)
    heard = _show_period if form == "table" else lambda seed, report: None
    with live.screen() as screen:
        found = training.fit_seeds(numbers, workers, heard, WatchedRuns(screen))
    fits = dict(zip(numbers, found, strict=True))
    notes = [] if training.notice is None else [training.notice]
    if to is not None:
        training.save(fits[seed], to)
        notes.append(f"weights in {to}")
    if not leaves_validation(config.train_on):
        notes.append("train_on: all, so the validation images were trained on; `accuracy` is not an estimate.")
    return Result([Table(caption=[*map(Line, _summary(fits))])], document=_plain(config, fits), notes=notes)


def _is_trial(recipe: str) -> bool:
    """Return whether the text is a trial, such as `conv-0/17`, and not a file."""
    from mnist_bench.space_files import space_sources

    is_file = os.path.exists(recipe) or recipe in space_sources.shipped()
    return numbered(recipe) is not None and not is_file


def _show_period(seed: int, report: Report) -> None:
    def metric(name: str, form: str) -> str:
        value = report.metrics[name]
        return "–" if value is None else format(value, form)

    parts = (
        str(seed), metric("epoch", "g"), metric("train_loss", ".5f"), metric("val_loss", ".5f"),
        cells.percent(report.value), metric("errors", "d"), cells.duration(report.seconds),
        (report.end or "").replace("_", " "),
    )  # fmt: skip
    print(_line(parts), flush=True)  # not by a console, which would write into the picture of the progress


def _line(texts: Iterable[str]) -> str:
    return output.GAP.join(text.rjust(width) for text, width in zip(texts, WIDTHS.values(), strict=True)).rstrip()


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
