"""The path of an ablation: which groups of settings there are, and which of them can be changed next.

A step changes one group of settings from the baseline's to the target's. Two things do not stand alone: a setting of
layers that the net does not have yet waits for them, and groups of which one alone makes no net are changed together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from types import MappingProxyType
from typing import Any, get_args

from mnist_bench.config.settings import Group, TrainConfig
from mnist_bench.config.values import all_settings, every_setting, flattened, from_json, to_json, with_params
from mnist_bench.errors import ArchitectureError
from mnist_bench.nets.planner import net_size
from mnist_bench.picture_form import MNIST, PictureForm


def _groups() -> dict[str, tuple[str, ...]]:
    ablated = [declared for declared in all_settings().values() if declared.setting.ablated]
    names = dict.fromkeys([*get_args(Group), *(declared.group for declared in ablated)])
    return {name: tuple(declared.path for declared in ablated if declared.group == name) for name in names}


GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(_groups())
"""Every setting of TrainConfig is in one group, but for those that all runs of an ablation share (SHARED)."""
SHARED: Mapping[str, Any] = MappingProxyType(
    {path: declared.default for path, declared in all_settings().items() if not declared.setting.ablated}
)
"""Errors are counted on the search's validation split, and a setting that only decides when to look changes no net."""


def effective(config: TrainConfig) -> TrainConfig:
    """Return a config that trains the same net, the settings that do nothing in it at their defaults."""
    settled = from_json(with_params(every_setting(config), SHARED))
    while idle := _idle(settled):  # a need may itself be idle: without blocks no batchnorm, then no batchnorm_momentum
        settled = from_json(with_params(every_setting(settled), idle))
    return settled


def _idle(config: TrainConfig) -> dict[str, Any]:
    """Return the defaults of the settings that do nothing and have another value, by path."""
    settings = dict(flattened(every_setting(config)))
    declared = {path: known for path, known in all_settings().items() if known.default != settings[path]}
    return {path: known.default for path, known in declared.items() if not known.counts_in(config)}


def differing(current: TrainConfig, target: TrainConfig) -> tuple[str, ...]:
    """Return the groups in which two effective configs differ, in the order of GROUPS."""
    fields = _differences(current, target)
    # In your own network each setting is a group: it is unknown which settings belong together.
    own = [name for name in fields if name not in all_settings()]
    return (*(group for group, names in GROUPS.items() if {*fields} & {*names}), *own)


def changed(current: TrainConfig, target: TrainConfig, groups: Sequence[str]) -> TrainConfig:
    """Return the effective config that has these groups' settings from `target` and all others from `current`."""
    wanted = dict(flattened(every_setting(target)))
    new = {name: wanted[name] for group in groups for name in GROUPS.get(group, (group,))}
    return effective(from_json(with_params(to_json(current), new)))


def waiting(current: TrainConfig, target: TrainConfig) -> tuple[str, ...]:
    """Return the groups of `differing` with a setting of layers that only `target` has."""
    early = {all_settings()[path].group for path in _differences(current, target) if _is_early(path, current, target)}
    return tuple(group for group in differing(current, target) if group in early)


def candidates(current: TrainConfig, target: TrainConfig, form: PictureForm = MNIST) -> list[tuple[str, ...]]:
    """Return the possible next changes: groups alone, or, if one alone makes no net, the fewest that do together."""
    remaining, early = differing(current, target), waiting(current, target)
    joined = [_joined(current, target, group, remaining, form) for group in remaining if group not in early]
    return list(dict.fromkeys(joined))


def met(start: TrainConfig, target: TrainConfig, form: PictureForm = MNIST) -> list[TrainConfig]:
    """Return the configs that a path has to train if the groups are taken in the order of GROUPS."""
    configs, current = [start, target], start
    while choices := candidates(current, target, form):
        configs += [changed(current, target, groups) for groups in choices]
        current = changed(current, target, choices[0])
    return list(dict.fromkeys(configs))


def _joined(
    current: TrainConfig, target: TrainConfig, group: str, remaining: Sequence[str], form: PictureForm
) -> tuple[str, ...]:
    others = [other for other in remaining if other != group]
    for number in range(len(others)):
        for more in combinations(others, number):
            if _can_exist(changed(current, target, (group, *more)), form):
                return tuple(name for name in remaining if name == group or name in more)
    return tuple(remaining)


def _can_exist(config: TrainConfig, form: PictureForm) -> bool:
    try:
        net_size(config, form)
    except ArchitectureError:
        return False
    return True


def _differences(first: TrainConfig, second: TrainConfig) -> list[str]:
    have, want = dict(flattened(every_setting(first))), dict(flattened(every_setting(second)))
    # If your own network declares no settings, some may be in one of the two alone.
    return [name for name in {**have, **want} if have.get(name) != want.get(name)]


def _is_early(path: str, current: TrainConfig, target: TrainConfig) -> bool:
    """Return whether a setting counts in `target` alone, and its requirement there is in another group."""
    declared = all_settings().get(path)
    if declared is None:
        return False
    lacking = [need for need in declared.setting.needs if need.are_met(target) and not need.are_met(current)]
    named = [all_settings()[path] for need in lacking for path in need.paths if path in all_settings()]
    return any(other.group != declared.group for other in named)
