"""The greedy path and its intervals, with figures worked out by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_bench.config.settings import AugmentConfig, ModelConfig, OptimConfig, TrainConfig
from mnist_bench.config.values import settings_of, to_json
from mnist_bench.experiments.ablation import (
    GROUPS,
    SHARED,
    Measured,
    Step,
    TriedChange,
    candidates,
    change,
    changed,
    differing,
    effective,
    interval,
    load,
    met,
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
CONV = effective(
    TrainConfig(
        model=ModelConfig(
            blocks=2, filters=8, hidden_layers=1, batchnorm="after_activation", hidden_dropout=0.3, block_dropout=0.1
        ),
        optim=OptimConfig(lr=0.01),
    )
)
SAME, UP = (100, 102), None
FIRST = {"convolutions": SAME, "optimizer": (700, 702), "averaging": (810, 812)}
Answers = Sequence[Mapping[str, Sequence[int | None]] | None]
"""Errors of each change by its name, in the order asked; None for time that is up."""


def measured(config: TrainConfig, errors: Sequence[int | None] = (50, 52), macs: int = 100) -> Measured:
    return Measured(config=to_json(config), errors=tuple(errors), parameters=10, macs=macs, seconds=1.5)


def path(*answers: Mapping[str, Sequence[int | None]] | None) -> tuple[Step, ...]:
    left = iter(answers)

    def measure(configs: Mapping[str, TrainConfig]) -> list[Measured] | None:
        answer = next(left)
        return None if answer is None else [measured(configs[name], answer[name]) for name in configs]

    steps = tuple(walk(measured(START, (800, 810)), measured(END, (40, 42)), measure))
    assert not [*left]
    return steps


@pytest.mark.parametrize(
    ("answers", "taken", "fewer", "tried"),
    [
        pytest.param(
            [
                FIRST,
                {"batchnorm": (70, 72), "optimizer": (60, 62), "averaging": (99, 98)},
                {"batchnorm": (45, 47), "averaging": (44, 46)},
                {"batchnorm": (40, 42)},
            ],
            ["convolutions", "optimizer", "averaging", "batchnorm"],
            [704, 40, 16, 4],
            [71, 61, 98.5],
            id="what helps most",
        ),
        pytest.param(
            [
                dict.fromkeys(FIRST, SAME),
                {"batchnorm": (99, None), "optimizer": (400, 400), "averaging": (500, 500)},
                {"batchnorm": (99, None), "averaging": (90, None)},
                {"averaging": (9, 9)},
            ],
            ["convolutions", "optimizer", "batchnorm", "averaging"],
            [704, -299, None, None],
            [None, 400, 500],
            id="ties in the order of groups, what diverged last",
        ),
        pytest.param([FIRST, UP], ["convolutions", "the rest"], [704, 60], [], id="where time is up, the rest at once"),
    ],
)
def test_at_each_step_one_change_is_taken(
    answers: Answers, taken: list[str], fewer: list[float | None], tried: list[float | None]
) -> None:
    steps = path(*answers)
    assert [step.name for step in steps] == taken
    assert [step.fewer for step in steps] == fewer
    assert [one.mean for one in steps[1].tried] == tried
    assert [step.waiting for step in steps] == [("batchnorm",), *[()] * (len(taken) - 1)]
    assert steps[-1].after.config == to_json(END)


@pytest.mark.parametrize(("sign", "first"), [(-1, "convolutions"), (1, "optimizer")])
def test_among_equals_the_cheaper_net_is_taken(sign: int, first: str) -> None:
    def measure(configs: Mapping[str, TrainConfig]) -> list[Measured]:
        return [measured(config, macs=100 + sign * len(name)) for name, config in configs.items()]

    assert next(walk(measured(START), measured(END), measure)).name == first


BEFORE = [109, 110, 111]
PAIR = [66, 70], [60, 62]


@pytest.mark.parametrize(
    ("before", "after", "others", "mean", "reach"),
    [
        # Two configurations, three seeds: differences 9, 10 and 11; s² of the differences 1, t(2 df, 97.5%) = 4.3027.
        (BEFORE, [100, 100, 100], [], 10, 4.3027 / 3**0.5),
        # A third one pools: residuals of 1/3 and 2/3 make s² (4/3) / 4 = 1/3; two comparisons share the level, t(4 df,
        # 98.75%) = 3.4954. That is less than the pair alone says, which counts.
        (BEFORE, [100, 100, 100], [BEFORE], 10, 4.3027 / 3**0.5),
        # A pair that agrees by chance is given the others' swing: residuals of 4/3 and 8/3 make s² (192/9) / 4.
        (BEFORE, [99, 100, 101], [[105, 110, 115]], 10, 3.4954 * (2 * 192 / 9 / 4 / 3) ** 0.5),
        # What agrees by chance has the variance of rounding, 1/12; t(1 df, 97.5%) = 12.7062.
        ([60, 64], [50, 54], [], 10, 12.7062 / 12**0.5),
    ],
)
def test_an_interval_by_hand(
    before: list[int], after: list[int], others: list[list[int]], mean: float, reach: float
) -> None:
    assert interval(before, after, others) == pytest.approx((mean, mean - reach, mean + reach), abs=1e-3)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (([12, 15, 11], [7, 8, 9], [[20, 22, 25]]), ([112, 515, 11], [107, 508, 9], [[120, 522, 25]]), True),
        # A net of which one seed failed says nothing of the others' spread; what is worse but of the same kind does.
        ((*PAIR, [[64, 68], [61, 9020]]), (*PAIR, [[64, 68], [None, 61]]), True),
        ((*PAIR, [[64, 68], [61, 90]]), (*PAIR, [[64, 68], [None, 61]]), False),
        (([5], [3], []), ([5, None], [3, 4], []), True),  # no interval
    ],
    ids=["what a seed does to all cancels out", "a failed seed", "a worse net", "without figures"],
)
def test_what_counts_for_an_interval(one: Any, other: Any, alike: bool) -> None:
    first, second = interval(*one), interval(*other)
    assert (first == (None if second is None else pytest.approx(second))) == alike
    assert (first is None) == (len(one[0]) == 1)


@pytest.mark.parametrize("seeds", [2, 3])
def test_the_best_of_ten_changes_that_do_nothing_is_called_a_gain_in_few_cases(seeds: int) -> None:
    draws, claims = np.random.default_rng(7), 0
    for _ in range(400):
        table = draws.normal(60, 6, (11, seeds)).round().astype(int).tolist()
        best = min(table[1:], key=sum)
        found = interval(table[0], best, [other for other in table[1:] if other is not best])
        claims += found is not None and not found[1] <= 0 <= found[2]
    assert claims <= 0.05 * 400


OWN = replace(START, net_code="nets.py:build " + "0" * 64, net={"decay": 0.45, "epochs": 1, "width": 8})
LATER = replace(START.optim, weight_decay=0.01)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (START, END, "blocks 0 → 2, filters – → 8·16, batchnorm – → after, lr .001 → .01, ema decay 0 → 0.99"),
        (START, replace(START, epochs=9), "epochs 6 → 9"),
        (OWN, replace(OWN, optim=LATER), "decay 0 → .01"),
        (
            OWN,
            replace(OWN, optim=LATER, epochs=9, net={"decay": 0.9, "epochs": 2, "width": 8}),
            "decay 0 → .01, net.decay 0.45 → 0.9, net.epochs 1 → 2, epochs 6 → 9",
        ),
    ],
)
def test_a_change_in_words(before: TrainConfig, after: TrainConfig, words: str) -> None:
    assert change(before, after) == words


def test_what_is_kept_is_read_as_it_was(tmp_path: Path) -> None:
    assert load(tmp_path) is None
    steps = path({"convolutions": (1, None), "optimizer": (7, None), "averaging": (8, 9)}, UP)
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


def test_the_table_tells_what_may_be_chance_what_diverged_and_what_time_left_open() -> None:
    tried, after = (TriedChange(groups=("convolutions",), mean=100),), measured(END, (100, 102))
    first = Step(
        groups=("convolutions",),
        change="blocks 0 → 2",
        after=after,
        tried=tried,
        waiting=("batchnorm", "dropout"),
        fewer=700,
        low=650.4,
        high=749.6,
    )
    second = replace(first, groups=("schedule",), waiting=(), fewer=2, low=-7, high=11)
    last = replace(
        second,
        groups=("batchnorm", "dropout"),
        change="[bold]",
        after=measured(END, (None, 9)),
        tried=(),
        fewer=None,
        low=None,
        high=None,
    )
    table = replace(PATH, start=measured(START, (800, 802)), images=10_000, steps=(first, second, last)).table()
    assert table.caption == [
        "conv-0: from linear to #1, 801.0 → diverged validation errors of 10,000 (means of 2 fresh seeds)."
    ]
    assert table.texts() == [
        ["linear", "801.0", "", "91.99%", "10", "1.5 s", ""],
        ["convolutions", "101.0", "700.0 [650, 750] ", "98.99%", "10", "1.5 s", "blocks 0 → 2"],
        ["schedule", "101.0", "2.0 [-7, 11]*", "98.99%", "10", "1.5 s", "blocks 0 → 2"],
        ["the rest", "diverged", "–", "–", "10", "1.5 s", "[bold]"],
    ]
    early, late = table.footnotes[1:]
    assert early == "Tried only after the network had the layers that they belong to: batchnorm and dropout."
    assert late.startswith("The time budget ran out before there were runs for batchnorm and dropout alone. ")
    assert [step["by_chance"] for step in table.document["steps"]] == [False, True, True]


# The changes


@pytest.mark.slow
def test_every_setting_is_in_exactly_one_group() -> None:
    counted = Counter([*SHARED, *(name for names in GROUPS.values() for name in names)])
    assert counted == dict.fromkeys(settings_of(TrainConfig()), 1)


SGD = TrainConfig(optim=OptimConfig(optimizer="sgd_nesterov", lr=0.1), periods=(0.5, 6), train_on="all")
IDLE = TrainConfig(
    optim=replace(SGD.optim, beta1=0.5, warmup_fraction=0.7, drop_factor=0.5, second_drop_fraction=0.99),
    model=ModelConfig(batchnorm_momentum=0.5),
    augment=AugmentConfig(fill="edge"),
)
FLAT = changed(CONV, START, ("convolutions",))


def dropping(drops: int, **more: float) -> TrainConfig:
    return TrainConfig(optim=OptimConfig(drops=drops, **more))  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("one", "other", "groups"),
    [
        (SGD, IDLE, ()),
        (IDLE, replace(IDLE, optim=replace(IDLE.optim, drops=1)), ("schedule",)),
        (dropping(1), dropping(1, second_drop_fraction=0.9), ()),
        (dropping(2), dropping(2, second_drop_fraction=0.9), ("schedule",)),
        (replace(START, model=replace(START.model, batchnorm="after_activation", batchnorm_momentum=0.5)), START, ()),
        (START, CONV, ("convolutions", "hidden layers", "batchnorm", "dropout", "optimizer")),
        (FLAT, START, ("hidden layers", "dropout", "optimizer")),  # layers that go take their settings with them
    ],
)
def test_settings_that_do_nothing_are_no_difference(
    one: TrainConfig, other: TrainConfig, groups: tuple[str, ...]
) -> None:
    assert differing(effective(one), effective(other)) == groups


def hidden(*dropout: float, lr: float = 0.001) -> TrainConfig:
    model = ModelConfig(hidden_layers=len(dropout), hidden_dropout=dropout) if dropout else ModelConfig(hidden_layers=1)
    return effective(TrainConfig(model=model, optim=OptimConfig(lr=lr)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("current", "target", "possible"),
    [
        (START, CONV, [("convolutions",), ("hidden layers",), ("optimizer",)]),
        (changed(START, CONV, ("convolutions",)), CONV, [("hidden layers",), ("batchnorm",), ("optimizer",)]),
        # Groups of which one alone makes no net come last and are one step.
        (hidden(0.5, 0.6), hidden(lr=0.5), [("dropout",), ("optimizer",)]),
        (hidden(0.5, 0.6), hidden(0.5, 0.6, 0.7), [("hidden layers", "dropout")]),
        (hidden(0.5, 0.6), hidden(0.5, 0.6), []),
    ],
)
def test_settings_of_layers_wait_for_the_layers(
    current: TrainConfig, target: TrainConfig, possible: list[tuple[str, ...]]
) -> None:
    assert candidates(current, target) == possible


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
