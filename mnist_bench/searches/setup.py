"""The setup of a search: what follows from its options and its space, its study's context, and its first trials."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mnist_bench.config.schedule import MANY
from mnist_bench.config.settings import TrainConfig
from mnist_bench.config.values import from_json, settings_of
from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import images_in
from mnist_bench.nets.planner import COEFFICIENTS
from mnist_bench.numerics import device
from mnist_bench.numerics.kinds import PrecisionName
from mnist_bench.numerics.operations import portable_is_free
from mnist_bench.picture_form import PictureForm
from mnist_bench.searches.config import SearchConfig
from mnist_bench.space_files import space_sources
from mnist_bench.space_files.content import IMAGES, period_ends, precision_of
from mnist_bench.space_files.drawn import Drawn, planner_on
from mnist_bench.studies import checked
from mnist_bench.studies.record import data_of, is_portable
from search.errors import StudyNotFoundError, UsageError
from search.event_log.records import StudyRecord
from search.loading import is_code
from search.messages import command_line, show
from search.space.ranges import same
from search.space.space import Space
from search.stored_fields import stored
from search.strategies import registry
from search.strategies.pruners import Pruner
from search.strategies.samplers import Sampler
from search.study.enqueued import Enqueued, Source, first_trials, source as study_source
from search.study.folder import StudyFolder, name_after
from search.study.studies import specification
from search.trainer_api import Planner


@dataclass(frozen=True, kw_only=True)  # with slots there would be no cached properties
class SearchSetup:
    """The options of a search with the space that they name; `SearchSetup.of` makes it."""

    config: SearchConfig
    space: Space
    data: DataOptions  # how the data set is loaded

    @classmethod
    def of(cls, config: SearchConfig) -> SearchSetup:
        """Return the setup of a search with these options.

        Raises:
            SpaceError, UsageError, DataError: as `space_files.open_with_data`; a recipe has nothing to search.
        """
        space, data = space_sources.open_with_data(
            config.source,
            (*config.overrides, *_strategy_overrides(config)),
            data_dir=config.data_dir,
            net=config.net_name,
        )
        if space.is_recipe:
            raise UsageError(
                f"{space_sources.named(config.source)}: there is nothing to search, because it has no range; use "
                f"`{_train_command(config)}`."
            )
        own = [kind for kind, (name, _) in config.strategies.items() if is_code(name)]
        return cls(config=config, space=_without(own, space), data=data)

    @property
    def form(self) -> PictureForm:
        """The form of the pictures."""
        return self.data.form

    @property
    def images(self) -> int:
        """The number of images on which the search trains and validates."""
        return images_in(self.data) if self.data.subset is None else self.data.subset

    @cached_property
    def precision(self) -> PrecisionName:
        """The precision in which the search trains; "auto" for the one that a worker chooses, its device's fastest.

        If none is named, built-in networks train in portable precision on a processor on which it is free. A study that
        was begun in another precision keeps it.
        """
        named, config = precision_of(self.space), self.config
        if named != "auto" or config.executor != "local" or config.net is not None:
            return named
        if not portable_is_free(device.find_device(config.device)):
            return named
        begun = specification(self.files)
        return "portable" if begun is None or is_portable(begun["numerics"]) else named

    @cached_property
    def drawn(self) -> Drawn:
        """Random configurations of the space."""
        return Drawn(self.space, self.form, self.images)

    @cached_property
    def files(self) -> StudyFolder:
        """Where the study is kept, under the given name or else as SPACE-SEED.

        Raises:
            UsageError: as `name_after`.
        """
        given, config = self.config.study_name, self.config
        name = given if given is not None else name_after(self.space.name, config.seed)
        return StudyFolder.of(name, config.folder)

    @cached_property
    def sampler(self) -> Sampler:
        """Your own sampler, whose code is loaded, else that of the space, else the default.

        Raises:
            UsageError: the code cannot be loaded or made; the message gives the reason and the place.
            StorageError: the study exists, and its database cannot be read.
        """
        name, options = self.config.strategies.get("sampler", ("", {}))
        return registry.named_sampler(name, options) if is_code(name) else registry.of_settings(self.space.settings)[0]

    @cached_property
    def pruner(self) -> Pruner:
        """Your own pruner, else that of the space; errors as `sampler`."""
        name, options = self.config.strategies.get("pruner", ("", {}))
        return registry.named_pruner(name, options) if is_code(name) else registry.of_settings(self.space.settings)[1]

    @property
    def is_portable(self) -> bool:
        """Whether training gives the same bits on every processor."""
        return self.precision == "portable"

    @property
    def period_ends(self) -> list[float]:
        """The epochs at whose end a trial reports."""
        return period_ends(self.space)


def check_study_name(name: str | None, kinds: Collection[str], results: Path) -> None:
    """Check that commands can name a new study so; an existing study keeps its name.

    `kinds` are the kinds of plots.

    Raises:
        UsageError: a command takes the name for something else.
        StorageError: the database cannot be read.
    """
    if name is None:
        return
    if name in kinds:
        taken_for = f"`mnist-bench plot {name}` draws a plot of that kind"
    elif name.endswith(".json"):
        taken_for = f"`mnist-bench reproduce {name}` reads a file"
    else:
        return
    if specification(StudyFolder.of(name, results)) is None:
        raise UsageError(f"--study-name {name}: {taken_for}; give the study another name.")


def _train_command(config: SearchConfig) -> str:
    """Return the command that trains a recipe which a search was asked for."""
    words = ["mnist-bench", "train", space_sources.named(config.source)]
    words += [word for override in config.overrides for word in ("--set", override)]
    given = {"--net": config.net_name, "--data": config.data}
    words += [word for option, value in given.items() if value is not None for word in (option, str(value))]
    return command_line(words)


def _strategy_overrides(config: SearchConfig) -> Iterator[str]:
    """Yield the overrides that replace the file's sampler and pruner, as `--set` does.

    Raises:
        UsageError: there is none of that name, or it refuses its options.
    """
    for kind, (name, options) in config.strategies.items():
        if not is_code(name):
            (registry.named_sampler if kind == "sampler" else registry.named_pruner)(name, options)
            yield f"search.{kind}={json.dumps({'name': name, **options}) if options else name}"


def _without(kinds: Collection[str], space: Space) -> Space:
    """Return a space that names no sampler, or no pruner, because your own code replaces it."""
    named = space.settings.get("search", {})
    if not named.keys() & {*kinds}:
        return space
    kept = {kind: each for kind, each in named.items() if kind not in kinds}
    others = {name: value for name, value in space.settings.items() if name != "search"}
    return replace(space, settings={**others, **({"search": kept} if kept else {})})


def planner(space: Space, context: Mapping[str, Any]) -> Planner[TrainConfig]:
    """Return the planner of a study with this context: it turns parameters into a configuration with its costs."""
    images, form = context["images"], data_of(context).form
    return planner_on(
        space, context["costs"], train_images=images["train"], validation_images=images["validation"], form=form
    )


def context_here(numerics: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a study's context that depends on this installation and on the machine's numerics."""
    return {
        "costs": stored(COEFFICIENTS[numerics["kind"]]),
        "trainer_revision": numerics["trainer_revision"],
    }


def versions(numerics: Mapping[str, Any]) -> dict[str, str]:
    """Return the versions of the trainer's packages, as a study stores them.

    Of a portable study it is the release of PyTorch without the name of its build: 2.13.0+cpu and 2.13.0 compute the
    same bits, as far as the checks agree.
    """
    installed = version("torch")
    return {"torch": installed.partition("+")[0] if is_portable(numerics) else installed}


First = Callable[[Planner[TrainConfig]], tuple[Enqueued, ...]]
"""Makes the enqueued trials of a search, given its planner."""


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
    images = IMAGES if config.data_dir is None else MANY
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
