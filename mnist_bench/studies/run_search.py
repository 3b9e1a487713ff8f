"""A search over a space file: from what the user asked for to a study on disk."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, assert_never

from mnist_bench import space_files
from mnist_bench.config import DatasetName, TrainConfig, every_setting, leaves, to_json
from mnist_bench.data import DataOptions, TrainingSet, close_test_set, idx_files, load_training_set
from mnist_bench.nets import COEFFICIENTS, make_planner
from mnist_bench.numerics import DeviceKind
from mnist_bench.space_files import overview, training_settings
from mnist_bench.studies import record, validated
from mnist_bench.studies.best_checkpoints import BestCheckpoints
from mnist_bench.studies.record import Data
from mnist_bench.training import trainer_spec
from mnist_bench.units import objectives
from search import strategies
from search.driver import MAX_OUTAGE, Observer, Run, Search
from search.errors import UsageError
from search.event_log import Order, repeats
from search.executors import Executor, ExecutorName, InProcessExecutor
from search.executors.local import LocalExecutor
from search.executors.ray import RayExecutor, StagedFiles
from search.files import make_folder
from search.messages import show
from search.space import Space, cost_of, same
from search.stored_fields import stored
from search.study import StudyLocation, StudySpec
from search.trainer_api import Planner


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchConfig:
    """What the user asked for."""

    space: str
    """A file, a shipped space's name, or - for the standard input."""
    overrides: tuple[str, ...] = ()
    """`field=value`, each in place of what the file says."""
    trials: int = 50
    """Trained trials that the study shall have."""
    timeout: float | None = None
    """Seconds after which the search stops, to be resumed."""
    trial_timeout: float | None = None
    """Seconds that a trial may train; worker processes end one within its period, this process only between two.
    The steps that other lanes take between its own count."""
    workers: int = 1
    lanes: int | None = None
    """Trials at once in each worker process; left out, what suits its device."""
    slots: int = 8
    order: Order = "logical"
    """Whether periods are taken up in logical order, so that the search repeats, or as they arrive."""
    seed: int = 0
    enqueue: tuple[str, ...] = ()
    """Recipes to train first."""
    device: str = "auto"
    study_name: str | None = None
    """Left out: the space's name and the seed."""
    storage: str | None = field(default=None, repr=False)  # it may hold a password
    results: Path = Path("results")
    data_dir: Path | None = None
    dataset: DatasetName = "mnist"
    executor: ExecutorName = "local"
    max_outage: float = MAX_OUTAGE
    """Seconds that an outage of a PostgreSQL server is waited out for."""
    address: str | None = None
    """Of a Ray cluster: host:port, or auto for that of this machine; left out, Ray is started here."""
    gpus_per_worker: float = 0.0
    """Share of a GPU that Ray reserves for each worker."""

    def __post_init__(self) -> None:
        takes = _options_of(self.executor)
        if "address" not in takes and (self.address is not None or self.gpus_per_worker):
            raise UsageError("--address and --gpus-per-worker are for --executor ray.")
        if "lanes" not in takes and self.lanes is not None:
            raise UsageError(f"--lanes is for worker processes of this machine; leave out --executor {self.executor}.")


def _options_of(executor: ExecutorName) -> tuple[str, ...]:
    """Return the options that an executor alone takes."""
    match executor:
        case "local":
            return ("lanes",)
        case "in-process":
            return ()
        case "ray":
            return ("address", "gpus_per_worker")
        case _:
            assert_never(executor)


def run(asked: SearchConfig, observer: Observer, stopping: Callable[[], bool]) -> Run:
    """Search, or go on with a search that was stopped.

    Raises:
        SearchError: see `search.driver.run.Search.run`, and `space_files.load` for faults in the space file.
    """
    space = space_files.load(asked.space, asked.overrides)
    close_test_set()
    data = load_training_set(_data_options(asked, space))
    location = StudyLocation.of(study_name(asked, space), asked.results, asked.storage)
    make_folder(location.folder)
    deadline = None if asked.timeout is None else time.monotonic() + asked.timeout
    return Search(
        location=location,
        goal=asked.trials,
        spec_for=lambda numerics: _spec(asked, space, data, numerics),
        planner_for=lambda spec: planner(spec.space, spec.context),
        executor=_executor(asked, data, location),
        observer=observer,
        on_trial_end=BestCheckpoints(location.files, cost_of(space.settings)),
        stopping=lambda: stopping() or (deadline is not None and time.monotonic() >= deadline),
        trial_timeout=math.inf if asked.trial_timeout is None else asked.trial_timeout,
        check=validated.believed,
        max_outage=asked.max_outage,
    ).run()


def preview(asked: SearchConfig) -> list[str]:
    """Return what would run and about how long it would take, without training."""
    space = space_files.load(asked.space, asked.overrides)
    periods, cost = len(_period_ends(space)), cost_of(space.settings)
    sampler, pruner = strategies.of_settings(space.settings)
    purpose = f"for {objectives(cost)}, " if cost else ""
    kind = _estimated_kind(asked.device)
    estimate = overview.estimate(space, asdict(COEFFICIENTS[kind]), trials=asked.trials, workers=asked.workers)
    ranges = sum(field.distribution is not None for field in space.fields)
    first = ", ".join(f"{path} {show(value)}" for path, value in overview.samples(space, 1, asked.seed)[0].items())
    return [
        f"{space.name}: {ranges} ranges, {asked.trials} trials of at most {_period_ends(space)[-1]:g} epochs, "
        f"{purpose}{strategies.describe(sampler, periods)} + {strategies.describe(pruner, periods)}, "
        f"seed {asked.seed}, "
        f"{asked.slots} slots on {asked.workers} workers{'' if repeats(asked.order) else ', by arrival'}.",
        f"About {estimate.minutes:.1f} minutes at this machine's estimated speed ({kind}); "
        f"{100 * estimate.infeasible:.0f} % of random configurations exceed a limit and are not trained.",
        f"Study {study_name(asked, space)} in {asked.results}/. A configuration drawn at random: {first}.",
    ]


