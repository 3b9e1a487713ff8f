"""The path of an ablation: which groups of settings there are, and which of them can be changed next.

A step changes one group of settings from the baseline's to the target's. Two things do not stand alone: a setting of
layers that the net does not have yet waits for them, and groups of which one alone makes no net are changed together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import combinations
from types import MappingProxyType
from typing import Any, assert_never, get_args

from mnist_bench.config import (
    LrSchedule,
    Optimizer,
    TrainConfig,
    every_setting,
    from_json,
    leaves,
    to_json,
    with_params,
)
from mnist_bench.errors import ArchitectureError
from mnist_bench.nets import plan_layers

GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "convolutions": (
            "model.blocks", "model.convs_per_block", "model.filters", "model.filter_growth", "model.filter_multiple",
            "model.kernel_size", "model.pool_axes", "model.activation",
        ),
        "hidden layers": ("model.hidden_layers", "model.hidden_units", "model.hidden_activation"),
        "batchnorm": (
            "model.batchnorm", "model.hidden_batchnorm", "model.batchnorm_momentum", "model.batchnorm_epsilon",
        ),
        "dropout": ("model.block_dropout", "model.hidden_dropout"),
        "augmentation": (
            "augment.rotation_degrees", "augment.zoom", "augment.zoom_per_axis", "augment.shear_radians",
            "augment.translate_pixels", "augment.interpolation", "augment.fill",
        ),
        "optimizer": (
            "optim.optimizer", "optim.lr", "optim.beta1", "optim.beta2", "optim.epsilon", "optim.momentum",
            "optim.weight_decay", "optim.batch_size", "optim.keep_last_batch", "model.initialisation",
        ),
        "schedule": (
            "optim.schedule", "optim.warmup_fraction", "optim.drops", "optim.first_drop_fraction",
            "optim.second_drop_fraction", "optim.drop_factor",
        ),
        "averaging": ("optim.ema_decay",),
        "label smoothing": ("optim.label_smoothing",),
        "budget": ("epochs", "phases"),
    }
)  # fmt: skip
"""Every setting of TrainConfig is in one group, but for those that all runs of an ablation share (SHARED)."""
SHARED: Mapping[str, Any] = MappingProxyType({"periods": None, "train_on": "search_split"})
"""Errors are counted on the search's validation split, and a setting that only says when to look changes no net."""

_PARTS: Mapping[str, str] = MappingProxyType(
    {
        "model.batchnorm": "model.blocks", "model.block_dropout": "model.blocks",
        "model.hidden_batchnorm": "model.hidden_layers", "model.hidden_dropout": "model.hidden_layers",
    }
)  # fmt: skip
"""Settings of layers by the setting that says how many such layers there are."""
_DISTORTIONS = ("augment.rotation_degrees", "augment.zoom", "augment.shear_radians", "augment.translate_pixels")

Settings = Mapping[str, Any]


def _idle_with_optimizer(optimizer: Optimizer) -> tuple[str, ...]:
    match optimizer:
        case "adam":
            return ("optim.momentum",)
        case "sgd_nesterov":
            return ("optim.beta1", "optim.beta2", "optim.epsilon")
        case _:
            assert_never(optimizer)


def _idle_with_schedule(schedule: LrSchedule) -> tuple[str, ...]:
    match schedule:
        case "constant":
            return ("optim.warmup_fraction",)
        case "one_cycle":
            return ("optim.drops",)
        case _:
            assert_never(schedule)


def _has(name: str, value: str, settings: Settings) -> bool:
    return bool(settings[name] == value)


