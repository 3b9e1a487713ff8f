"""The samplers tpe and random: what they propose of levels, and of what is feasible."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from search.proposals.prospects import Prospects
from search.strategies.optuna_study import OptunaStudy
from search.strategies.pruners import NoPruner
from search.strategies.samplers import Random, Sampler, Tpe
from search.trainer_api import Plan
from support import search_fake as fake
from support.dose import dose

pytestmark = pytest.mark.usefixtures("log_alone")


@pytest.mark.slow
@pytest.mark.parametrize("sampler", [Tpe(n_startup_trials=3), Random()])
@settings(max_examples=dose(50))
@given(
    numbers=st.lists(st.integers(1, 99) | st.floats(0.001, 99), min_size=1, max_size=9, unique=True),
    log=st.booleans(),
    values=st.lists(st.floats(0, 1), min_size=5, max_size=5),
)
def test_of_levels_a_level_as_it_is_written_is_proposed(
    sampler: Sampler, numbers: list[float], log: bool, values: list[float]
) -> None:
    levels = sorted(numbers)
    optuna_study = memory_of(sampler, {"a": {"levels": levels, "log": log}, "b": {"levels": [1, 2, 3.5]}})
    for number, value in enumerate(values):
        params = optuna_study.ask(number)
        assert repr(params["m.a"]) in map(repr, levels)
        assert repr(params["m.b"]) in ("1", "2", "3.5")
        optuna_study.tell(number, "COMPLETE", value)


def test_of_levels_one_is_proposed_as_often_as_another() -> None:
    optuna_study = memory_of(Random(), {"a": {"levels": [1e-4, 1e-3, 0.5, 1], "log": True}})
    drawn = Counter(optuna_study.ask(number)["m.a"] for number in range(256))
    assert drawn.keys() == {1e-4, 1e-3, 0.5, 1}
    assert all(44 <= times <= 84 for times in drawn.values())


@pytest.mark.slow
def test_a_model_comes_to_prefer_the_levels_near_the_best() -> None:
    levels = [10.0**power for power in range(-9, 0)]
    optuna_study = memory_of(Tpe(n_startup_trials=5), {"a": {"levels": levels, "log": True}})
    powers = []
    for number in range(40):
        powers.append(math.log10(optuna_study.ask(number)["m.a"]))
        optuna_study.tell(number, "COMPLETE", -abs(powers[-1] + 3))
    near = [-4.5 < power < -1.5 for power in powers]  # three of nine levels
    assert sum(near[20:]) >= 12


NARROW = 16
"""Of the fake space's widths a quarter is feasible, as in conv.yaml's space."""
FEASIBLE: dict[str, Any] = {"sampler": Tpe(n_startup_trials=5), "budget": 14, "widest": NARROW}


@pytest.mark.slow
def test_of_feasible_proposals_alone_none_is_a_trial_that_is_not_trained(tmp_path: Path) -> None:
    found = fake.run(tmp_path / "filtered", **FEASIBLE).study
    assert len(found.trials) == 14
    assert all(trial.is_trained and trial.params["model.width"] <= NARROW for trial in found.trials)
    drawn = fake.run(tmp_path / "drawn", **{**FEASIBLE, "sampler": Random()}).study
    assert sum(not trial.is_trained for trial in drawn.trials) > 5


@pytest.mark.slow
def test_feasible_proposals_are_the_same_however_the_search_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = fake.run(tmp_path / "once", **FEASIBLE).study.digest
    lives = (3 + life % 5 for life in range(100))
    killed, deaths = fake.run_killed_between_events(tmp_path / "killed", monkeypatch, lives, **FEASIBLE)
    assert deaths > 3
    assert killed.study.digest == digest


def test_if_all_draws_are_infeasible_the_last_one_is_proposed() -> None:
    drawn: list[Mapping[str, Any]] = []

    def planner(params: Mapping[str, Any]) -> Plan[Mapping[str, Any]]:
        drawn.append(params)
        return Plan(config=params, costs=(1,), constraints={"never": 1.0})

    optuna_study = memory_of(FEASIBLE["sampler"], {"a": {"float": [0.0, 1.0]}}, planner=planner)
    assert optuna_study.ask(0) == drawn[-1]
    assert len(drawn) == 200


def test_a_trial_that_is_given_is_not_filtered(tmp_path: Path) -> None:
    wide = {"model.depth": 1, "model.width": 64, "model.kind": "a", "optim.lr": 0.01}
    first, second, *_ = fake.run(tmp_path, **{**FEASIBLE, "budget": 3}, enqueued=(wide,)).study.trials
    assert (first.params, first.reason) == (wide, "infeasible")
    assert second.is_trained


def memory_of(sampler: Sampler, ranges: Mapping[str, Any], *, seed: int = 0, planner: Any = None) -> OptunaStudy:
    """Return an empty study over these ranges; a planner says what is feasible."""
    space = fake.space({"name": "memory", "m": ranges})
    planner = planner or (lambda params: Plan(config=params, costs=(1,)))
    return OptunaStudy(
        name="memory", space=space, sampler=sampler, pruner=NoPruner(), seed=seed, periods=fake.PERIODS,
        prospects=lambda: Prospects(space, planner, seed),
    )  # fmt: skip