def study_name(asked: SearchConfig, space: Space) -> str:
    """Return the study's name: as asked for, or the space's with the seed."""
    return asked.study_name if asked.study_name is not None else f"{space.name}-{asked.seed}"


def planner(space: Space, context: Mapping[str, Any]) -> Planner[TrainConfig]:
    """Return the planner of a study's trials: constants and parameters to a configuration, its costs and its limits."""
    return make_planner(
        training_settings(space),
        resolve=space.resolve,
        limits=space.settings.get("limits", {}),
        coefficients=context["costs"],
        train_images=context["images"]["train"],
        validation_images=context["images"]["validation"],
    )


def context_here(numerics: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a study's context that follows from this installation and a machine with these numerics."""
    return {
        "costs": stored(COEFFICIENTS[numerics["kind"]], {}),
        "defaults": to_json(TrainConfig()),
        "trainer_revision": numerics["trainer_revision"],
        "canary": numerics["canary"],
    }


def versions() -> dict[str, str]:
    """Return the versions of what the trainer is built on, as a study keeps them."""
    return {"torch": version("torch")}


def _spec(asked: SearchConfig, space: Space, data: TrainingSet, numerics: Mapping[str, Any]) -> StudySpec:
    trained_on = Data(
        dataset=data.options.dataset, subset=data.options.subset,
        data_hash=data.data_hash, split_hash=data.split.digest,
    )  # fmt: skip
    context = {
        "data": stored(trained_on, record.FIRST),
        "images": {"train": len(data.split.train), "validation": len(data.split.validation)},
        **context_here(numerics),
    }
    sampler, pruner = strategies.of_settings(space.settings)
    plan = planner(space, context)
    return StudySpec(
        space=space, seed=asked.seed, slots=asked.slots, order=asked.order, sampler=sampler, pruner=pruner,
        periods=len(_period_ends(space)), context=context, numerics=numerics, versions=versions(),
        enqueued=tuple(_enqueued(space, recipe, plan) for recipe in asked.enqueue),
    )  # fmt: skip


def _period_ends(space: Space) -> list[float]:
    epochs = space.settings.get("epochs", TrainConfig().epochs)
    return list(space.settings.get("periods") or range(1, epochs + 1))


def _data_options(asked: SearchConfig, space: Space) -> DataOptions:
    folder = str(asked.data_dir.resolve()) if asked.data_dir else None
    return DataOptions(dataset=asked.dataset, data_dir=folder, subset=space.settings.get("subset"))


def _executor(asked: SearchConfig, data: TrainingSet, location: StudyLocation) -> Executor:
    trainer = trainer_spec(data, device=asked.device)
    match asked.executor:
        case "local":
            return LocalExecutor(trainer, asked.workers, location.files.workers_log, asked.lanes)
        case "in-process":
            return InProcessExecutor(trainer)
        case "ray":
            return _ray_executor(asked, data)
        case _:
            assert_never(asked.executor)


def _ray_executor(asked: SearchConfig, data: TrainingSet) -> RayExecutor:
    """Return workers of a cluster; those have MNIST inside the package, and any other data set is sent to them."""
    staged = None
    if data.options.data_dir or data.options.dataset != "mnist":
        staged = StagedFiles(option="data_dir", files=idx_files(data))
        data = replace(data, options=DataOptions(subset=data.options.subset))
    spec = trainer_spec(data, device=asked.device)
    return RayExecutor(spec, asked.workers, address=asked.address, gpus_per_worker=asked.gpus_per_worker, staged=staged)


def _estimated_kind(device: str) -> DeviceKind:
    """Return the kind of device that a preview reckons with; it starts no worker and asks no GPU."""
    from mnist_bench.numerics import best_precision, device_kind, find_device

    torch_device = find_device(device)
    return device_kind(best_precision(torch_device), on_gpu=torch_device.type != "cpu")


def _enqueued(space: Space, name: str, plan: Planner[TrainConfig]) -> dict[str, Any]:
    """Return the parameters under which the space gives a recipe.

    Raises:
        UsageError: the recipe is no point of the space; names the first setting that differs.
    """
    wanted = every_setting(space_files.recipe(space_files.load(name)))
    params = space.sample(lambda path, _: _at(wanted, path))
    for known in space.fields:
        if known.path in params and known.distribution and not known.distribution.contains(params[known.path]):
            raise UsageError(f"--enqueue {name}: {known.path} {show(params[known.path])} is outside the space's range")
    fixed = dict(leaves(every_setting(plan(params).config)))
    for path, value in leaves(wanted):
        if path not in ("epochs", "periods") and not same(fixed[path], value):
            raise UsageError(f"--enqueue {name}: {path} is {show(value)}, and {show(fixed[path])} in the space")
    return params


def _at(config: Mapping[str, Any], path: str) -> Any:
    section, _, key = path.partition(".")
    return config[section][key]
