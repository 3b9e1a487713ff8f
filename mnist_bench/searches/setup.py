"""The setup of a search: its options, its space, and the study, data, sampler and pruner that follow from both."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import images_in
from mnist_bench.numerics import device
from mnist_bench.numerics.operations import portable_is_free
from mnist_bench.picture_form import PictureForm
from mnist_bench.searches.config import SearchConfig
from mnist_bench.searches.study_context import period_ends
from mnist_bench.space_files import space_sources
from mnist_bench.space_files.drawn import Drawn
from mnist_bench.studies.record import is_portable
from search.errors import UsageError
from search.loading import is_code
from search.messages import command_line
from search.space.space import Space
from search.strategies import registry
from search.strategies.pruners import Pruner
from search.strategies.samplers import Sampler
from search.study.folder import StudyFolder, name_after
from search.study.studies import specification


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
    def precision(self) -> str:
        """The precision in which the search trains; "auto" for the one that a worker chooses, its device's fastest.

        If none is named, built-in networks train in portable precision on a processor on which it is free. A study that
        was begun in another precision keeps it.
        """
        named, config = str(self.space.settings.get("precision", "auto")), self.config
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
    kept = {kind: way for kind, way in named.items() if kind not in kinds}
    others = {name: value for name, value in space.settings.items() if name != "search"}
    return replace(space, settings={**others, **({"search": kept} if kept else {})})
