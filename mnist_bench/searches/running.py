"""Run a search, or resume one: the checks before it, its workers, and its study's specification."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, assert_never

from mnist_bench.data.idx import close_test_set
from mnist_bench.data.mnist import TrainingSet, idx_files, load_training_set
from mnist_bench.nets import own_net
from mnist_bench.nets.planner import COEFFICIENTS
from mnist_bench.picture_form import PictureForm
from mnist_bench.searches.config import SearchConfig
from mnist_bench.searches.setup import (
    First,
    SearchSetup,
    context_here,
    enqueued,
    planner,
    versions,
)
from mnist_bench.space_files import drawn
from mnist_bench.space_files.content import period_ends
from mnist_bench.space_files.problems import warnings
from mnist_bench.studies import checked
from mnist_bench.studies.kept_files import BestCheckpoints
from mnist_bench.training import net_check
from mnist_bench.training.trainer import trainer_spec
from search import repeatability
from search.driver.progress import Observer
from search.driver.run import Run, Search
from search.errors import UsageError
from search.event_log.records import StudyRecord
from search.executors.in_process import InProcessExecutor
from search.executors.local import LocalExecutor
from search.executors.protocol import Executor
from search.executors.ray import RayExecutor, StagedFiles
from search.hashed import repeats
from search.objectives.first_trial import blank_space
from search.objectives.objective import FLAT, Objective
from search.objectives.search import begun_again, planned
from search.repeatability import TriedOn
from search.space import yaml_text
from search.space.settings import override
from search.space.space import Space
from search.stored_fields import stored
from search.strategies import registry
from search.study.enqueued import origins_of
from search.study.invocation_log import Invocation
from search.study.spec import StudySpec
from search.study.studies import specification
from search.trainer_api import TrainerSpec


def run(
    config: SearchConfig, observer: Observer, stopping: Callable[[], bool] = lambda: False, command: str | None = None
) -> Run:
    """Run a search, or resume one that was stopped; errors as `search.driver.run.Search.run` and `SearchSetup.of`.

    `stopping` is called regularly and returns whether to stop. `command`: the command line as it was typed, for people.
    """
    if config.kind == "own work":
        ready = search_of_own_work(config)
        repeatability.require_repeatable(ready)
        stops = config.until_timeout(stopping)
        invocation = Invocation(command=command)
        return begun_again(replace(ready, observer=observer, stopping=stops, invocation=invocation)).run()
    setup = SearchSetup.of(config)
    for warning in warnings(setup.drawn, (setup.sampler, setup.pruner)):
        observer.on_notice(str(warning))
    check_own_code(setup)
    close_test_set()
    # Before data are loaded: a name may be mistyped.
    search = _search(setup, enqueued(setup, observer.on_notice))
    return replace(
        search, observer=observer, stopping=config.until_timeout(stopping), invocation=_invocation(config, command)
    ).run()


def search_of_own_work(config: SearchConfig) -> Search:
    """Return the search of your own function or program; nothing of it is run."""
    strategies = config.strategies
    space = _flat_space(config)
    studies = [each for each in config.enqueue if isinstance(each, StudyRecord | str | Path)]
    if len(studies) < len(config.enqueue):
        raise UsageError("--enqueue takes studies of your own function or program, not recipes of networks.")
    return planned(
        objective_of(config), None if config.space is None else space, direction=space.aim.direction,
        trials=config.trials, periods=config.periods, seed=config.seed,
        workers=config.processes, concurrent_trials=config.concurrent_trials, order=config.order,
        sampler=registry.named_sampler(*strategies["sampler"]) if "sampler" in strategies else None,
        pruner=registry.named_pruner(*strategies["pruner"]) if "pruner" in strategies else None,
        stall=config.stall, trial_timeout=config.trial_timeout, stop_rules=config.stop_rules, name=config.study_name,
        results=config.folder, enqueued=studies,
    )  # fmt: skip


def objective_of(config: SearchConfig) -> Objective:
    """Return the function or program that is searched; nothing is loaded yet."""
    return Objective.of_command(config.command) if config.command else Objective.of(str(config.objective))


def _flat_space(config: SearchConfig) -> Space:
    if config.space is None:  # the first trial finds the ranges, so `--set` has the settings alone, such as direction
        return override(blank_space(objective_of(config)), config.overrides, FLAT)
    if isinstance(config.space, Mapping):
        return override(Space.of(config.space, flat=FLAT), config.overrides, FLAT)
    document = (
        yaml_text.parse(sys.stdin.buffer.read(yaml_text.MAX_BYTES + 1), "stdin")
        if config.space == "-"
        else yaml_text.load(Path(str(config.space)))
    )
    return override(Space.from_document(document, FLAT), config.overrides, FLAT)


def trials_left(setup: SearchSetup, first: First) -> int:
    """Return how many trained trials a search has to end, and check what can be checked without workers.

    `first` is the result of `enqueued`. Nothing is changed.
    """
    if specification(setup.files) is None:
        return setup.config.trials
    return _search(setup, first).trials_left()


def _search(setup: SearchSetup, first: First) -> Search:
    config, files = setup.config, setup.files
    data = load_training_set(setup.data)
    return Search(
        files=files,
        budget=config.trials,
        spec_for=lambda numerics: spec_of(setup, data, numerics, first),
        planner_for=lambda spec: planner(spec.space, spec.context),
        executor=executor_of(setup, data),
        typical_costs=lambda spec: replace(setup.drawn, coefficients=spec.context["costs"]).mean_costs,
        on_trial_end=BestCheckpoints(files, setup.space.aim.cost),
        stop_rules=config.stop_rules,
        trial_timeout=math.inf if config.trial_timeout is None else config.trial_timeout,
        check=checked.believed,
    )


def _invocation(config: SearchConfig, command: str | None) -> Invocation | None:
    """Return the record of how a search was started; None for a call from Python without your own data or net."""
    made = Invocation(
        command=command,
        data_dir=None if config.data_dir is None else str(config.data_dir.resolve()),
        net=None if config.net_name is None else own_net.load_net(config.net_name).loaded.whole_name,
    )
    return None if made == Invocation() else made


def spec_of(setup: SearchSetup, data: TrainingSet, numerics: Mapping[str, Any], first: First) -> StudySpec:
    """Return the specification of a study; `numerics` is the workers' report."""
    config, space = setup.config, setup.space
    context = {
        "data": stored(data.data),
        "images": {"train": len(data.split.train), "validation": len(data.split.validation)},
        **context_here(numerics),
    }
    if config.net_name is not None:
        net = own_net.load_net(config.net_name)
        # Next to its code in the space: for people, who may have lost the file.
        context["net"] = {**stored(net.loaded.code), "text": net.text}
    plan = planner(space, context)
    begins = first(plan)
    return StudySpec(
        space=space, seed=config.seed, concurrent_trials=config.concurrent_trials, order=config.order,
        sampler=setup.sampler, pruner=setup.pruner, periods=len(setup.period_ends), context=context,
        numerics=numerics, versions=versions(numerics),
        enqueued=tuple(each.params for each in begins), enqueued_from=origins_of(begins), portable=setup.is_portable,
    )  # fmt: skip