_IDLE: tuple[tuple[Callable[[Settings], bool], tuple[str, ...]], ...] = (
    (
        lambda s: not s["model.blocks"],
        (*GROUPS["convolutions"][1:], "model.batchnorm", "model.block_dropout"),
    ),
    (lambda s: isinstance(s["model.filters"], list), ("model.filter_growth", "model.filter_multiple")),
    (
        lambda s: not s["model.hidden_layers"],
        (*GROUPS["hidden layers"][1:], "model.hidden_batchnorm", "model.hidden_dropout"),
    ),
    (
        lambda s: {*_listed(s["model.batchnorm"]), *_listed(s["model.hidden_batchnorm"])} == {"none"},
        ("model.batchnorm_momentum", "model.batchnorm_epsilon"),
    ),
    (
        lambda s: not any(s[name] for name in _DISTORTIONS),
        ("augment.zoom_per_axis", "augment.interpolation", "augment.fill"),
    ),
    *((partial(_has, "optim.optimizer", name), _idle_with_optimizer(name)) for name in get_args(Optimizer)),
    *((partial(_has, "optim.schedule", name), _idle_with_schedule(name)) for name in get_args(LrSchedule)),
    (lambda s: s["optim.drops"] < 2, ("optim.second_drop_fraction",)),
    (lambda s: s["optim.drops"] < 1, ("optim.first_drop_fraction", "optim.drop_factor")),
)
"""Settings that do nothing, and where; a line may rest on those above it."""


def effective(config: TrainConfig) -> TrainConfig:
    """Return a config that trains the same net, the settings that do nothing in it at their defaults."""
    settings = {**dict(leaves(every_setting(config))), **SHARED}
    defaults = dict(leaves(every_setting(TrainConfig())))
    for is_idle, names in _IDLE:
        if is_idle(settings):
            settings |= {name: defaults[name] for name in names}
    return from_json(with_params({}, settings))


def differing(current: TrainConfig, target: TrainConfig) -> tuple[str, ...]:
    """Return the groups in which two effective configs differ, in the order of GROUPS."""
    fields = _differences(current, target)
    return tuple(group for group, names in GROUPS.items() if fields & {*names})


def changed(current: TrainConfig, target: TrainConfig, groups: Sequence[str]) -> TrainConfig:
    """Return the effective config that has these groups' settings from `target` and all others from `current`."""
    wanted = dict(leaves(every_setting(target)))
    new = {name: wanted[name] for group in groups for name in GROUPS[group]}
    return effective(from_json(with_params(to_json(current), new)))


def waiting(current: TrainConfig, target: TrainConfig) -> tuple[str, ...]:
    """Return the groups of `differing` with a setting of layers that only `target` has."""
    fields = _differences(current, target)
    have, want = dict(leaves(every_setting(current))), dict(leaves(every_setting(target)))
    early = {name for name, part in _PARTS.items() if name in fields and want[part] and not have[part]}
    return tuple(group for group in differing(current, target) if early & {*GROUPS[group]})


def candidates(current: TrainConfig, target: TrainConfig) -> list[tuple[str, ...]]:
    """Return what can be changed next: groups alone, or, where one alone makes no net, the fewest that do together."""
    remaining, early = differing(current, target), waiting(current, target)
    joined = [_joined(current, target, group, remaining) for group in remaining if group not in early]
    return list(dict.fromkeys(joined))


def met(start: TrainConfig, target: TrainConfig) -> list[TrainConfig]:
    """Return the configs that a path has to train where the groups are taken in the order of GROUPS."""
    configs, current = [start, target], start
    while choices := candidates(current, target):
        configs += [changed(current, target, groups) for groups in choices]
        current = changed(current, target, choices[0])
    return list(dict.fromkeys(configs))


def _joined(current: TrainConfig, target: TrainConfig, group: str, remaining: Sequence[str]) -> tuple[str, ...]:
    others = [other for other in remaining if other != group]
    for number in range(len(others)):
        for more in combinations(others, number):
            if _can_exist(changed(current, target, (group, *more))):
                return tuple(name for name in remaining if name == group or name in more)
    return tuple(remaining)


def _can_exist(config: TrainConfig) -> bool:
    try:
        plan_layers(config.model)
    except ArchitectureError:
        return False
    return True


def _differences(first: TrainConfig, second: TrainConfig) -> set[str]:
    have, want = dict(leaves(every_setting(first))), dict(leaves(every_setting(second)))
    return {name for name in have if have[name] != want[name]}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
