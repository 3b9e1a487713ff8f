"""Run a search over a space file, given the user's options."""

from __future__ import annotations

import json
import math
import shlex
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, assert_never, get_args

from mnist_bench import net_checks, own_nets, space_files, start_lists
from mnist_bench.config import DatasetName, TrainConfig, every_setting, leaves, to_json
from mnist_bench.data import (
    DataOptions,
    TrainingSet,
    close_test_set,
    idx_files,
    images_in,
    load_training_set,
    options_for,
)
from mnist_bench.nets import COEFFICIENTS
from mnist_bench.own_nets import OwnNet
from mnist_bench.picture_form import PictureForm
from mnist_bench.space_files import IMAGES, overview, planner_on
from mnist_bench.studies import record, validated
from mnist_bench.studies.best_checkpoints import BestCheckpoints
from mnist_bench.studies.record import Data
from mnist_bench.training import trainer_spec
from mnist_bench.units import duration
from search import repeatability, strategies
from search.arguments import check_choice, check_count, check_seconds, check_text
from search.driver import MAX_OUTAGE, Observer, Run, Search, check_asked
from search.errors import SpaceError, UsageError
from search.event_log import Order, StopRules, repeats
from search.executors import Executor, ExecutorName, InProcessExecutor
from search.executors.local import LocalExecutor
from search.executors.ray import RayExecutor, StagedFiles
from search.files import make_folder
from search.messages import number_of, show
from search.plugins import is_code
from search.repeatability import TriedOn
from search.space import Space, cost_of, same
from search.stored_fields import stored
from search.strategies import Pruner, Sampler
from search.study import Invocation, StartList, StudyLocation, StudySpec, name_after, specification
from search.trainer_api import Planner

Start = Callable[[Planner[TrainConfig]], StartList]
"""Makes the list that a search begins with, given its planner."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchConfig:
    """The options of a search."""

    space: space_files.Source
    """A file, the name of a shipped space, - for standard input, or a mapping that says what such a file would."""
    overrides: tuple[str, ...] = ()
    """`field=value`, each of which replaces what the file says."""
    sampler: str | None = None
    """In place of the file's: a built-in one's name, or code of one's own, `package.module:Name` or `file.py:Name`."""
    sampler_options: Mapping[str, Any] = field(default_factory=dict)
    pruner: str | None = None
    """As `sampler`."""
    pruner_options: Mapping[str, Any] = field(default_factory=dict)
    trials: int = 50
    """Number of trained trials at which the study is complete."""
    patience: int | None = None
    """Trained trials without a better complete one among them after which the search ends before that; see
    `search.event_log.StopRules`."""
    target: float | None = None
    """Validation accuracy, above 0 and up to 1, at which the search ends: as soon as a complete trial reaches it."""
    timeout: float | None = None
    """Seconds after which the search stops; it can be resumed."""
    trial_timeout: float | None = None
    """Seconds that a trial may train. Worker processes stop it within a period; the in-process executor only between
    two periods. With several lanes, the time of the other lanes' steps counts, too."""
    workers: int = 1
    lanes: int | None = None
    """Number of trials that each worker process trains in turns; None for the default of its device."""
    slots: int = 8
    order: Order = "logical"
    """The order in which events are handled: "logical", which can be repeated, or "arrival"."""
    seed: int = 0
    enqueue: tuple[space_files.Source, ...] = ()
    """Recipes to train first: files, names of shipped ones, mappings or configurations."""
    from_studies: tuple[str, ...] = ()
    """Studies and tables of which a start list is made, in place of the space's."""
    start: bool = True
    """Whether the search begins with a start list where the space names tables for one."""
    device: str = "auto"
    study_name: str | None = None
    """Name of the study; None for SPACE-SEED."""
    storage: str | None = field(default=None, repr=False)  # it may hold a password
    results: Path = Path("results")
    data_dir: Path | None = None
    """An .npz file, a folder of pictures or one of IDX files; see `mnist_bench.data.own`."""
    dataset: DatasetName | None = None
    """None for the one that the space names."""
    net: str | None = None
    """A net of one's own in place of ours: `package.module:Name` or `file.py:Name`; see docs/own_nets.md."""
    executor: ExecutorName = "local"
    max_outage: float = MAX_OUTAGE
    """Seconds that the search waits during an outage of PostgreSQL."""
    address: str | None = None
    """Address of a Ray cluster: host:port, or auto for the one on this machine; None to start Ray here."""
    gpus_per_worker: float = 0.0
    """Share of a GPU that Ray reserves for each worker."""
    command: str | None = field(default=None, compare=False)
    """The command line as it was typed, without a password; kept with the study, for people."""

    def __post_init__(self) -> None:
        check_asked(trials=self.trials, slots=self.slots, order=self.order, seed=self.seed)
        check_choice("executor", self.executor, get_args(ExecutorName))
        for kind, way in (("sampler", self.sampler), ("pruner", self.pruner)):
            if way is not None:
                check_text(kind, way, "the name of a built-in one, or of code of your own: file.py:Name")
        for name, seconds in (("timeout", self.timeout), ("trial_timeout", self.trial_timeout)):
            if seconds is not None:
                check_seconds(name, seconds)
        check_seconds("max_outage", self.max_outage)
        if self.lanes is not None:
            check_count("lanes", self.lanes)
        takes = _options_of(self.executor)
        if "address" not in takes and (self.address is not None or self.gpus_per_worker):
            raise UsageError("--address and --gpus-per-worker are for --executor ray.")
        if "lanes" not in takes and self.lanes is not None:
            raise UsageError(f"--lanes is for worker processes of this machine; leave out --executor {self.executor}.")
        if self.target is not None and not (type(self.target) in (int, float) and 0 < self.target <= 1):
            raise UsageError(f"--target {show(self.target)}: no validation accuracy; write 99.4% or 0.994.")
        if (self.sampler_options and self.sampler is None) or (self.pruner_options and self.pruner is None):
            raise UsageError("--sampler-option and --pruner-option go with --sampler and --pruner; name it there.")

    @property
    def stop_rules(self) -> StopRules:
        """What ends the search before its goal.

        Raises:
            UsageError: the patience is below 1.
        """
        return StopRules(patience=self.patience, target=self.target)

    @property
    def training_workers(self) -> int:
        """Number of workers that train: the in-process executor is one, however many are asked for."""
        match self.executor:
            case "local" | "ray":
                return self.workers
            case "in-process":
                return 1
            case _:
                assert_never(self.executor)


