"""Train a recipe, or the settings of a trial, without searching."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mnist_bench import space_files
from mnist_bench.api.arguments import OwnNetSource, as_path, chosen, used
from mnist_bench.config import DatasetName, TrainConfig, TrainOn
from mnist_bench.data import DataOptions, Dataset, close_test_set, load_dataset, options_for
from mnist_bench.numerics import Precision, PrecisionName, choose_precision, setup
from mnist_bench.space_files import Source
from mnist_bench.studies import compatibility, data_of, recipe_text
from mnist_bench.training import FitResult, export, fit as fit_config
from search.errors import UsageError
from search.event_log import StudyRecord, TrialRecord
from search.files import atomic_write, check_target
from search.space import Space
from search.trainer_api import Report

OnPeriod = Callable[[Report], None]
"""Hears what each period came to."""


def fit(
    recipe: Source,
    *,
    seed: int = 0,
    overrides: Sequence[str] = (),
    train_on: TrainOn | None = None,
    device: str = "auto",
    data_dir: str | Path | None = None,
    net: OwnNetSource = None,
    dataset: DatasetName | None = None,
    precision: PrecisionName = "auto",
    to: str | Path | None = None,
    on_period: OnPeriod = lambda report: None,
) -> FitResult:
    """Train a recipe once; as `mnist-bench train`.

    Args:
        recipe: a space file without ranges, a shipped one's name, a mapping, or a TrainConfig.
        seed: of the training.
        overrides: `field=value`, each of which replaces what the recipe says.
        train_on: which training images; None for what the recipe says.
        device: auto, cpu, cuda or cuda:1.
        data_dir: data of your own: an .npz file or a folder (docs/own_data.md).
        net: a net of your own in place of ours: a function at the top of a file, or its name (docs/own_nets.md).
        dataset: by its name, in place of what the recipe names.
        precision: of convolutions: bf16, fp32, or auto for the device's fastest.
        to: a file for the weights, as safetensors with the configuration inside; `load_model` reads it.
        on_period: hears what each period came to.

    Raises:
        SpaceError: the recipe is faulty; the message lists all its faults.
        UsageError: it has ranges, there is no such file, or the weights cannot be kept.
        DataError, DeviceError: see there.

    Examples:
        >>> linear = {"epochs": 1, "subset": 1000, "model": {"blocks": 0, "hidden_layers": 0}}
        >>> fitted = fit(linear, to="linear.safetensors")
        >>> fitted.reports[-1].weights == fit(linear).reports[-1].weights
        True
        >>> 0 < fitted.reports[-1].value < 1
        True
    """
    wanted = _of_recipe(recipe, overrides, train_on, device, as_path(data_dir), dataset, precision, used(net))
    return wanted.fit(seed, on_period, as_path(to))


def fit_seeds(
    recipe: Source,
    seeds: int = 5,
    *,
    seed: int = 0,
    overrides: Sequence[str] = (),
    train_on: TrainOn | None = None,
    device: str = "auto",
    data_dir: str | Path | None = None,
    net: OwnNetSource = None,
    dataset: DatasetName | None = None,
    precision: PrecisionName = "auto",
    on_period: OnPeriod = lambda report: None,
) -> tuple[FitResult, ...]:
    """Train a recipe with several seeds, from `seed` on, and return a result each; otherwise as `fit`.

    Raises:
        SpaceError, UsageError, DataError, DeviceError: see `fit`.

    Examples:
        >>> linear = {"epochs": 1, "subset": 1000, "model": {"blocks": 0, "hidden_layers": 0}}
        >>> len({result.reports[-1].weights for result in fit_seeds(linear, 2)})
        2
    """
    wanted = _of_recipe(recipe, overrides, train_on, device, as_path(data_dir), dataset, precision, used(net))
    return tuple(wanted.fit(number, on_period) for number in range(seed, seed + seeds))


def fit_trial(
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
    on_period: OnPeriod = lambda report: None,
) -> FitResult:
    """Train the settings of a trial, the study's best one by default, with another seed, on the study's data set; as
    `mnist-bench train STUDY/17`. A trial's own seed is for `reproduce_trial`. Arguments as in `fit`.

    Raises:
        StudyNotFoundError: the study has no such trial, or no complete one.
        UsageError: the data set at hand is not the study's, or the weights cannot be kept.
        SpaceError, DataError, DeviceError: see `fit`.

    Examples:
        >>> fit_trial(open_study("tiny-0"), 1, seed=5, train_on="all").reports[-1].metrics["epoch"]
        1.0
    """
    meant = chosen(study, trial)
    loaded = compatibility.training_set(data_of(study.spec["context"]), as_path(data_dir), f"Study {study.name}")
    name = f"{study.name}/{meant.number}"
    space = space_files.parse(recipe_text(study, meant), name, _given(overrides, train_on), net=used(net))
    return _prepared(space, loaded.options, device, precision).fit(seed, on_period, as_path(to))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Prepared:
    """A configuration and the data that it is trained on."""

    config: TrainConfig
    data: Dataset
    precision: Precision

    def fit(self, seed: int, on_period: OnPeriod, to: Path | None = None) -> FitResult:
        """Train with a seed, and keep the weights in `to`."""
        if to is not None:
            check_target(to, folder=False)
        result = fit_config(
            self.config, seed, self.data, self.precision, lambda period, state, report: on_period(report)
        )
        if to is not None:
            _save(to, result, self.config)
        return result


def _of_recipe(
    recipe: Source,
    overrides: Sequence[str],
    train_on: TrainOn | None,
    device: str,
    data_dir: Path | None,
    dataset: DatasetName | None,
    precision: PrecisionName,
    net: str | None,
) -> _Prepared:
    images = None if data_dir else space_files.IMAGES
    space = space_files.load(
        recipe,
        _given(overrides, train_on),
        images=images,
        form=lambda named: options_for(data_dir, dataset=dataset or named).form,
        net=net,
    )
    named, subset = space_files.dataset(space), space.settings.get("subset")
    options = options_for(data_dir, dataset=dataset or named, subset=subset)
    return _prepared(space, options, device, precision)


def _prepared(space: Space, options: DataOptions, device: str, precision: PrecisionName) -> _Prepared:
    config = space_files.recipe(space)
    close_test_set()
    torch_device = setup(device)
    data = load_dataset(options, torch_device)
    return _Prepared(config=config, data=data, precision=choose_precision(torch_device, precision))


def _given(overrides: Sequence[str], train_on: TrainOn | None) -> list[str]:
    return [*overrides, *([f"train_on={train_on}"] if train_on else [])]


def _save(path: Path, result: FitResult, config: TrainConfig) -> None:
    if not result.state:
        raise UsageError(f"{path}: there are no weights to keep, training ended without any.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, export(result.state, config))
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}).") from error
