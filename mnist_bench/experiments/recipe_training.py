"""One configuration trained in this process, outside any search: that of a recipe, or that of a trial."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mnist_bench import space_files
from mnist_bench.config import DatasetName, TrainConfig, TrainOn
from mnist_bench.data import DataOptions, Dataset, close_test_set, load_dataset, options_for
from mnist_bench.numerics import Precision, PrecisionName, choose_precision, setup
from mnist_bench.space_files import Source
from mnist_bench.studies import compatibility, data_of, recipe_text
from mnist_bench.training import FitResult, export, fit
from search.errors import UsageError
from search.event_log import StudyRecord, TrialRecord
from search.files import atomic_write
from search.space import Space
from search.trainer_api import Report

OnPeriod = Callable[[Report], None]
"""Hears what each period came to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How it is trained, whatever is trained."""

    overrides: Sequence[str] = ()
    """`field=value`, each of which replaces what the recipe says."""
    train_on: TrainOn | None = None
    """Which training images; None for what the recipe says."""
    device: str = "auto"
    precision: PrecisionName = "auto"
    data_dir: Path | None = None
    """Data of the user's own; of a trial, its study's."""
    net: str | None = None
    """A net of the user's own; see `own_nets.use`."""

    @property
    def given(self) -> list[str]:
        """The overrides, those of `train_on` with them."""
        return [*self.overrides, *([f"train_on={self.train_on}"] if self.train_on else [])]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RecipeTraining:
    """A configuration, and the data that it is trained on, in this process."""

    config: TrainConfig
    data: Dataset
    precision: Precision

    def fit(self, seed: int, on_period: OnPeriod = lambda report: None) -> FitResult:
        """Train with a seed; `on_period` hears what each period came to."""
        return fit(self.config, seed, self.data, self.precision, lambda period, state, report: on_period(report))

    def save(self, result: FitResult, path: Path) -> None:
        """Write the weights that training came to as safetensors, into a folder that is there.

        Raises:
            UsageError: there are none, or the file cannot be written.
        """
        if not result.state:
            raise UsageError(f"{path}: there are no weights to keep, training ended without any.")
        try:
            atomic_write(path, export(result.state, self.config))
        except OSError as error:
            raise UsageError(f"{path}: cannot be written ({error.strerror}).") from error


def of_recipe(recipe: Source, options: Options, dataset: DatasetName | None = None) -> RecipeTraining:
    """Return what trains a recipe, on the data set of this name in place of what it names itself.

    Raises:
        SpaceError: the recipe is faulty; the message lists all its faults.
        UsageError: it has ranges, or there is no such file or net.
        DataError, DeviceError: see there.
    """
    space = space_files.load(
        recipe,
        options.given,
        images=None if options.data_dir else space_files.IMAGES,
        form=lambda named: options_for(options.data_dir, dataset=dataset or named).form,
        net=options.net,
    )
    named, subset = dataset or space_files.dataset(space), space.settings.get("subset")
    return _made(space, options_for(options.data_dir, dataset=named, subset=subset), options)


def of_trial(study: StudyRecord, trial: TrialRecord, options: Options) -> RecipeTraining:
    """Return what trains the settings of a trial on the data set of its study.

    Raises:
        UsageError: the data set or the net at hand is not the study's.
        SpaceError, DataError, DeviceError: see `of_recipe`.
    """
    loaded = compatibility.training_set(data_of(study.spec["context"]), options.data_dir, f"Study {study.name}")
    name = f"{study.name}/{trial.number}"
    space = space_files.parse(recipe_text(study, trial), name, options.given, net=options.net)
    return _made(space, loaded.options, options)


def _made(space: Space, data: DataOptions, options: Options) -> RecipeTraining:
    config = space_files.recipe(space)
    close_test_set()
    device = setup(options.device)
    loaded = load_dataset(data, device)
    return RecipeTraining(config=config, data=loaded, precision=choose_precision(device, options.precision))