def _options_of(executor: ExecutorName) -> tuple[str, ...]:
    """Return the options that belong to this executor only."""
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
    """Run a search, or resume one that was stopped.

    Args:
        asked: the options.
        observer: is told what happens.
        stopping: is asked regularly whether to stop.

    Raises:
        SearchError: see `search.driver.run.Search.run`, and `space_files.load` for faults in the space file.
    """
    space = to_search(asked, observer.on_notice)
    for warning in space_files.warnings(space, form_of(asked, space)):
        observer.on_warning(space_files.warning_line(warning))
    check_own_code(asked, space)
    close_test_set()
    where = location(asked, space)
    start = start_list(asked, space, where, observer.on_notice)  # before data are loaded: a name may be mistyped
    search = _search(asked, space, start, observer, stopping)
    make_folder(where.folder)
    return search.run()


def trials_left(asked: SearchConfig, space: Space, start: Start) -> int:
    """Return how many trained trials a search has to end, and check what can be checked without workers.

    `space` is what `to_search` returns for `asked`, and `start` what `start_list` does. Nothing is changed.

    Raises:
        FingerprintError, UsageError, StorageError: see `search.driver.run.Search.trials_left`.
        DataError: of a study that is there the data set cannot be loaded.
    """
    if specification(location(asked, space)) is None:
        return asked.trials
    return _search(asked, space, start, Observer(), lambda: False).trials_left()


def _search(
    asked: SearchConfig, space: Space, start: Start, observer: Observer, stopping: Callable[[], bool]
) -> Search:
    where, chosen = location(asked, space), chosen_strategies(asked, space)
    data = load_training_set(data_options(asked, space))
    deadline = None if asked.timeout is None else time.monotonic() + asked.timeout
    return Search(
        location=where,
        goal=asked.trials,
        spec_for=lambda numerics: _spec(asked, space, data, chosen, numerics, start),
        planner_for=lambda spec: planner(spec.space, spec.context),
        executor=_executor(asked, data, where),
        observer=observer,
        on_trial_end=BestCheckpoints(where.files, cost_of(space.settings)),
        stop_rules=asked.stop_rules,
        stopping=lambda: stopping() or (deadline is not None and time.monotonic() >= deadline),
        trial_timeout=math.inf if asked.trial_timeout is None else asked.trial_timeout,
        check=validated.believed,
        max_outage=asked.max_outage,
        invocation=_invocation(asked),
    )


def _invocation(asked: SearchConfig) -> Invocation | None:
    """Return what is kept of how a search was asked for; None of a call from Python that names nothing of one's own."""
    made = Invocation(
        command=asked.command,
        data_dir=None if asked.data_dir is None else str(asked.data_dir.resolve()),
        net=None if asked.net is None else own_nets.use(asked.net).loaded.whole_name,
    )
    return None if made == Invocation() else made


