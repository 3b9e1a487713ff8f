"""The greedy path and its intervals, with figures worked out by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from mnist_bench.config.settings import AugmentConfig, ModelConfig, OptimConfig, TrainConfig
from mnist_bench.config.values import settings_of, to_json
from mnist_bench.experiments.ablation import (
    GROUPS,
    SHARED,
    Measured,
    Step,
    candidates,
    change,
    changed,
    differing,
    effective,
    interval,
    load,
    met,
    sentence,
    walk,
)
from mnist_bench.nets.own_net import load_net
from mnist_bench.nets.planner import plan_layers
from mnist_bench.space_files import space_sources
from search.errors import StorageError
from support import own_nets
from support.experiments import PATH, keep

START = effective(TrainConfig(model=ModelConfig(blocks=0, hidden_layers=0)))
END = effective(
    TrainConfig(
        model=ModelConfig(filters=8, hidden_layers=0, batchnorm="after_activation"),
        optim=OptimConfig(lr=0.01, ema_decay=0.99),
    )
)


def measured(config: TrainConfig, errors: Sequence[int | None] = (50, 52), macs: int = 100) -> Measured:
    return Measured(config=to_json(config), errors=tuple(errors), parameters=10, macs=macs, seconds=1.5)


class Bench:
    """Stands in for training: errors of each change by its name in the order asked, `None` for time that is up."""

    def __init__(self, *answers: Mapping[str, Sequence[int | None]] | None) -> None:
        self.answers = list(answers)
        self.asked: list[list[str]] = []

    def __call__(self, configs: Mapping[str, TrainConfig]) -> list[Measured] | None:
        self.asked.append(list(configs))
        answer = self.answers.pop(0)
        return None if answer is None else [measured(configs[name], answer[name]) for name in configs]


def path(bench: Bench) -> tuple[Step, ...]:
    heard: list[Step] = []
    steps = walk(measured(START, (800, 810)), measured(END, (40, 42)), bench, heard.append)
    assert tuple(heard) == steps
    return steps


def test_at_each_step_the_change_that_helps_most_is_taken() -> None:
    bench = Bench(
        {"convolutions": (100, 102), "optimizer": (700, 702), "averaging": (810, 812)},
        {"batchnorm": (70, 72), "optimizer": (60, 62), "averaging": (99, 98)},
        {"batchnorm": (45, 47), "averaging": (44, 46)},
        {"batchnorm": (40, 42)},
    )
    steps = path(bench)
    assert [step.name for step in steps] == ["convolutions", "optimizer", "averaging", "batchnorm"]
    assert [step.fewer for step in steps] == [704, 40, 16, 4]
    assert [step.waiting for step in steps] == [("batchnorm",), (), (), ()]
    assert [tried.mean for tried in steps[1].tried] == [71, 61, 98.5]
    assert steps[-1].after.config == to_json(END)
    assert steps[1].change == "lr .001 → .01"


def test_ties_go_to_the_order_of_groups_and_what_diverged_comes_last() -> None:
    same = (100, 102)
    steps = path(
        Bench(
            {"convolutions": same, "optimizer": same, "averaging": same},
            {"batchnorm": (99, None), "optimizer": (400, 400), "averaging": (500, 500)},
            {"batchnorm": (99, None), "averaging": (90, None)},
            {"averaging": (9, 9)},
        )
    )
    assert [step.name for step in steps] == ["convolutions", "optimizer", "batchnorm", "averaging"]
    assert [step.fewer for step in steps] == [704, -299, None, None]
    assert sentence(steps[2], 10_000) == "batchnorm: no figure, because training diverged"
    assert [tried.mean for tried in steps[1].tried] == [None, 400, 500]


@pytest.mark.parametrize(("sign", "first"), [(-1, "convolutions"), (1, "optimizer")])
def test_among_equals_the_cheaper_net_is_taken(sign: int, first: str) -> None:
    def bench(configs: Mapping[str, TrainConfig]) -> list[Measured]:
        return [measured(config, macs=100 + sign * len(name)) for name, config in configs.items()]

    assert walk(measured(START), measured(END), bench, lambda _: None)[0].name == first


def test_where_time_is_up_the_rest_is_one_step_to_the_end() -> None:
    steps = path(Bench({"convolutions": (100, 102), "optimizer": (700, 702), "averaging": (810, 812)}, None))
    assert [step.name for step in steps] == ["convolutions", "the rest"]
    assert [step.unresolved for step in steps] == [False, True]
    assert steps[1].fewer == 60


def test_an_interval_by_hand() -> None:
    # Two configurations, three seeds: differences 9, 10 and 11; s² of the differences 1, t(2 df, 97.5%) = 4.3027.
    found = interval([109, 110, 111], [100, 100, 100], [])
    assert found == pytest.approx((10, 10 - 4.3027 / 3**0.5, 10 + 4.3027 / 3**0.5), abs=1e-3)
    # A third one pools: residuals of 1/3 and 2/3 make s² (4/3) / 4 = 1/3; two comparisons share the level, t(4 df,
    # 98.75%) = 3.4954. That is less than the pair alone says, which counts.
    assert interval([109, 110, 111], [100, 100, 100], [[109, 110, 111]]) == pytest.approx(found)
    # A pair that agrees by chance is given the others' swing: residuals of 4/3 and 8/3 make s² (192/9) / 4.
    found = interval([109, 110, 111], [99, 100, 101], [[105, 110, 115]])
    reach = 3.4954 * (2 * 192 / 9 / 4 / 3) ** 0.5
    assert found == pytest.approx((10, 10 - reach, 10 + reach), abs=1e-3)


def test_bystanders_lend_no_certainty_to_a_pair_that_swings() -> None:
    draws, missed = np.random.default_rng(11), 0
    for _ in range(400):
        calm = draws.normal(60, 6, (9, 3)).round().astype(int).tolist()
        found = interval(draws.normal(100, 30, 3).round().astype(int).tolist(), calm[0], calm[1:])
        assert found is not None
        missed += not found[1] <= 40 <= found[2]
    assert missed <= 32  # 20 are expected, and 72 by the shared variance alone


def test_seeds_that_agree_by_chance_make_nothing_certain() -> None:
    # The variance of rounding, 1/12; t(1 df, 97.5%) = 12.7062.
    reach = 12.7062 / 12**0.5
    assert interval([60, 64], [50, 54], []) == pytest.approx((10, 10 - reach, 10 + reach), abs=1e-3)
    found = interval([61, 65], [60, 64], [])
    assert found is not None
    assert (
        sentence(step(*found), 10_000) == "batchnorm: 1 fewer errors of 10,000 (3 more to 5 fewer), which may be chance"
    )


def test_what_a_seed_does_to_all_cancels_out() -> None:
    alone = interval([12, 15, 11], [7, 8, 9], [[20, 22, 25]])
    shifted = interval([112, 515, 11], [107, 508, 9], [[120, 522, 25]])
    assert alone == pytest.approx(shifted)


def test_a_net_of_which_a_seed_failed_says_nothing_of_the_others_spread() -> None:
    pair = [66, 70], [60, 62]
    assert interval(*pair, [[64, 68], [61, 9020]]) == pytest.approx(interval(*pair, [[64, 68], [None, 61]]))
    # What is worse, but of the same kind, does count.
    assert interval(*pair, [[64, 68], [61, 90]]) != pytest.approx(interval(*pair, [[64, 68], [None, 61]]))


def test_without_figures_there_is_no_interval() -> None:
    assert interval([5], [3], []) is None
    assert interval([5, None], [3, 4], []) is None
    assert interval([5, 6], [3, 4], [[None, 1]]) == interval([5, 6], [3, 4], [[None, 9]])


@pytest.mark.parametrize("seeds", [2, 3])
def test_the_best_of_ten_changes_that_do_nothing_is_called_a_gain_in_few_cases(seeds: int) -> None:
    draws, claims = np.random.default_rng(7), 0
    for _ in range(400):
        table = draws.normal(60, 6, (11, seeds)).round().astype(int).tolist()
        best = min(table[1:], key=sum)
        found = interval(table[0], best, [other for other in table[1:] if other is not best])
        claims += found is not None and not found[1] <= 0 <= found[2]
    assert claims <= 0.05 * 400


def step(fewer: float, low: float | None, high: float | None) -> Step:
    tried, after = (), measured(END)
    return Step(
        groups=("batchnorm",), change="", after=after, tried=tried, waiting=(), fewer=fewer, low=low, high=high
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fewer", "low", "high", "words"),
    [
        (31, 21, 41, "batchnorm: 31 fewer errors of 10,000 (21 to 41)"),
        (-12, -21, -3, "batchnorm: 12 more errors of 10,000 (3 to 21)"),
        (4, -7, 15, "batchnorm: 4 fewer errors of 10,000 (7 more to 15 fewer), which may be chance"),
        (-4, -15, 7, "batchnorm: 4 more errors of 10,000 (7 fewer to 15 more), which may be chance"),
        (4, None, None, "batchnorm: 4 fewer errors of 10,000"),
    ],
)
def test_a_step_in_words(fewer: float, low: float | None, high: float | None, words: str) -> None:
    assert sentence(step(fewer, low, high), 10_000) == words


def test_a_change_in_words() -> None:
    assert (
        change(START, END) == "blocks 0 → 2, filters – → 8·16, batchnorm – → after, lr .001 → .01, ema decay 0 → 0.99"
    )
    assert change(START, replace(START, epochs=9)) == "epochs 6 → 9"


def test_a_setting_of_an_own_net_stands_beside_ours_of_the_same_name() -> None:
    own = replace(START, net_code="nets.py:build " + "0" * 64, net={"decay": 0.45, "epochs": 1, "width": 8})
    optim = replace(own.optim, weight_decay=0.01)
    assert change(own, replace(own, optim=optim)) == "decay 0 → .01"
    both = replace(own, optim=optim, epochs=9, net={"decay": 0.9, "epochs": 2, "width": 4})
    assert change(own, both) == ("decay 0 → .01, net.decay 0.45 → 0.9, net.epochs 1 → 2, width 8 → 4, epochs 6 → 9")


def test_what_is_kept_is_read_as_it_was(tmp_path: Path) -> None:
    assert load(tmp_path) is None
    steps = path(Bench({"convolutions": (1, None), "optimizer": (7, None), "averaging": (8, 9)}, None))
    made = replace(PATH, start=measured(START, (800, 810)), steps=steps)
    (tmp_path / "ablation").mkdir()
    keep(made, tmp_path)
    assert load(tmp_path) == replace(made, study=tmp_path.name)
    assert (made.complete, replace(made, steps=steps[:1]).complete) == (False, True)


@pytest.mark.parametrize("text", ["", '{"question": 1}', "[" * 9])
def test_a_damaged_file_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "ablation").mkdir()
    (tmp_path / "ablation" / "ablation.json").write_text(text)
    with pytest.raises(StorageError, match=r"ablation\.json: is not a complete ablation; move it away"):
        load(tmp_path)


CONV = effective(
    TrainConfig(
        model=ModelConfig(
            blocks=2, filters=8, hidden_layers=1, batchnorm="after_activation", hidden_dropout=0.3, block_dropout=0.1
        ),
        optim=OptimConfig(lr=0.01),
    )
)


@pytest.mark.slow
def test_every_setting_is_in_exactly_one_group() -> None:
    counted = Counter([*SHARED, *(name for names in GROUPS.values() for name in names)])
    assert counted == dict.fromkeys(settings_of(TrainConfig()), 1)


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize(("drops", "group"), [(0, ()), (1, ()), (2, ("schedule",))])
def test_the_second_drop_counts_where_there_are_two(drops: int, group: tuple[str, ...]) -> None:
    config = TrainConfig(optim=OptimConfig(drops=drops))
    later = replace(config, optim=replace(config.optim, second_drop_fraction=0.9))
    assert differing(effective(config), effective(later)) == group


@pytest.mark.slow
def test_settings_of_layers_wait_for_the_layers() -> None:
    assert differing(START, CONV) == ("convolutions", "hidden layers", "batchnorm", "dropout", "optimizer")
    assert candidates(START, CONV) == [("convolutions",), ("hidden layers",), ("optimizer",)]
    blocks = changed(START, CONV, ("convolutions",))
    assert candidates(blocks, CONV) == [("hidden layers",), ("batchnorm",), ("optimizer",)]


@pytest.mark.slow
def test_layers_that_go_take_their_settings_with_them() -> None:
    flat = changed(CONV, START, ("convolutions",))
    assert (flat.model.batchnorm, flat.model.block_dropout) == ("none", 0.0)
    assert differing(flat, START) == ("hidden layers", "dropout", "optimizer")


@pytest.mark.slow
def test_groups_of_which_one_alone_makes_no_net_come_last_and_are_one_step() -> None:
    two = effective(TrainConfig(model=ModelConfig(hidden_layers=2, hidden_dropout=(0.5, 0.6))))
    one = effective(TrainConfig(model=ModelConfig(hidden_layers=1), optim=OptimConfig(lr=0.5)))
    assert candidates(two, one) == [("dropout",), ("optimizer",)]
    three = effective(TrainConfig(model=ModelConfig(hidden_layers=3, hidden_dropout=(0.5, 0.6, 0.7))))
    assert candidates(two, three) == [("hidden layers", "dropout")]
    assert candidates(three, three) == []


@pytest.mark.slow
def test_a_whole_path_meets_each_net_once() -> None:
    # The start; 3 choices there, 3 with the blocks, 3 with the hidden layer, 2, and 1 that is the end.
    configs = met(START, CONV)
    assert len(configs) == len(set(configs)) == 1 + 3 + 3 + 3 + 2 + 1
    assert configs[:2] == [START, CONV]


PATHS = {
    name: space_sources.recipe(space_sources.load(name))
    for name in space_sources.shipped()
    if name.startswith("notebook/")
}


@pytest.mark.slow
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


@pytest.mark.slow
def test_settings_that_a_net_of_the_users_own_does_not_declare_are_differences(tmp_path: Path) -> None:
    code = load_net(own_nets.write(tmp_path, own_nets.UNTYPED)).code
    start = effective(replace(START, net_code=code))
    target = replace(start, net={"width": 8, "kind": "x"})
    assert {*differing(start, target)} == {"net.width", "net.kind"}
    assert target in met(start, target)
    assert changed(changed(start, target, ["net.kind"]), target, ["net.width"]) == target
