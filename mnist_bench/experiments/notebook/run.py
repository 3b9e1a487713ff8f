"""Training the notebook's nets again, as it did with Keras 1.2: all 60,000 images, float32, several seeds.

After each epoch a net is evaluated on the 10,000 test images, as there; so training opens the test set
and stands in its ledger. One thing is not as there: Keras 1.2 turns, shears and zooms about the point 14.5 of a picture
whose middle is 13.5; here it is done about the middle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mnist_bench import space_files
from mnist_bench.config import DatasetName, Phase, TrainConfig
from mnist_bench.data import DataOptions, form_of, unopened_identity
from mnist_bench.experiments.grid import Curves, Observer, ResultsWorkplace, open_grid, product
from mnist_bench.experiments.notebook.result import PUBLISHED, Epoch, Row
from mnist_bench.experiments.test_set_scores import Scores
from mnist_bench.nets import plan_layers
from mnist_bench.picture_form import PictureForm
from search.arguments import check_count
from search.errors import UsageError
from search.messages import did_you_mean, number_of, show
from search.trainer_api import Report

SHIPPED = "notebook"
"""The folder of the recipes among the shipped spaces."""
FOLDER = "_notebook"
"""The folder of the runs among the results; no study can have this name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options(ResultsWorkplace):
    """The options of the notebook's runs."""

    recipes: tuple[str, ...] = ()
    """Names in PUBLISHED; none for all."""
    seeds: int = 5
    """The nets are trained with the seeds 0 to this less one."""

    def __post_init__(self) -> None:
        check_count("seeds", self.seeds)


def run(options: Options, observer: Observer) -> list[Row]:
    """Train the recipes with every seed and return a row each.

    A run that was trained before, by the same code on the same kind of machine, is not trained again.

    Raises:
        Stopped: the observer stopped it before its end.
        UsageError: there is no such recipe.
        StudyLockedError: another process trains the notebook in these results.
        DataError, DeviceError, WorkerError, StorageError: as `open_grid` and `open_test_set`.
    """
    spaces = {name: space_files.load(f"{SHIPPED}/{name}") for name in chosen(options.recipes)}
    rows: list[Row] = []
    for dataset in dict.fromkeys(map(space_files.dataset, spaces.values())):
        same_data = [name for name, space in spaces.items() if space_files.dataset(space) == dataset]
        configs = {name: space_files.recipe(spaces[name]) for name in same_data}
        rows += _rows(configs, _on(dataset, options.data), options, observer)
    return sorted(rows, key=lambda row: [*PUBLISHED].index(row.recipe))


def _on(dataset: DatasetName, data: DataOptions) -> DataOptions:
    """Return the data set that a recipe names, made of the files of `data`."""
    return replace(data, dataset=dataset, form=form_of(dataset, data.form))


def _rows(configs: Mapping[str, TrainConfig], data: DataOptions, options: Options, observer: Observer) -> list[Row]:
    """Return the rows of recipes that train on the same data, as `run` does."""
    trained = {name: config for name, config in configs.items() if _longer(config, configs) is None}
    with open_grid(
        options.results / FOLDER, f"The notebook in {options.results}/", observer, data=data, workers=options.workers,
        device=options.device, precision="fp32", also=unopened_identity(data),
    ) as grid:  # fmt: skip
        purpose = f"notebook: {', '.join(configs)}; {number_of(options.seeds, 'seed')}"
        scores = Scores(grid, data, purpose=purpose, ledgers=[options.ledger])
        runs = product(trained, range(options.seeds))
        curves = grid.train(runs, on_period=scores.after_every_period)
    return [
        _row(name, config, data.form, [_curve(name, seed, configs, curves) for seed in range(options.seeds)])
        for name, config in configs.items()
    ]


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


def _longer(config: TrainConfig, configs: Mapping[str, TrainConfig]) -> str | None:
    """Return the name of a configuration whose training begins with that of `config`."""
    return next((name for name, other in configs.items() if begins(config, other)), None)


def _curve(name: str, seed: int, configs: Mapping[str, TrainConfig], curves: Curves) -> Sequence[Report]:
    """Return a run's reports: its own, or the first ones of the longer run that begins with it."""
    longer = _longer(configs[name], configs)
    if longer is None:
        return curves[name, seed]
    return _curve(longer, seed, configs, curves)[: configs[name].epochs]


def _row(name: str, config: TrainConfig, form: PictureForm, runs: Sequence[Sequence[Report]]) -> Row:
    net = plan_layers(config.model, form)
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