def location(asked: SearchConfig, space: Space) -> StudyLocation:
    """Return where the study of a search is kept; `space` is what `to_search` returns for `asked`."""
    return StudyLocation.of(study_name(asked, space), asked.results, asked.storage)


def to_search(asked: SearchConfig, notice: Callable[[str], object] = lambda text: None) -> Space:
    """Return the space that a search is asked for.

    A shipped space may be bettered from release to release. A study that was begun with it as it was before goes on
    with that, which is said.

    Raises:
        SpaceError, UsageError: see `space_files.load`; there is nothing to search in a recipe.
        StorageError: of a study that is there the database cannot be read.
    """
    if (begun := _as_begun(asked, notice)) is not None:
        return begun
    space = _loaded(asked, asked.space)
    if space.is_recipe:
        raise UsageError(
            f"{space_files.named(asked.space)}: there is nothing to search, for it has no range; use "
            f"`{_train_command(asked)}`."
        )
    return space


def _train_command(asked: SearchConfig) -> str:
    """Return the command that trains a recipe which a search was asked for."""
    words = ["mnist-bench", "train", space_files.named(asked.space)]
    words += [word for override in asked.overrides for word in ("--set", override)]
    given = {"--net": asked.net, "--dataset": asked.dataset, "--data": asked.data_dir}
    words += [word for option, value in given.items() if value is not None for word in (option, str(value))]
    return shlex.join(words)


def _as_begun(asked: SearchConfig, notice: Callable[[str], object]) -> Space | None:
    """Return the shipped space as it was in an earlier release, where the study was begun with that, and tell so."""
    for name in space_files.former(asked.space) if isinstance(asked.space, str | Path) else []:
        try:
            space = _loaded(asked, name)
        except SpaceError:  # what was changed by --set does not fit it
            continue
        begun = specification(location(asked, space))
        if begun is not None and begun["space"] == space.to_spec():
            notice(
                f"{study_name(asked, space)} goes on with {space.name} as it was when it began ({name}); "
                "--study-name NAME begins a search with what it is today."
            )
            return space
    return None


def _loaded(asked: SearchConfig, source: space_files.Source) -> Space:
    images = images_in(options_for(asked.data_dir))
    overrides = (*asked.overrides, *_strategy_overrides(asked))
    space = space_files.load(
        source, overrides, images=images, form=lambda named: _options(asked, named).form, net=asked.net
    )
    own = [kind for kind, name in (("sampler", asked.sampler), ("pruner", asked.pruner)) if name and is_code(name)]
    return _without(own, space)


def chosen_strategies(asked: SearchConfig, space: Space) -> tuple[Sampler, Pruner]:
    """Return the sampler and the pruner of a search: code of the user's own, which is loaded, else the space's.

    `space` is what `to_search` returns for `asked`.

    Raises:
        UsageError: the code cannot be loaded or made; the message says why and where.
    """
    sampler, pruner = strategies.of_settings(space.settings)
    if asked.sampler is not None and is_code(asked.sampler):
        sampler = strategies.named_sampler(asked.sampler, asked.sampler_options)
    if asked.pruner is not None and is_code(asked.pruner):
        pruner = strategies.named_pruner(asked.pruner, asked.pruner_options)
    return sampler, pruner


def tried_on(space: Space, seed: int) -> TriedOn:
    """Return what a sampler or pruner of the user's own is tried out on: the nets of a space, none of which trains."""
    plan = overview.planner(space, stored(COEFFICIENTS["cpu-fp32"], {}))
    return TriedOn(space=space, planner=plan, periods=len(period_ends(space)), seed=seed)


def check_own_code(asked: SearchConfig, space: Space) -> None:
    """Check that a sampler, a pruner and a net of the user's own repeat, so far as the search is to be repeated.

    `space` is what `to_search` returns for `asked`.

    Raises:
        UsageError: one does not, or cannot be loaded; see `repeatability.require` and `net_checks.require`.
    """
    chosen = chosen_strategies(asked, space)
    if repeats(asked.order):
        repeatability.require(*chosen, tried_on(space, asked.seed))
    _require_net(asked, space)


def _require_net(asked: SearchConfig, space: Space) -> None:
    """Check that a net of the user's own, with settings drawn at random, repeats; errors as in `net_checks.require`."""
    if asked.net is not None:
        form = form_of(asked, space)
        drawn = overview.feasible_plans(space, stored(COEFFICIENTS["cpu-fp32"], {}), form=form)[0]
        net_checks.require(own_nets.use(asked.net), drawn.config.net, form, repeats=repeats(asked.order))


