"""The first trials of a search: recipes and studies that the user names, and a start list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mnist_bench import start_lists
from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import from_json, settings_of
from mnist_bench.searches.setup import SearchSetup
from mnist_bench.space_files import space_sources
from mnist_bench.space_files.content import IMAGES
from mnist_bench.studies import checked
from search.errors import StudyNotFoundError, UsageError
from search.event_log.records import StudyRecord
from search.messages import duration, number_of, show
from search.space.ranges import same
from search.space.space import Space
from search.study.enqueued import Enqueued, Source, first_trials, source as study_source
from search.study.spec import StartList
from search.study.studies import specification
from search.trainer_api import Planner

First = Callable[[Planner[TrainConfig]], tuple[Enqueued, ...]]
"""Makes the enqueued trials of a search, given its planner."""
Start = Callable[[Planner[TrainConfig]], StartList]
"""Makes the list that a search begins with, given its planner."""


def enqueued(setup: SearchSetup, notice: Callable[[str], object] = lambda text: None) -> First:
    """Return the function that makes the trials that the user wants first, of recipes and studies, given the planner.

    It raises UsageError for a recipe that is not in the space, and for a study of which no trial is. It notices how
    many trials of each study are. A search that has begun keeps those that it began with.

    Raises:
        UsageError: there is no such recipe or study.
        ForeignStudyError: it is no study of nets.
        SpaceError: a recipe has faults.
        StorageError: a study cannot be read.
    """
    sources = [_source(setup, each) for each in setup.config.enqueue]

    def made(plan: Planner[TrainConfig]) -> tuple[Enqueued, ...]:
        found: list[Enqueued] = []
        for each in sources:
            if isinstance(each, StudyRecord | tuple):
                found += first_trials(each, setup.space, plan, notice, _settings_of)
            else:
                found.append(Enqueued(params=_of_recipe(setup, each, plan)))
        return tuple(found)

    return made


def _source(setup: SearchSetup, given: space_sources.Source | StudyRecord) -> space_sources.Source | Source:
    """Return a recipe as it was given; of anything else the study, or what the search has kept of it."""
    if isinstance(given, StudyRecord):
        found = study_source(given, setup.files)
    elif not isinstance(given, str | Path) or _is_recipe(given):
        return given
    else:
        try:
            found = study_source(given, setup.files)
        except (StudyNotFoundError, UsageError) as error:
            why = str(error)
            raise UsageError(
                f"--enqueue {show(str(given))}: no such file or bundled recipe, and {why[:1].lower()}{why[1:]}"
            ) from error
    return checked.believed(found) if isinstance(found, StudyRecord) else found


def _is_recipe(name: str | Path) -> bool:
    """Return whether a name is that of a file or of a bundled recipe; else it is a study's."""
    try:
        return name == "-" or not space_sources.find(name).is_dir()
    except UsageError:
        return False


def _of_recipe(setup: SearchSetup, source: space_sources.Source, plan: Planner[TrainConfig]) -> dict[str, Any]:
    """Return the parameter values for which the space gives the configuration of a recipe.

    Raises:
        UsageError: the recipe is not in the space; the message names the first setting that differs.
    """
    config, space = setup.config, setup.space
    images = IMAGES if config.data_dir is None else None
    loaded = space_sources.load(source, images=images, form=lambda _: setup.form, net=config.net_name)
    settings, name = settings_of(space_sources.recipe(loaded)), space_sources.named(source)
    try:
        params = space.sample(lambda path, _: settings[path])
    except KeyError as error:  # settings of your own network may have no defaults
        raise UsageError(f"--enqueue {name}: {error.args[0]} is missing, although it is a range of the space") from None
    for item in space.fields:
        if item.path in params and item.distribution and not item.distribution.contains(params[item.path]):
            raise UsageError(f"--enqueue {name}: {item.path} {show(params[item.path])} is outside the space's range")
    in_space = settings_of(plan(params).config)
    # The length of training is the search's own matter; every other setting has to agree.
    for path, value in settings.items():
        if path in ("epochs", "periods") or (path in in_space and same(in_space[path], value)):
            continue
        there = f"{show(in_space[path])} in the space" if path in in_space else "not in the space"
        raise UsageError(f"--enqueue {name}: {path} is {show(value)}, and {there}")
    return params


def _settings_of(space: Space, params: Mapping[str, Any], config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return every setting of a net by its path, whether its space names it or not."""
    return settings_of(from_json(config))


def start_list(setup: SearchSetup, notice: Callable[[str], object] = lambda text: None) -> Start:
    """Return the function that makes the start list of a search, given its planner, and notices its cost at most.

    A study that exists keeps its own list, even if the sources have changed.

    Raises:
        SpaceError: as `start_lists.check_named`.
        StorageError: a table is damaged, or the study cannot be read.
    """
    config, space = setup.config, setup.space.as_portable() if setup.is_portable else setup.space
    names = tuple(space.settings.get("search", {}).get("start", ()) if config.warm_start else ())
    if not names:
        return lambda plan: StartList()
    begun = specification(setup.files)
    if begun is not None and "start" in begun:
        known = StartList.from_json(begun["start"])
        if known.made_of == names:
            return lambda plan: known
    start_lists.check_named(space)
    tables = [start_lists.source(name, space.elementary) for name in names]
    told: set[str] = set()

    def once(text: str) -> None:  # the list is made whenever a search is specified
        if text not in told:
            told.add(text)
            notice(text)

    def made(plan: Planner[TrainConfig]) -> StartList:
        try:
            found = start_lists.make(space, plan, tables)
        except UsageError as error:
            # The space may have been changed by --set.
            once(f"{error} The search begins without warm-start configurations.")
            return StartList()
        seconds = sum(sum(plan(params).costs) for params in found.configurations) / 1e6
        once(
            f"Tries {number_of(len(found.configurations), 'configuration')} first that did well in "
            f"{' and '.join(found.made_of)}: at most {duration(seconds)} of one worker, as estimated."
        )
        return found

    return made
