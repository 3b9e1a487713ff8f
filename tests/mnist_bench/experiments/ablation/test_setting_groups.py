"""Every setting belongs to one group, and any two nets are joined by a path of nets that can exist."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from mnist_bench.config.settings import AugmentConfig, ModelConfig, OptimConfig, TrainConfig
from mnist_bench.config.values import every_setting, flattened
from mnist_bench.experiments.ablation.setting_groups import (
    GROUPS,
    SHARED,
    candidates,
    changed,
    differing,
    effective,
    met,
    waiting,
)
from mnist_bench.nets.own_net import load_net
from mnist_bench.nets.planner import plan_layers
from mnist_bench.space_files import space_sources
from support import own_nets

pytestmark = pytest.mark.slow

LINEAR = effective(TrainConfig(model=ModelConfig(blocks=0, hidden_layers=0)))
CONV = effective(
    TrainConfig(
        model=ModelConfig(
            blocks=2, filters=8, hidden_layers=1, batchnorm="after_activation", hidden_dropout=0.3, block_dropout=0.1
        ),
        optim=OptimConfig(lr=0.01),
    )
)


def test_every_setting_is_in_exactly_one_group() -> None:
    counted = Counter([*SHARED, *(name for names in GROUPS.values() for name in names)])
    assert counted == dict.fromkeys(dict(flattened(every_setting(TrainConfig()))), 1)


def test_settings_that_do_nothing_are_no_difference() -> None:
    sgd = OptimConfig(optimizer="sgd_nesterov", lr=0.1)
    first = TrainConfig(optim=sgd, periods=(0.5, 6), train_on="all")
    second = TrainConfig(
        optim=replace(sgd, beta1=0.5, warmup_fraction=0.7, drop_factor=0.5, second_drop_fraction=0.99),
        model=ModelConfig(batchnorm_momentum=0.5), augment=AugmentConfig(fill="edge"),
    )  # fmt: skip
    assert effective(first) == effective(second)
    assert differing(effective(second), effective(replace(second, optim=replace(second.optim, drops=1)))) == (
        "schedule",
    )


@pytest.mark.parametrize(("drops", "group"), [(0, ()), (1, ()), (2, ("schedule",))])
def test_the_second_drop_counts_where_there_are_two(drops: int, group: tuple[str, ...]) -> None:
    config = TrainConfig(optim=OptimConfig(drops=drops))
    later = replace(config, optim=replace(config.optim, second_drop_fraction=0.9))
    assert differing(effective(config), effective(later)) == group


def test_settings_of_layers_wait_for_the_layers() -> None:
    assert differing(LINEAR, CONV) == ("convolutions", "hidden layers", "batchnorm", "dropout", "optimizer")
    assert waiting(LINEAR, CONV) == ("batchnorm", "dropout")
    assert candidates(LINEAR, CONV) == [("convolutions",), ("hidden layers",), ("optimizer",)]
    blocks = changed(LINEAR, CONV, ("convolutions",))
    assert waiting(blocks, CONV) == ("dropout",)
    assert ("batchnorm",) in candidates(blocks, CONV)
    assert waiting(CONV, LINEAR) == ()


def test_layers_that_go_take_their_settings_with_them() -> None:
    flat = changed(CONV, LINEAR, ("convolutions",))
    assert (flat.model.batchnorm, flat.model.block_dropout) == ("none", 0.0)
    assert differing(flat, LINEAR) == ("hidden layers", "dropout", "optimizer")


def test_groups_of_which_one_alone_makes_no_net_are_one_step() -> None:
    two = effective(TrainConfig(model=ModelConfig(hidden_layers=2, hidden_dropout=(0.5, 0.6))))
    one = effective(TrainConfig(model=ModelConfig(hidden_layers=1), optim=OptimConfig(lr=0.5)))
    assert candidates(two, one) == [("hidden layers", "dropout"), ("dropout",), ("optimizer",)]


def test_a_whole_path_meets_each_net_once() -> None:
    # The start; 3 choices there, 3 with the blocks, 3 with the hidden layer, 2, and 1 that is the end.
    configs = met(LINEAR, CONV)
    assert len(configs) == len(set(configs)) == 1 + 3 + 3 + 3 + 2 + 1
    assert configs[:2] == [LINEAR, CONV]


PATHS = {
    name: space_sources.recipe(space_sources.load(name))
    for name in space_sources.shipped()
    if name.startswith("notebook/")
}


@pytest.mark.parametrize("first", PATHS)
def test_from_any_recipe_to_any_other_all_nets_on_the_way_can_exist(first: str) -> None:
    start = effective(PATHS[first])
    for target in map(effective, PATHS.values()):
        current = start
        for _ in range(len(GROUPS) + 1):
            if not differing(current, target):
                break
            nets = [changed(current, target, groups) for groups in candidates(current, target)]
            assert nets
            assert all(can_exist(net.model) for net in nets)
            current = nets[-1]
        assert current == target


@cache
def can_exist(model: ModelConfig) -> bool:
    return plan_layers(model).parameters > 0


def test_settings_that_a_net_of_the_users_own_does_not_declare_are_differences(tmp_path: Path) -> None:
    code = load_net(own_nets.write(tmp_path, own_nets.UNTYPED)).code
    start = effective(replace(LINEAR, net_code=code))
    target = replace(start, net={"width": 8, "kind": "x"})
    assert {*differing(start, target)} == {"net.width", "net.kind"}
    assert target in met(start, target)
    assert changed(changed(start, target, ["net.kind"]), target, ["net.width"]) == target
