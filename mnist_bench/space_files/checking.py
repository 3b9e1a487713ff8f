"""Checks the names and values of a space against the trainer's settings, and whether they fit together."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import islice, pairwise
from typing import Any, get_args

from mnist_bench.config.catalogue import all_settings, sections
from mnist_bench.config.schedule import leaves_validation
from mnist_bench.config.settings import TrainConfig, TrainOn
from mnist_bench.own_nets.own_net import HOW, loaded_net
from mnist_bench.picture_form import MNIST, PictureForm
from mnist_bench.space_files.content import IMAGES, MIN_SUBSET, OWN, SETTINGS, SUBSET
from mnist_bench.space_files.faults import allows, annotation_of, faults
from mnist_bench.space_files.net_feasibility import net_problems
from search.errors import Problem, UsageError
from search.messages import did_you_mean, in_a_sentence, show
from search.space.space import NARROWED, UNREADABLE, Field, Space
from search.space.yaml_text import KeyPath
from search.strategies import registry

GRID = 64
"""Values of a range of whole numbers that are tried one by one."""


def check(space: Space, *, images: int | None = IMAGES, form: PictureForm = MNIST) -> list[Problem]:
    """Return all problems of `space`: of its names and values, of their combinations, and of its nets.

    Unreadable ranges are skipped. `images` is the number of images in the data set; None if it is not known.
    `form` is the form of its pictures.
    """
    problems = names_and_values(space)
    subset = space.settings.get("subset")
    if images is not None and not problems and isinstance(subset, int) and subset > images:
        whole = f"{images} images; leave it out, or --set subset=null, to take them all"
        fitting = whole if images < MIN_SUBSET else f"{MIN_SUBSET} to {images} images"
        message = f"subset: {subset} is more than there are: {fitting}"
        problems.append(space.origins["subset"].problem(message))
    train_on = space.settings.get("train_on", TrainConfig().train_on)
    if train_on in get_args(TrainOn) and not leaves_validation(train_on) and not space.is_recipe:
        message = f"train_on: {train_on} leaves a search no image to select on; a search needs search_split"
        problems.append(space.origins["train_on"].problem(message))
    if problems or any(item.value is UNREADABLE for item in space.fields):
        return problems
    return [*_sum_problems(space), *_strategy_problems(space)] or net_problems(space, form)


def names_and_values(space: Space) -> list[Problem]:
    """Return the faults of the names and values of `space`, each judged by itself, in no particular order."""
    problems = list(_top_level_problems(space))
    for item in space.fields:
        problems += _field_problems(space, item)
    for name, value in space.settings.items():
        found = faults(SETTINGS[name], name, value) if name in SETTINGS else []
        problems += [space.origins[name].problem(f"{name}{fault.text}", *fault.place) for fault in found]
    return [*problems, *_own_net_problems(space)]


def _top_level_problems(space: Space) -> Iterator[Problem]:
    for name, origin in space.origins.items():
        known = ("name", NARROWED, *SETTINGS, *sections(), OWN)
        is_mapping = name not in space.settings and name != "name"
        if name == "direction":
            message = "direction: a search of networks always maximizes validation accuracy; leave it out"
            yield origin.problem(message, at_key=True)
        elif name not in known:
            hint = _nearest(name) or did_you_mean(name, known)
            yield origin.problem(f"{show(name)}: no such setting or section{hint}", at_key=True)
        elif name in (OWN, *sections()) and not is_mapping:
            value = show(space.settings[name])
            yield origin.problem(f"{name}: a section holds fields, `name: value` each, not {value}")
        elif name in SETTINGS and is_mapping:
            yield origin.problem(f"{name}: takes the same value in all trials; a range is not possible here")


def _own_net_problems(space: Space) -> Iterator[Problem]:
    """Yield the conflicts between a space and your own network that is searched, if any."""
    fields = {item.path.partition(".")[2] for item in space.fields if item.path.startswith(f"{OWN}.")}
    code = space.settings.get("net_code")
    if code is None:
        if OWN in space.origins:
            yield space.origins[OWN].problem(f"net: settings of your own network; name its code, {HOW}", at_key=True)
        return
    if "model" in space.origins:
        message = "model: the settings of built-in networks do nothing with --net; leave them out"
        yield space.origins["model"].problem(message, at_key=True)
    try:
        needed = loaded_net(str(code)).settings.needed
    except UsageError as error:
        yield space.origins["net_code"].problem(f"net_code: {in_a_sentence(error)}")
        return
    for name in needed:
        if name not in fields:
            message = f"net.{name}: has no default; give it a value or a range"
            section = space.origins.get(OWN)
            yield Problem(space.source, 1, 1, message) if section is None else section.problem(message, at_key=True)


def _section_of(space: Space, section: str, name: str) -> tuple[type, list[str]] | None:
    """Return the class that declares a field, and the names of all its fields; None if it cannot be checked."""
    if section != OWN:
        if section not in sections():
            return None
        return sections()[section], [
            path.partition(".")[2] for path in all_settings() if path.startswith(f"{section}.")
        ]
    try:
        settings = loaded_net(str(space.settings["net_code"])).settings
    except (KeyError, UsageError):
        return None  # reported once, by `_own_net_problems`
    return settings.section_with(name), list((name,) if settings.declared is None else settings.names)


def _field_problems(space: Space, item: Field) -> list[Problem]:
    section, _, name = item.path.partition(".")
    if section == OWN and keyword.iskeyword(name):
        return [item.origin.problem(f"{item.path}: is a Python keyword; give the setting another name", at_key=True)]
    declared = _section_of(space, section, name)
    if declared is None:
        return []
    cls, names = declared
    if name not in names:
        hint = did_you_mean(name, names) if section == OWN else _nearest(name, section)
        return [item.origin.problem(f"{item.path}: no such field{hint}", at_key=True)]
    span = item.distribution
    annotation = annotation_of(cls, name)
    if span is not None and span.is_real and not allows(annotation, float):
        others = "`int` or `choice`" if allows(annotation, int) else "`choice`"
        return [item.origin.problem(f"{item.path}: takes no range of real numbers; use {others}", span.kind)]
    named = [(below, fault) for below, value in _ends(item) for fault in faults(cls, name, value)]
    between = ((below, fault) for below, value in _between(item) for fault in faults(cls, name, value))
    found = named or [*islice(between, 1)]
    return [item.origin.problem(f"{item.path}{fault.text}", *below, *fault.place) for below, fault in found]


def _ends(item: Field) -> Iterator[tuple[KeyPath, Any]]:
    """Yield the values that a field names, all of which have to be allowed, and their places inside its form."""
    span = item.distribution
    if span is None:
        yield item.origin.below("value"), item.value
    else:
        yield from (((span.kind, index), value) for index, value in enumerate(span.written))


def _between(item: Field) -> Iterator[tuple[KeyPath, Any]]:
    """Yield the values of a range that a file names by its ends alone, as far as they are tried one by one."""
    span = item.distribution
    if span is not None and not span.is_listed:
        yield from (((span.kind,), value) for value in span.values[:-1][:GRID])


def _sum_problems(space: Space) -> Iterator[Problem]:
    """Yield the periods and phases whose epochs do not agree with `epochs`."""
    epochs = space.settings.get("epochs", TrainConfig().epochs)
    periods = space.settings.get("periods")
    if periods and (periods[-1] != epochs or any(first >= last for first, last in pairwise(periods))):
        fitting = show(sorted({period for period in periods if period < epochs} | {epochs}))
        told = {name for name in ("epochs", "periods") if name in space.origins and space.origins[name].is_option}
        hint = f"also give --set 'periods={fitting}'" if told == {"epochs"} else f"{fitting} would"
        message = f"periods: {show(periods)} does not rise to {epochs}, the epochs; {hint}"
        yield space.origins["periods"].problem(message)
    phases = space.settings.get("phases")
    if phases and (total := sum(phase["epochs"] for phase in phases)) != epochs:
        yield space.origins["phases"].problem(f"phases: their epochs add up to {total}, not to {epochs}, the epochs")


def _strategy_problems(space: Space) -> Iterator[Problem]:
    """Yield why the sampler and the space do not fit together."""
    sampler, _ = registry.of_settings(space.settings)
    if reason := sampler.misfit(space):
        yield space.origins["search"].problem(f"search.sampler: {reason}", "sampler")


def _nearest(name: str, section: str = "") -> str:
    """Return the hint "; did you mean `optim.lr`?"; empty if nothing is near.

    A setting of `section`, in which the name was found, is called by its bare name.
    """
    prefix = f"{section}."
    known = [*all_settings(), *(setting for setting in SETTINGS if setting not in all_settings())]
    meant = _synonyms().get(name.lower().replace("-", "_")) or tuple(
        path for path in known if path.rpartition(".")[2] == name.lower() and path != prefix + name
    )
    if meant:
        return f"; did you mean {' or '.join(f'`{path.removeprefix(prefix)}`' for path in meant)}?"
    if section:
        return did_you_mean(name, [path.removeprefix(prefix) for path in known if path.startswith(prefix)])
    return ""


@cache
def _synonyms() -> Mapping[str, Sequence[str]]:
    """Return the settings that a name from elsewhere, in small letters, may mean."""
    declared = {path: item.setting for path, item in all_settings().items()} | {"subset": SUBSET}
    found: dict[str, list[str]] = {}
    for path, setting in declared.items():
        for name in setting.synonyms:
            found.setdefault(name, []).append(path)
    return found
