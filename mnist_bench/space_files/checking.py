"""Whether a space's names and values are those of the trainer's settings, and whether they fit together."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, get_args

from mnist_bench.config import TrainConfig, TrainOn, all_settings, from_json, leaves_validation, sections, with_params
from mnist_bench.errors import ArchitectureError
from mnist_bench.nets import plan_layers
from mnist_bench.space_files.faults import allows, annotation_of, faults
from mnist_bench.space_files.form import SETTINGS, TRAINING
from search import strategies
from search.errors import Problem
from search.messages import did_you_mean, show
from search.space import UNREADABLE, Field, FloatRange, IntRange, KeyPath, Space

NETS_TRIED = 64


def check(space: Space) -> list[Problem]:
    """Return all that is wrong with the names and values of `space`, in no particular order.

    Ranges that could not be read are passed over.
    """
    problems = list(_top_level_problems(space))
    for item in space.fields:
        problems += _field_problems(item)
    for name, value in space.settings.items():
        found = faults(SETTINGS[name], name, value) if name in SETTINGS else []
        problems += [space.origins[name].problem(f"{name}{fault.text}", *fault.place) for fault in found]
    train_on = space.settings.get("train_on", TrainConfig().train_on)
    if train_on in get_args(TrainOn) and not leaves_validation(train_on) and not space.is_recipe:
        message = f"train_on: {train_on} leaves a search no image to select on; a search needs search_split"
        problems.append(space.origins["train_on"].problem(message))
    if problems or any(item.value is UNREADABLE for item in space.fields):
        return problems
    return [*_sum_problems(space), *_strategy_problems(space)] or [*_net_problems(space)]


def training_settings(space: Space) -> dict[str, Any]:
    """Return TrainConfig's own settings, as plain values; those left out are left out."""
    return {name: value for name, value in space.settings.items() if name in TRAINING}


def _top_level_problems(space: Space) -> Iterator[Problem]:
    for name, origin in space.origins.items():
        known = ("name", *SETTINGS, *sections())
        is_mapping = name not in space.settings and name != "name"
        if name not in known:
            yield origin.problem(f"{show(name)}: no such setting or section{did_you_mean(name, known)}", at_key=True)
        elif name in sections() and not is_mapping:
            value = show(space.settings[name])
            yield origin.problem(f"{name}: a section holds fields, `name: value` each, not {value}")
        elif name in SETTINGS and is_mapping:
            yield origin.problem(f"{name}: takes the same value in all trials; a range is not possible here")


def _field_problems(item: Field) -> list[Problem]:
    section, _, name = item.path.partition(".")
    if section not in sections():
        return []
    if item.path not in all_settings():
        return [item.origin.problem(f"{item.path}: no such field{_nearest(section, name)}", at_key=True)]
    cls = sections()[section]
    if isinstance(item.distribution, FloatRange) and not allows(annotation_of(cls, name), float):
        return [item.origin.problem(f"{item.path}: takes no range of real numbers; use `int` or `choice`", "float")]
    for below, value in _candidates(item):
        if found := faults(cls, name, value):
            return [item.origin.problem(f"{item.path}{fault.text}", *below, *fault.place) for fault in found]
    return []


def _nearest(section: str, name: str) -> str:
    """Return the hint where a section has no such field: a field of that name in another one, or one of a like name."""
    elsewhere = [known.path for known in all_settings().values() if known.name == name and "." in known.path]
    known = [path.removeprefix(f"{section}.") for path in all_settings() if path.startswith(f"{section}.")]
    return f"; did you mean `{elsewhere[0]}`?" if elsewhere else did_you_mean(name, known)


def _candidates(item: Field) -> Iterator[tuple[KeyPath, Any]]:
    """Yield values that all have to be allowed, and where they stand inside the field's form."""
    span = item.distribution
    if span is None:
        yield item.origin.below("value"), item.value
    elif isinstance(span, IntRange | FloatRange):
        kind = "int" if isinstance(span, IntRange) else "float"
        yield (kind, 0), span.low
        yield (kind, 1), span.high
        if isinstance(span, IntRange):
            grid = range(span.low, span.high, span.step)[:NETS_TRIED]
            yield from (((kind,), value) for value in grid)
    else:
        yield from ((("choice", index), option) for index, option in enumerate(span.options))


def _sum_problems(space: Space) -> Iterator[Problem]:
    """Yield where the epochs of periods and phases do not agree with `epochs`."""
    epochs = space.settings.get("epochs", TrainConfig().epochs)
    periods = space.settings.get("periods")
    if periods and (periods[-1] != epochs or any(first >= last for first, last in pairwise(periods))):
        yield space.origins["periods"].problem(f"periods: {show(periods)} does not rise to {epochs}, the epochs")
    phases = space.settings.get("phases")
    if phases and (total := sum(phase["epochs"] for phase in phases)) != epochs:
        yield space.origins["phases"].problem(f"phases: their epochs add up to {total}, not to {epochs}, the epochs")


def _strategy_problems(space: Space) -> Iterator[Problem]:
    """Yield why the sampler, the pruner and the space do not fit together."""
    sampler, pruner = strategies.of_settings(space.settings)
    periods = len(space.settings.get("periods") or range(space.settings.get("epochs", TrainConfig().epochs)))
    for kind, reason in strategies.misfits(sampler, pruner, space, periods):
        yield space.origins["search"].problem(f"search.{kind}: {reason}", kind)


def _net_problems(space: Space) -> Iterator[Problem]:
    """Yield a problem where not one of several nets drawn at random can exist."""
    draws = random.Random(0)  # noqa: S311
    for _ in range(1 if space.is_recipe else NETS_TRIED):
        params = space.sample(lambda _, distribution: distribution.draw(draws))
        config = from_json(with_params(training_settings(space), space.resolve(params)))
        try:
            plan_layers(config.model)
            return
        except ArchitectureError as error:
            reason = str(error)
    yield space.origins["model"].problem(f"model: no net can be built from these settings: {reason}")
