"""Train a recipe, or the settings of a trial, without searching."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mnist_bench.api.arguments import OwnNetSource, as_path, chosen, several, used
from mnist_bench.config.settings import OfferedDataset, TrainOn
from mnist_bench.experiments import recipe_training
from mnist_bench.numerics.kinds import PrecisionName
from mnist_bench.space_files.space_sources import Source
from mnist_bench.training.trainer import FitResult
from mnist_bench.value_kind import check_nets
from search.arguments import check_count, check_seed
from search.event_log.records import StudyRecord, TrialRecord
from search.files import check_target


def train(
    recipe: Source,
    *,
    seed: int = 0,
    overrides: Sequence[str] = (),
    train_on: TrainOn | None = None,
    device: str = "auto",
    data_dir: str | Path | None = None,
    net: OwnNetSource = None,
    dataset: OfferedDataset | None = None,
    precision: PrecisionName = "auto",
    to: str | Path | None = None,
    on_period: recipe_training.OnPeriod = lambda report: None,
) -> FitResult:
    """Train a recipe once; as `mnist-bench train`.

    Args:
        recipe: a space file without ranges, the name of a bundled one, a mapping, or a TrainConfig.
        seed: seed of the training.
        overrides: `field=value`, each of which replaces a value of the recipe.
        train_on: the images to train on; None for the recipe's.
        device: auto, cpu, cuda or cuda:1.
        data_dir: your own data: an .npz file or a folder (docs/guides/own_data.md).
        net: your own network: a function at the top of a file, or its name (docs/guides/own_nets.md).
        dataset: name of the data set; None for the recipe's.
        precision: bf16, fp32 or portable; auto for the recipe's, or else the device's fastest.
        to: a file for the weights, as safetensors with the configuration inside; `load_model` reads it.
        on_period: called with each report.

    Raises:
        SpaceError: the recipe is faulty; the message lists all its faults.
        UsageError: the recipe has ranges, there is no such file, or the weights cannot be saved.
        PluginError: your own network raises; the message names the line of its file.
        DataError: the data set cannot be loaded.
        DeviceError: there is no such device.

    Examples:
        >>> linear = {"epochs": 1, "subset": 1000, "model": {"blocks": 0, "hidden_layers": 0}}
        >>> fitted = train(linear, to="linear.safetensors")
        >>> fitted.reports[-1].weights == train(linear).reports[-1].weights
        True
        >>> 0 < fitted.reports[-1].value < 1
        True
    """
    options = _options(overrides, train_on, device, data_dir, net, precision)
    return _fitted(recipe_training.of_recipe(recipe, options, dataset), seed, on_period, as_path(to))


def train_seeds(
    recipe: Source,
    seeds: int = 5,
    *,
    seed: int = 0,
    overrides: Sequence[str] = (),
    train_on: TrainOn | None = None,
    device: str = "auto",
    data_dir: str | Path | None = None,
    net: OwnNetSource = None,
    dataset: OfferedDataset | None = None,
    precision: PrecisionName = "auto",
    workers: int = 1,
    on_period: recipe_training.OnPeriod = lambda report: None,
) -> tuple[FitResult, ...]:
    """Train a recipe with several seeds, from `seed` on, and return one result per seed; arguments as in `train`.

    Args:
        workers: processes that train, one seed each at a time; with 1 this process trains. The results are the same.

    Raises:
        UsageError: `seeds` or `workers` is less than 1; and see `train`.
        WorkerError: training fails in a process, or processes die.
        SpaceError, DataError, DeviceError, PluginError: see `train`.

    Examples:
        >>> linear = {"epochs": 1, "subset": 1000, "model": {"blocks": 0, "hidden_layers": 0}}
        >>> len({result.reports[-1].weights for result in train_seeds(linear, 2)})
        2
    """
    check_count("seeds", seeds)
    check_count("workers", workers)
    check_seed("seed", seed)
    training = recipe_training.of_recipe(
        recipe, _options(overrides, train_on, device, data_dir, net, precision), dataset
    )
    return training.fit_seeds(range(seed, seed + seeds), workers, lambda _, report: on_period(report))


def train_trial(
    study: StudyRecord,
    trial: TrialRecord | int | None = None,
    *,
    seed: int = 0,
    overrides: Sequence[str] = (),
    train_on: TrainOn | None = None,
    device: str = "auto",
    data_dir: str | Path | None = None,
    net: OwnNetSource = None,
    precision: PrecisionName = "auto",
    to: str | Path | None = None,
    on_period: recipe_training.OnPeriod = lambda report: None,
) -> FitResult:
    """Train the settings of a trial, the study's best one by default, with another seed, on the study's data set; as
    `mnist-bench train STUDY/17`. A trial's own seed is for `reproduce`. Arguments as in `train`.

    Raises:
        StudyNotFoundError: the study has no such trial, or no complete one.
        UsageError: the data set is not the study's, an override names other data, or the weights cannot be saved.
        SpaceError, DataError, DeviceError, PluginError: see `train`.

    Examples:
        >>> train_trial(open_study("tiny-0"), 1, seed=5, train_on="all").reports[-1].metrics["epoch"]
        1.0
    """
    check_nets(study)
    options = _options(overrides, train_on, device, data_dir, net, precision)
    return _fitted(recipe_training.of_trial(study, chosen(study, trial), options), seed, on_period, as_path(to))


def _options(
    overrides: Sequence[str], train_on: TrainOn | None, device: str, data_dir: str | Path | None, net: OwnNetSource,
    precision: PrecisionName,
) -> recipe_training.TrainingOptions:  # fmt: skip
    return recipe_training.TrainingOptions(
        overrides=several("overrides", overrides), train_on=train_on, device=device, data_dir=as_path(data_dir),
        net=used(net), precision=precision,
    )  # fmt: skip


def _fitted(
    training: recipe_training.RecipeTraining, seed: int, on_period: recipe_training.OnPeriod, to: Path | None
) -> FitResult:
    """Train with a seed, and save the weights in `to`, whose folder is made."""
    if to is None:
        return training.fit(seed, on_period)
    check_target(to, folder=False)
    result = training.fit(seed, on_period)
    training.save(result, to)
    return result