def _strategy_overrides(asked: SearchConfig) -> Iterator[str]:
    """Yield what replaces the file's sampler and pruner by built-in ones, as `--set` does it.

    Raises:
        UsageError: there is none of that name, or it refuses its options.
    """
    if asked.sampler is not None and not is_code(asked.sampler):
        strategies.named_sampler(asked.sampler, asked.sampler_options)
        yield f"search.sampler={_in_yaml(asked.sampler, asked.sampler_options)}"
    if asked.pruner is not None and not is_code(asked.pruner):
        strategies.named_pruner(asked.pruner, asked.pruner_options)
        yield f"search.pruner={_in_yaml(asked.pruner, asked.pruner_options)}"


def _in_yaml(name: str, options: Mapping[str, Any]) -> str:
    return json.dumps({"name": name, **options}) if options else name


def _without(kinds: Collection[str], space: Space) -> Space:
    """Return a space that names no sampler, or no pruner, since there is code of the user's own in its place."""
    named = space.settings.get("search", {})
    if not named.keys() & {*kinds}:
        return space
    kept = {kind: way for kind, way in named.items() if kind not in kinds}
    others = {name: value for name, value in space.settings.items() if name != "search"}
    return replace(space, settings={**others, **({"search": kept} if kept else {})})


def study_name(asked: SearchConfig, space: Space) -> str:
    """Return the name of the study: the given one, or else SPACE-SEED; errors as in `name_after`."""
    return asked.study_name if asked.study_name is not None else name_after(space.name, asked.seed)


def planner(space: Space, context: Mapping[str, Any]) -> Planner[TrainConfig]:
    """Return the planner of a study, which turns parameters into a configuration with its costs and limits."""
    images, form = context["images"], record.data_of(context).form
    return planner_on(
        space, context["costs"], train_images=images["train"], validation_images=images["validation"], form=form
    )


