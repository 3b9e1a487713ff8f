"""Finds space files, and loads the checked space or recipe from one, or from values in Python."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from numbers import Integral, Real
from pathlib import Path
from typing import Any, get_args

from mnist_bench.config.schedule import MANY
from mnist_bench.config.settings import DatasetName, TrainConfig
from mnist_bench.config.values import from_json, recipe_yaml, to_json, with_params
from mnist_bench.data.choice import DataOptions, form_of
from mnist_bench.data.mnist import images_in
from mnist_bench.data.own import options_for
from mnist_bench.nets import own_net
from mnist_bench.picture_form import PictureForm
from mnist_bench.space_files.content import IMAGES, SETTINGS, VALUE, training_settings, value_faults
from mnist_bench.space_files.drawn import Drawn
from mnist_bench.space_files.problems import faults, names_and_values
from search.errors import Problem, SpaceError, UsageError
from search.messages import did_you_mean, show
from search.space import yaml_text
from search.space.settings import override
from search.space.space import Space
from search.space.yaml_text import Document, to_yaml

_PACKAGE = Path(__file__).parents[1]
FOLDERS = (_PACKAGE / "_spaces", _PACKAGE.parent / "spaces")
"""Where the shipped spaces lie: in an installed package, in a checkout."""


Source = str | Path | Mapping[str, Any] | TrainConfig
"""The source of a space or a recipe: a file, a shipped one's name, "-" for the standard input, or the same as values in
Python; a configuration is a recipe."""


def load(
    source: Source,
    overrides: Sequence[str] = (),
    *,
    images: int = IMAGES,
    form: Callable[[DatasetName], PictureForm] = form_of,
    net: str | None = None,
) -> Space:
    """Return the space of `source`, with `--set` applied, checked.

    `images` is the number of images in the data set, which bounds `subset`. `form` returns the form of its pictures,
    given the data set that the file names. `net` is the name of your own network, which all trials have.
    """
    return _checked(_read(source), overrides, images, form, net)


def open_with_data(
    source: Source,
    overrides: Sequence[str] = (),
    *,
    data_dir: Path | None,
    net: str | None = None,
) -> tuple[Space, DataOptions]:
    """Return a space, and how its data set is loaded: your own, in `data_dir`, or the one that it names."""

    @cache  # a folder's files are looked at for it
    def options(named: DatasetName) -> DataOptions:
        return options_for(data_dir, dataset=named)

    images = images_in(options("mnist"))
    space = load(source, overrides, images=images, form=lambda named: options(named).form, net=net)
    chosen = options(dataset_of(space))
    return space, replace(chosen.chosen(space.settings), dataset=chosen.dataset)


def parse(
    text: str,
    source: str,
    overrides: Sequence[str] = (),
    *,
    form: Callable[[DatasetName], PictureForm] = form_of,
    net: str | None = None,
) -> Space:
    """Return the space of a file's text, which messages call `source`; the others as in `load`.

    `subset` has no bound: the number of images is not known.
    """
    return _checked(yaml_text.parse(text, source), overrides, MANY, form, net)


def _checked(
    document: yaml_text.Document,
    overrides: Sequence[str],
    images: int,
    form: Callable[[DatasetName], PictureForm],
    net: str | None,
) -> Space:
    code = own_net.load_code(net)
    space, problems = Space.read(document)
    if code is not None:
        problems += _other_code(space, code)
        space = replace(space, settings={**space.settings, "net_code": code})
    if overrides:
        # They may change what does not fit together, or the data at hand, so that is judged once they are in. They may
        # also give what is missing, so all of a space of your own network is checked then.
        problems += names_and_values(space) if code is None else []
        if problems:
            raise SpaceError(problems)
        space = _without_nulls(override(space, overrides))
    if problems := [*problems, *faults(Drawn(space, form(dataset_of(space)), images))]:
        raise SpaceError(problems)
    # An objective equal to the default makes no other search, so it is not part of the fingerprint.
    settings = {name: value for name, value in space.settings.items() if (name, value) != ("objective", VALUE)}
    return replace(space, settings=settings)


def _without_nulls(space: Space) -> Space:
    """Return the space without what an override took away, as `subset=null` does; null stays where it is a value."""
    settings, origins = dict(space.settings), dict(space.origins)
    for name in [name for name, value in settings.items() if value is None and name in SETTINGS]:
        if origins[name].is_option and value_faults(SETTINGS[name], name, None):
            del settings[name], origins[name]
    return replace(space, settings=settings, origins=origins)


def _other_code(space: Space, code: str) -> list[Problem]:
    """Return the problem of a file, such as a trial's recipe, that is of another net than the named one."""
    told = space.settings.get("net_code")
    if told in (None, code):
        return []
    names = [own_net.display_name(each) for each in (str(told), code)]
    return [space.origins["net_code"].problem(f"net_code: this is of {names[0]}, and --net names {names[1]}")]


