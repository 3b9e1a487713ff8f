"""The space of a search, and what follows from it and the options: study, data, sampler and pruner."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mnist_bench import space_files
from mnist_bench.config import DatasetName
from mnist_bench.data import DataOptions, images_in, options_for
from mnist_bench.picture_form import PictureForm
from mnist_bench.searches.config import SearchConfig
from search import strategies
from search.errors import SpaceError, UsageError
from search.messages import command_line
from search.plugins import is_code
from search.space import Space
from search.strategies import Pruner, Sampler
from search.study import StudyLocation, name_after, specification


def to_search(config: SearchConfig, notice: Callable[[str], object] = lambda text: None) -> Space:
    """Return the space that a search is asked for.

    A shipped space may be bettered from release to release. A study that was begun with it as it was before goes on
    with that, which is said.

    Raises:
        SpaceError, UsageError: see `space_files.load`; there is nothing to search in a recipe.
        StorageError: of a study that is there the database cannot be read.
    """
    if (begun := _as_begun(config, notice)) is not None:
        return begun
    space = _loaded(config, config.space)
    if space.is_recipe:
        raise UsageError(
            f"{space_files.named(config.space)}: there is nothing to search, for it has no range; use "
            f"`{_train_command(config)}`."
        )
    return space


def check_study_name(name: str | None, kinds: Collection[str], results: Path, storage: str | None) -> None:
    """Check that commands can name a new study so; one that is there already keeps its name.

    `kinds` are those of pictures.

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
    if specification(StudyLocation.of(name, results, storage)) is None:
        raise UsageError(f"--study-name {name}: {taken_for}; give the study another name.")


def _train_command(config: SearchConfig) -> str:
    """Return the command that trains a recipe which a search was asked for."""
    words = ["mnist-bench", "train", space_files.named(config.space), *_set_words(config.overrides)]
    given = {"--net": config.net, "--dataset": config.dataset, "--data": config.data_dir}
    words += [word for option, value in given.items() if value is not None for word in (option, str(value))]
    return command_line(words)


def check_words(config: SearchConfig) -> tuple[str, ...]:
    """Return the words with which `mnist-bench plugin check` tries out code of the user's own on the space of a search.

    Of a net the check needs no `--net` beside it.
    """
    space = ["--space", str(config.space)] if isinstance(config.space, str | Path) else []
    data = ["--data", str(config.data_dir)] if config.data_dir is not None else []
    net = ["--net", config.net] if config.net is not None else []
    # A built-in sampler or pruner beside the one that is checked: the check takes it from the space alone.
    return (*space, *_set_words([*config.overrides, *_strategy_overrides(config)]), *net, *data)


def _set_words(overrides: Iterable[str]) -> list[str]:
    return [word for override in overrides for word in ("--set", override)]


def _as_begun(config: SearchConfig, notice: Callable[[str], object]) -> Space | None:
    """Return the shipped space as it was in an earlier release, where the study was begun with that, and tell so."""
    for name in space_files.former(config.space) if isinstance(config.space, str | Path) else []:
        try:
            space = _loaded(config, name)
        except SpaceError:  # what was changed by --set does not fit it
            continue
        begun = specification(location(config, space))
        if begun is not None and begun["space"] == space.to_spec():
            notice(
                f"{study_name(config, space)} goes on with {space.name} as it was when it began ({name}); "
                "--study-name NAME begins a search with what it is today."
            )
            return space
    return None


def _loaded(config: SearchConfig, source: space_files.Source) -> Space:
    images = images_in(options_for(config.data_dir))
    overrides = (*config.overrides, *_strategy_overrides(config))
    space = space_files.load(
        source, overrides, images=images, form=lambda named: _options(config, named).form, net=config.net
    )
    own = [kind for kind, name in (("sampler", config.sampler), ("pruner", config.pruner)) if name and is_code(name)]
    return _without(own, space)


def _strategy_overrides(config: SearchConfig) -> Iterator[str]:
    """Yield what replaces the file's sampler and pruner by built-in ones, as `--set` does it.

    Raises:
        UsageError: there is none of that name, or it refuses its options.
    """
    if config.sampler is not None and not is_code(config.sampler):
        strategies.named_sampler(config.sampler, config.sampler_options)
        yield f"search.sampler={_in_yaml(config.sampler, config.sampler_options)}"
    if config.pruner is not None and not is_code(config.pruner):
        strategies.named_pruner(config.pruner, config.pruner_options)
        yield f"search.pruner={_in_yaml(config.pruner, config.pruner_options)}"


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


def chosen_strategies(config: SearchConfig, space: Space) -> tuple[Sampler, Pruner]:
    """Return the sampler and the pruner of a search: code of the user's own, which is loaded, else the space's.

    `space` is what `to_search` returns for `config`.

    Raises:
        UsageError: the code cannot be loaded or made; the message says why and where.
    """
    sampler, pruner = strategies.of_settings(space.settings)
    if config.sampler is not None and is_code(config.sampler):
        sampler = strategies.named_sampler(config.sampler, config.sampler_options)
    if config.pruner is not None and is_code(config.pruner):
        pruner = strategies.named_pruner(config.pruner, config.pruner_options)
    return sampler, pruner


def study_name(config: SearchConfig, space: Space) -> str:
    """Return the name of the study: the given one, or else SPACE-SEED; errors as in `name_after`."""
    return config.study_name if config.study_name is not None else name_after(space.name, config.seed)


def location(config: SearchConfig, space: Space) -> StudyLocation:
    """Return where the study of a search is kept; `space` is what `to_search` returns for `config`."""
    return StudyLocation.of(study_name(config, space), config.results, config.storage)


def data_options(config: SearchConfig, space: Space) -> DataOptions:
    """Return how the data set of a search is loaded; errors as in `options_for`."""
    return _options(config, space_files.dataset(space), space.settings.get("subset"))


def form_of(config: SearchConfig, space: Space) -> PictureForm:
    """Return the form of a search's pictures; errors as in `options_for`."""
    return data_options(config, space).form


def _options(config: SearchConfig, named: DatasetName, subset: int | None = None) -> DataOptions:
    return options_for(config.data_dir, dataset=config.dataset or named, subset=subset)