def context_here(numerics: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a study's context that depends on this installation and on the machine's numerics."""
    return {
        "costs": stored(COEFFICIENTS[numerics["kind"]], {}),
        "defaults": to_json(TrainConfig()),
        "trainer_revision": numerics["trainer_revision"],
        "canary": numerics["canary"],
    }


def versions() -> dict[str, str]:
    """Return the versions of the trainer's packages, as a study stores them."""
    return {"torch": version("torch")}


def _spec(
    asked: SearchConfig,
    space: Space,
    data: TrainingSet,
    chosen: tuple[Sampler, Pruner],
    numerics: Mapping[str, Any],
    start: Start,
) -> StudySpec:
    trained_on = Data(
        dataset=data.options.dataset, subset=data.options.subset,
        data_hash=data.data_hash, split_hash=data.split.digest, form=data.options.form,
    )  # fmt: skip
    context = {
        "data": stored(trained_on, record.FIRST),
        "images": {"train": len(data.split.train), "validation": len(data.split.validation)},
        **context_here(numerics),
    }
    if asked.net is not None:
        context["net"] = _net_in_context(own_nets.use(asked.net))
    sampler, pruner = chosen
    plan = planner(space, context)
    return StudySpec(
        space=space, seed=asked.seed, slots=asked.slots, order=asked.order, sampler=sampler, pruner=pruner,
        periods=len(period_ends(space)), context=context, numerics=numerics, versions=versions(),
        enqueued=enqueued(asked, space, plan),
        start=start(plan),
    )  # fmt: skip


def _net_in_context(net: OwnNet) -> dict[str, Any]:
    """Return what a study holds of a net of the user's own, beside its code in the space: for people, who may have lost
    the file."""
    return {**stored(net.loaded.code, {}), "text": net.text}


def start_list(
    asked: SearchConfig, space: Space, where: StudyLocation, notice: Callable[[str], object] = lambda text: None
) -> Start:
    """Return what makes the list that a search begins with, given its planner, and tells what the list costs at most.

    A study that is there has its own list, whatever became of the sources.

    Raises:
        StudyNotFoundError, UsageError, StorageError: see `start_lists.source`.
        SpaceError: see `start_lists.check_named`.
    """
    names = asked.from_studies or (tuple(space.settings.get("search", {}).get("start", ())) if asked.start else ())
    if not names:
        return lambda plan: StartList()
    begun = specification(where)
    if begun is not None and "start" in begun:
        known = StartList.from_json(begun["start"])
        if known.made_of == tuple(map(start_lists.named, names)):
            return lambda plan: known
    if not asked.from_studies:
        start_lists.check_named(space)
    sources = [start_lists.source(name, asked.results, asked.storage) for name in names]

    def made(plan: Planner[TrainConfig]) -> StartList:
        try:
            found = start_lists.make(space, plan, sources)
        except UsageError as error:
            if asked.from_studies:
                raise
            notice(f"{error} The search begins without a list.")  # the space may have been changed by --set
            return StartList()
        seconds = sum(sum(plan(params).costs) for params in found.configurations) / 1e6
        notice(
            f"Tries {number_of(len(found.configurations), 'configuration')} first that did well in "
            f"{' and '.join(found.made_of)}: at most {duration(seconds)} of one worker, as estimated."
        )
        return found

    return made


def period_ends(space: Space) -> list[float]:
    """Return the epochs at whose end a trial reports."""
    epochs = space.settings.get("epochs", TrainConfig().epochs)
    return list(space.settings.get("periods") or range(1, epochs + 1))


def data_options(asked: SearchConfig, space: Space) -> DataOptions:
    """Return how the data set of a search is loaded; errors as in `options_for`."""
    return _options(asked, space_files.dataset(space), space.settings.get("subset"))


def form_of(asked: SearchConfig, space: Space) -> PictureForm:
    """Return that of the pictures of a search; errors as in `options_for`."""
    return data_options(asked, space).form


def _options(asked: SearchConfig, named: DatasetName, subset: int | None = None) -> DataOptions:
    return options_for(asked.data_dir, dataset=asked.dataset or named, subset=subset)


def _executor(asked: SearchConfig, data: TrainingSet, location: StudyLocation) -> Executor:
    trainer = trainer_spec(data, device=asked.device, net=asked.net)
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
    """Return the executor for Ray. Its workers read the packaged MNIST; any other data set is sent to them, as is the
    file of a net of the user's own."""
    options: dict[str, str] = {}
    files: dict[str, bytes] = {}
    net = None if asked.net is None else own_nets.use(asked.net)
    if data.options.data_dir or data.options.dataset != "mnist":
        options["data_dir"] = ""
        files |= idx_files(data)
        data = replace(data, options=DataOptions(subset=data.options.subset, form=data.options.form))
    if net is not None and net.file is not None:
        options["net"] = f"{net.file}:{net.loaded.name.rpartition(':')[2]}"
        files[net.file] = net.content
    spec = trainer_spec(data, device=asked.device, net=asked.net)
    staged = StagedFiles(options=options, files=files) if files else None
    return RayExecutor(spec, asked.workers, address=asked.address, gpus_per_worker=asked.gpus_per_worker, staged=staged)


def enqueued(asked: SearchConfig, space: Space, plan: Planner[TrainConfig]) -> tuple[dict[str, Any], ...]:
    """Return the parameters for which a space gives the recipes that are to be trained first.

    `space` is what `to_search` returns for `asked`.

    Raises:
        SpaceError, UsageError: there is no such recipe, or it is not in the space.
    """
    return tuple(_enqueued(space, recipe, plan, asked) for recipe in asked.enqueue)


def _enqueued(
    space: Space, source: space_files.Source, plan: Planner[TrainConfig], asked: SearchConfig
) -> dict[str, Any]:
    """Return the parameters for which the space gives the configuration of a recipe.

    Raises:
        UsageError: the recipe is not in the space; the message names the first setting that differs.
    """
    images, form = IMAGES if asked.data_dir is None else None, form_of(asked, space)
    loaded = space_files.load(source, images=images, form=lambda _: form, net=asked.net)
    recipe, name = every_setting(space_files.recipe(loaded)), space_files.named(source)
    settings = dict(leaves(recipe))
    try:
        params = space.sample(lambda path, _: settings[path])
    except KeyError as error:  # of a net of the user's own, whose settings may have no defaults
        raise UsageError(f"--enqueue {name}: {error.args[0]} is missing, and a range in the space") from None
    for item in space.fields:
        if item.path in params and item.distribution and not item.distribution.contains(params[item.path]):
            raise UsageError(f"--enqueue {name}: {item.path} {show(params[item.path])} is outside the space's range")
    in_space = dict(leaves(every_setting(plan(params).config)))
    # The length of training is the search's own matter; every other setting has to agree.
    for path, value in settings.items():
        if path in ("epochs", "periods") or (path in in_space and same(in_space[path], value)):
            continue
        there = f"{show(in_space[path])} in the space" if path in in_space else "not in the space"
        raise UsageError(f"--enqueue {name}: {path} is {show(value)}, and {there}")
    return params