def dataset_of(space: Space) -> DatasetName:
    """Return the data set that a space names, MNIST if it names none."""
    named = space.settings.get("dataset")
    return next((name for name in get_args(DatasetName) if name == named), "mnist")


def find(name_or_path: str | Path) -> Path:
    """Return the file of this path, or of the shipped space of this name ("conv")."""
    known = shipped()
    path, file = Path(name_or_path), known.get(str(name_or_path))
    # Unlike Path.exists, os.path.exists is False for a name that is too long or holds a NUL. A folder is not a space.
    if os.path.exists(path) and not (file and os.path.isdir(path)):
        return path
    if file is not None:
        return file
    hint = did_you_mean(path.stem, known) or "."
    raise UsageError(f"{show(str(path))}: no such file or bundled space{hint} Bundled: {', '.join(known)}.")


def shipped() -> dict[str, Path]:
    """Return the files of the spaces that come with the program, by name."""
    folder = next((folder for folder in FOLDERS if folder.is_dir()), FOLDERS[0])
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in sorted(folder.rglob("*.yaml"))}


def recipe(space: Space) -> TrainConfig:
    """Return the configuration that a space without ranges describes."""
    if ranges := [field.path for field in space.ranges]:
        more = f" and {len(ranges) - 3} more" if len(ranges) > 3 else ""
        raise UsageError(f"{space.source}: a recipe has no ranges; set {', '.join(ranges[:3])}{more} to one value each")
    return config(space, {})


def config(space: Space, params: Mapping[str, Any]) -> TrainConfig:
    """Return the configuration of a trial from its parameters, by path."""
    return from_json(with_params(training_settings(space), space.resolve(params)))


def named(source: Source) -> str:
    """Return how messages call a source.

    >>> named("conv"), named({"name": "mine", "epochs": 3}), named({"epochs": 3})
    ('conv', 'mine', 'space')
    """
    match source:
        case str() | Path():
            return str(source)
        case TrainConfig():
            return "recipe"
        case _:
            name = source.get("name")
            return name if isinstance(name, str) else SOURCE


def _read(source: Source) -> yaml_text.Document:
    match source:
        case "-":
            return yaml_text.parse(sys.stdin.buffer.read(yaml_text.MAX_BYTES + 1), "stdin")
        case str() | Path():
            return yaml_text.load(find(source))
        case _:
            return document(source, "recipe" if isinstance(source, TrainConfig) else SOURCE)


SOURCE = "space"  # the name in messages of a space without a file, and its own name if it gives none


def document(values: Mapping[str, Any] | TrainConfig, source: str = SOURCE) -> Document:
    """Return the document of an equivalent file; messages name fields in it, and no lines."""
    if not isinstance(values, Mapping | TrainConfig):
        raise UsageError(
            f"{show(repr(values))} is not a space; give a file's path or name, a mapping or a configuration."
        )
    if isinstance(values, TrainConfig):
        text = recipe_yaml(_plain(to_json(values), f"{source}: "), name=source)
    else:
        text = to_yaml(_plain(values, f"{source}: "))
    return Document.of(source, yaml_text.parse(text, source).value)


def _plain(value: Any, where: str) -> Any:
    match value:
        case None | bool() | str():
            return value
        case Integral():
            return int(value)
        case Real() if math.isfinite(value):
            return float(value)
        case list() | tuple():
            return [_plain(item, where) for item in value]
        case Mapping():
            if strange := [key for key in value if not isinstance(key, str)]:
                raise UsageError(f"{where}key {show(repr(strange[0]))} is not a text; a field needs a name.")
            return {key: _plain(inner, f"{where}{key}: ") for key, inner in value.items()}
    raise UsageError(
        f"{where}{show(repr(value))} cannot be in a space file; write a number that is finite, a text, true or false, "
        "a list or a mapping."
    )
