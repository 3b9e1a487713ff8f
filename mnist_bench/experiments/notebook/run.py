"""Training the notebook's nets again, as it did with Keras 1.2: all 60,000 images, float32, several seeds.

After each epoch a net is evaluated on the 10,000 test images, as there; so training opens the test set
and stands in its ledger. One thing is not as there: Keras 1.2 turns, shears and zooms about the point 14.5 of a picture
whose middle is 13.5; here it is done about the middle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mnist_bench import space_files
from mnist_bench.config import Phase, TrainConfig
from mnist_bench.data import DataOptions, unopened_identity
from mnist_bench.experiments.grid import Grid, Reports, Task, open_grid
from mnist_bench.experiments.notebook.result import PUBLISHED, Epoch, Row
from mnist_bench.experiments.test_set_scores import Scores
from mnist_bench.nets import plan_layers
from mnist_bench.training import Evaluation
from search.errors import UsageError
from search.messages import did_you_mean, show
from search.trainer_api import Report

SHIPPED = "notebook"
"""The folder of the recipes among the shipped spaces."""
FOLDER = "_notebook"
"""The folder of the runs among the results; no study can have this name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What the user asked for."""

    recipes: tuple[str, ...] = ()
    """Names in PUBLISHED; none for all."""
    seeds: int = 5
    workers: int = 1
    device: str = "auto"
    data_dir: Path | None = None
    results: Path = Path("results")
    ledger: Path = Path("results/test-openings.jsonl")


OnRun = Callable[[str, int, Sequence[Report]], None]
"""Hears of a run that has ended: recipe, seed, reports."""


def run(asked: Options, on_run: OnRun, stopping: Callable[[], bool]) -> list[Row] | None:
    """Train the recipes with every seed and return a row each; None where `stopping` said so before the end.

    A run that was trained before, by the same code on the same kind of machine, is not trained again.

    Raises:
        UsageError: there is no such recipe.
        StudyLockedError: another process is at it.
        DataError, DeviceError, WorkerError, StorageError: see there.
    """
    configs = {name: space_files.recipe(space_files.load(f"{SHIPPED}/{name}")) for name in chosen(asked.recipes)}
    test_set = unopened_identity(_data(asked))
    with open_grid(
        asked.results / FOLDER, f"The notebook in {asked.results}/", data=_data(asked), workers=asked.workers,
        device=asked.device, precision="fp32",
    ) as grid:  # fmt: skip
        found = _Runs(asked, configs, grid, test_set).train(on_run, stopping)
    return None if found is None else [_row(name, config, found[name]) for name, config in configs.items()]


def chosen(recipes: Sequence[str]) -> tuple[str, ...]:
    """Return the recipes of these names in the notebook's order, all of them for none.

    Raises:
        UsageError: there is no such recipe.
    """
    for name in recipes:
        if name not in PUBLISHED:
            hint = did_you_mean(name, PUBLISHED) or "."
            raise UsageError(f"{show(name)}: no recipe of the notebook{hint} There are {', '.join(PUBLISHED)}.")
    return tuple(name for name in PUBLISHED if not recipes or name in recipes)


def begins(first: TrainConfig, second: TrainConfig) -> bool:
    """Return whether training `second` begins with training `first`, to the bit: a run more is then not needed."""
    same = replace(second, epochs=first.epochs, phases=first.phases) == first
    return same and first != second and _phases(second)[: len(_phases(first))] == _phases(first)


def _phases(config: TrainConfig) -> tuple[Phase, ...]:
    return config.phases or (Phase(epochs=config.epochs),)


def _data(asked: Options) -> DataOptions:
    return DataOptions(data_dir=str(asked.data_dir.resolve()) if asked.data_dir else None)


class _Runs:
    """The runs of every recipe with every seed."""

    def __init__(self, asked: Options, configs: Mapping[str, TrainConfig], grid: Grid, test_set: Sequence[str]) -> None:
        self._asked = asked
        self._configs = configs
        self._grid = grid
        purpose = f"notebook: {', '.join(configs)}; {asked.seeds} seeds"
        self._score = Scores(grid, _data(asked), purpose=purpose, ledgers=[asked.ledger])
        self._tasks = {
            (name, seed): grid.task(f"{name}, seed {seed}", config, seed, also=test_set)
            for seed in range(asked.seeds)
            for name, config in configs.items()
            if not any(begins(config, other) for other in configs.values())
        }

    def train(self, on_run: OnRun, stopping: Callable[[], bool]) -> dict[str, list[tuple[Report, ...]]] | None:
        """Return the reports of each recipe's runs, by seed; None where training was stopped before the end."""
        names = {task.identity: key for key, task in self._tasks.items()}
        reports = self._grid.train(
            list(self._tasks.values()), stopping, on_period=self._with_test_figures,
            on_end=lambda task, curve: on_run(*names[task.identity], curve),
        )  # fmt: skip
        if reports is None:
            return None
        return {
            name: [self._reports(name, seed, reports) for seed in range(self._asked.seeds)] for name in self._configs
        }

    def _reports(self, name: str, seed: int, reports: Reports) -> tuple[Report, ...]:
        """Return a run's reports: its own, or the first ones of the longer run that begins with it."""
        config = self._configs[name]
        longer = next((other for other, its in self._configs.items() if begins(config, its)), None)
        if longer is not None:
            return self._reports(longer, seed, reports)[: config.epochs]
        return tuple(reports[self._tasks[name, seed].identity])

    def _with_test_figures(self, task: Task, period: int, report: Report, state: bytes) -> Report:
        """Add what the net does on the test images to a report, unless training diverged."""
        if report.end:
            return report
        found = self._score.score(task, state)
        return replace(report, metrics={**report.metrics, **_test_figures(found)})


def _row(name: str, config: TrainConfig, runs: Sequence[Sequence[Report]]) -> Row:
    net = plan_layers(config.model)
    ended = [reports for reports in runs if reports[-1].end is None]
    return Row(
        recipe=name,
        published=PUBLISHED[name],
        parameters=net.parameters,
        trainable=net.trainable,
        epochs=_phases(config)[-1].epochs,
        runs=tuple(tuple(_epoch(report) for report in reports) for reports in ended),
        diverged=len(runs) - len(ended),
    )


def _test_figures(found: Evaluation) -> dict[str, float | int]:
    return {"test_errors": found.errors, "test_accuracy": found.accuracy, "test_loss": found.loss}


def _epoch(report: Report) -> Epoch:
    metrics: Mapping[str, Any] = report.metrics
    return Epoch(
        train_loss=metrics["train_loss"],
        test_loss=metrics["test_loss"],
        test_errors=metrics["test_errors"],
        test_accuracy=metrics["test_accuracy"],
        seconds=report.seconds,
        weights=report.weights,
    )
