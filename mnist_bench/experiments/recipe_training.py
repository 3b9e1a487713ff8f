"""One configuration trained outside any search: that of a recipe, or that of a trial.

A single seed trains in this process, several in as many processes as are asked for; the bits are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mnist_bench.config.schedule import Schedule
from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import to_json
from mnist_bench.data.choice import SETTINGS, DataOptions
from mnist_bench.data.idx import close_test_set
from mnist_bench.data.mnist import load_training_set
from mnist_bench.data.tensors import Dataset
from mnist_bench.experiments.trainings import Observer, Task, Workplace, open_grid, over_seeds
from mnist_bench.nets import own_net
from mnist_bench.nets.planner import with_net_defaults
from mnist_bench.numerics.device import find_device
from mnist_bench.numerics.operations import portable_is_free
from mnist_bench.options import workers_for
from mnist_bench.space_files import space_sources
from mnist_bench.space_files.content import instead_of_portable, precision_of
from mnist_bench.space_files.space_sources import Source
from mnist_bench.studies import checked
from mnist_bench.studies.record import data_of, recipe_text
from mnist_bench.training import net_check
from mnist_bench.training.trainer import FitResult, NetTrainer, fit, trainer_on
from mnist_bench.training.weights import export
from search.arguments import check_seed
from search.errors import UsageError
from search.event_log.records import StudyRecord, TrialRecord
from search.files import make_folder, passing_folder, write_named
from search.space.space import Space
from search.trainer_api import Report

OnPeriod = Callable[[Report], None]  # called with the report of each period
OnSeed = Callable[[int, Report], None]
"""Called with a seed and the report of its period; the periods of seeds that train at once come as they end."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RecipeTraining:
    """A configuration, and what trains it."""

    config: TrainConfig
    source: DataOptions  # where other processes find the data
    trainer: NetTrainer
    device: str  # by its name
    notice: str | None  # the sentence about another precision than the recipe's

    @property
    def data(self) -> Dataset:
        """The data that it is trained on, in this process."""
        return self.trainer.data

    def fit(self, seed: int, on_period: OnPeriod = lambda report: None) -> FitResult:
        """Train with a seed as `fit_seeds` does; `on_period` is called with the report of each period."""
        return self.fit_seeds((seed,), 1, lambda _, report: on_period(report))[0]

    def fit_seeds(
        self, seeds: Sequence[int], workers: int | None, on_period: OnSeed, observer: Observer | None = None
    ) -> tuple[FitResult, ...]:
        """Train with several seeds, `workers` at a time in separate processes; a single worker is the trainer.
        None is as many as suit the device."""
        observer = observer or Observer()
        for seed in seeds:
            check_seed("seed", seed)
        workers = min(workers_for(self.data.device.type, workers), len(seeds))
        if workers == 1:
            costs = (1,) * len(Schedule(config=self.config, images=1).period_ends)
            runs = over_seeds({"training": (to_json(self.config), costs, [])}, seeds)
            observer.on_start(runs, None)
            return tuple(self._fit(run, on_period, observer) for run in runs)

        def heard(task: Task, period: int, report: Report, state: bytes) -> Report:
            on_period(task.seed, report)
            return report

        net = own_net.whole_name(self.config.net_code)
        place = Workplace(observer=observer, workers=workers, device=self.device, net=net)
        with (
            passing_folder() as folder,
            open_grid(folder, "The training", place, load_training_set(self.source), self.trainer.precision) as grid,
        ):
            tasks = grid.tasks({"training": self.config}, seeds)
            grid.announce(tasks)
            curves = grid.train(tasks, on_period=heard, keep_last=True)
            return tuple(
                FitResult(reports=tuple(curves[task.key]), state=grid.last_state(task) or b"") for task in tasks
            )

    def _fit(self, run: Task, on_period: OnSeed, observer: Observer) -> FitResult:
        reports: list[Report] = []

        def heard(report: Report) -> None:
            reports.append(report)
            on_period(run.seed, report)
            observer.on_progress([(run, reports)])

        observer.on_progress([(run, reports)])
        result = fit(self.trainer, self.config, run.seed, heard)
        observer.on_run(run, reports)
        observer.on_progress([])
        return result

    def save(self, result: FitResult, path: Path) -> None:
        """Write the trained weights as safetensors, into a folder that is made if it is missing."""
        if not result.state:
            raise UsageError(f"{path}: there are no weights to keep, because training ended without any.")
        make_folder(path.parent)
        try:
            write_named(path, export(result.state, self.config))
        except OSError as error:
            raise UsageError(f"{path}: cannot be written ({error.strerror}).") from error


def of_recipe(
    recipe: Source,
    *,
    overrides: Sequence[str] = (),
    device: str = "auto",
    data_dir: Path | None = None,
    net: str | None = None,
) -> RecipeTraining:
    """Return the training of a recipe; `overrides` are `field=value`, each of which replaces a value of it."""
    return _made(*space_sources.open_with_data(recipe, overrides, data_dir=data_dir, net=net), device)


def of_trial(
    study: StudyRecord,
    trial: TrialRecord,
    *,
    overrides: Sequence[str] = (),
    device: str = "auto",
    data_dir: Path | None = None,
    net: str | None = None,
) -> RecipeTraining:
    """Return the training of a trial's settings, as `of_recipe`, on the data set of its study."""
    name = f"{study.name}/{trial.number}"
    for override in overrides:
        setting = override.partition("=")[0].strip()
        if setting in SETTINGS:
            raise UsageError(f"--set {setting}: {name} is trained on the data set of its study; leave it out.")
    data = checked.training_set(data_of(study.spec["context"]), data_dir, f"Study {study.name}").options
    space = space_sources.parse(recipe_text(study, trial), name, overrides, form=lambda _: data.form, net=net)
    return _made(space, data, device)


def _made(space: Space, data: DataOptions, device: str) -> RecipeTraining:
    config = with_net_defaults(space_sources.recipe(space))
    close_test_set()
    named, found = precision_of(space), find_device(device)
    if named == "auto" and config.net_code is None and portable_is_free(found):
        named = "portable"
    net = own_net.whole_name(config.net_code)
    trainer = trainer_on(load_training_set(data), device=device, precision=named, net=net)
    if trainer.precision == "portable" and config.net_code is not None:
        net_check.require_portable(own_net.loaded_net(config.net_code), [config.net], data.form)
    notice = instead_of_portable(space)
    return RecipeTraining(config=config, source=data, trainer=trainer, device=device, notice=notice)
