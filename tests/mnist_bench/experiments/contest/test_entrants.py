"""Who takes part in a contest."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnist_bench.experiments.contest.entrants import check_fit, line_up, strategies_of
from mnist_bench.tables.table_trainer import TablePlanner
from search.errors import UsageError
from search.repeatability import TriedOn
from search.strategies.pruners import Asha
from search.strategies.samplers import ForeignSampler, Tpe
from support.tables import SPACE, table


def test_every_pair_comes_before_what_it_has_to_beat() -> None:
    names = [entrant.name for entrant in line_up(["tpe", "random"], ["asha", "none"])]
    assert names == [
        "tpe + asha", "tpe", "random + asha", "random", "random ×2", "first period, then the best",
    ]  # fmt: skip
    assert [entrant.name for entrant in line_up(["tpe"], ["asha"], baselines=False)] == ["tpe + asha"]


def test_built_in_names_are_looked_up_and_others_named() -> None:
    (entrant, *_) = line_up(["tpe"], ["asha"])
    assert strategies_of(entrant) == (Tpe(), Asha())
    (entrant, *_) = line_up(["tqe"], ["asha"])
    with pytest.raises(UsageError, match=r"tqe.*tpe"):
        strategies_of(entrant)


def test_code_of_ones_own_takes_the_options(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from optuna.samplers import RandomSampler\nclass Mine(RandomSampler):\n"
                    "    def __init__(self, seed, times=1): super().__init__(seed)\n")  # fmt: skip
    own, built_in, *_ = line_up([f"{file}:Mine", "tpe"], ["none"], sampler_options={"times": 3})
    assert (dict(own.sampler_options), dict(built_in.sampler_options)) == ({"times": 3}, {})
    sampler, _ = strategies_of(own)
    assert isinstance(sampler, ForeignSampler)
    assert own.name == f"{file}:Mine (times=3)"


def test_a_built_in_strategy_takes_part_with_options_of_its_own() -> None:
    ways = line_up(["tpe", {"name": "tpe", "only_feasible": 1}], ["asha", {"name": "median"}], baselines=False)
    assert [way.name for way in ways] == [
        "tpe + asha", "tpe + median", "tpe (only_feasible=1) + asha", "tpe (only_feasible=1) + median",
    ]  # fmt: skip
    assert strategies_of(ways[2]) == (Tpe(only_feasible=1), Asha())
    with pytest.raises(UsageError, match=r"^sampler \{only_feasible: 1\}: give its name"):
        line_up([{"only_feasible": 1}], ["asha"])


@pytest.mark.parametrize("kind", ["sampler", "pruner"])
def test_options_that_nobody_takes_are_refused(kind: str) -> None:
    needs = rf"^--{kind}-option needs your own {kind} in --{kind}s, file\.py:Name, and there is none: (random|asha)\. "
    with pytest.raises(UsageError, match=needs):
        line_up(["random"], ["asha"], **{f"{kind}_options": {"foo": 1}})  # type: ignore[arg-type]
    assert line_up(["random"], ["asha"], sampler_options={}, pruner_options={})


def test_what_does_not_fit_is_said_before_anything_runs() -> None:
    tried_on = TriedOn(space=SPACE, planner=TablePlanner(table()), periods=3)
    (entrant, *_) = line_up([{"name": "curves", "n_startup_trials": 0}], ["asha"])
    with pytest.raises(UsageError, match=r"n_startup_trials is 0; it takes a whole number from 1"):
        check_fit(entrant, tried_on)
    for entrant in line_up(["tpe", "random", "optuna:QMCSampler"], ["asha", "none", "median"]):
        check_fit(entrant, tried_on)


def test_code_that_does_not_repeat_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "moody.py"
    file.write_text("import random\nfrom optuna.samplers import RandomSampler\nclass Moody(RandomSampler):\n"
                    "    def __init__(self, seed): super().__init__(random.randrange(2**31))\n")  # fmt: skip
    (entrant, *_) = line_up([f"{file}:Moody"], ["none"])
    with pytest.raises(UsageError, match=r"Moody.*not repeatable"):
        check_fit(entrant, TriedOn(space=SPACE, planner=TablePlanner(table()), periods=3))