def executor_of(setup: SearchSetup, data: TrainingSet) -> Executor:
    """Return the executor that trains the trials: worker processes, this process, or a Ray cluster."""
    config = setup.config
    match config.executor:
        case "local":
            return LocalExecutor(_trainer(setup, data), config.processes, setup.files.workers_log)
        case "in-process":
            return InProcessExecutor(_trainer(setup, data))
        case "ray":
            return _on_ray(setup, data)
        case _:
            assert_never(config.executor)


def _on_ray(setup: SearchSetup, data: TrainingSet) -> Executor:
    """Return the executor for Ray. Its workers read the packaged MNIST; any other data set is sent to them, as is the
    file of your own network. On GPUs each worker has one."""
    config = setup.config
    options: dict[str, str] = {}
    files: dict[str, bytes] = {}
    net = None if config.net_name is None else own_net.load_net(config.net_name)
    if data.options.data_dir or data.options.dataset != "mnist":
        options["data_dir"] = ""
        files |= idx_files(data)
        data = replace(data, options=replace(data.options, dataset="mnist", data_dir=None))  # as IDX files it is sent
    if net is not None and net.file is not None:
        options["net"] = f"{net.file}:{net.loaded.name.rpartition(':')[2]}"
        files[net.file] = net.content
    return RayExecutor(
        _trainer(setup, data), config.processes, address=os.environ.get("RAY_ADDRESS") or None,
        gpus_per_worker=float(config.device.startswith("cuda")),
        staged=StagedFiles(options=options, files=files) if files else None,
    )  # fmt: skip


def _trainer(setup: SearchSetup, data: TrainingSet) -> TrainerSpec:
    return trainer_spec(data, device=setup.config.device, precision=setup.precision, net=setup.config.net_name)


def check_own_code(setup: SearchSetup) -> None:
    """Check that your own sampler, pruner and net are repeatable, as far as the order of the search needs it, and the
    net portable if the search is."""
    config = setup.config
    if repeats(config.order):
        repeatability.require(setup.sampler, setup.pruner, tried_on(setup.space, config.seed, setup.form))
    if config.net_name is not None:
        net, settings = own_net.load_net(config.net_name), setup.drawn.net_settings
        net_check.require(net, settings[0], setup.form, repeats=repeats(config.order))
        if setup.is_portable:
            net_check.require_portable(net, settings, setup.form)


def tried_on(space: Space, seed: int, form: PictureForm) -> TriedOn:
    """Return the search on which your own sampler or pruner is tried: nets of a space, of which none trains."""
    plan = drawn.planner(space, stored(COEFFICIENTS["cpu-fp32"]), form=form)
    return TriedOn(space=space, planner=plan, periods=len(period_ends(space)), seed=seed)
