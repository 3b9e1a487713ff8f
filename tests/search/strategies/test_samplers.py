"""The samplers qmc and gp: the same proposals however a search is run, and what they are made of."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies as st
from scipy.stats import qmc as oracle  # type: ignore[import-untyped]

from search import canonical_json, hashed
from search.errors import FingerprintError, UsageError
from search.proposals.prospects import Prospects
from search.strategies.optuna_study import OptunaStudy, frozen_trial, gp_proposal
from search.strategies.pruners import NoPruner
from search.strategies.samplers import Gp, Qmc, Random, Sampler, Tpe
from search.study.spec import versions
from search.trainer_api import Plan
from support import search_fake as fake
from support.dose import dose

pytestmark = pytest.mark.usefixtures("log_alone")

FLAT = {
    "name": "flat",
    "model": {"depth": {"int": [1, 3]}, "width": {"int": [8, 64], "step": 8}, "kind": {"choice": ["a", "b", [1, 2]]}},
    "optim": {"lr": {"float": [1e-4, 1e-1], "log": True}, "a": {"float": [0.0, 1.0]}, "b": {"float": [0.0, 1.0]}},
}


def test_a_killed_search_of_enqueued_trials_goes_on_in_the_sequence(tmp_path: Path) -> None:
    first = {
        "model.depth": 2,
        "model.width": 16,
        "model.kind": [1, 2],
        "optim.lr": 0.01,
        "optim.a": 0.5,
        "optim.b": 0.5,
    }
    options: dict[str, Any] = {
        "goal": 17, "sampler": Qmc(), "slots": 8, "widest": 64, "space_values": FLAT, "enqueued": (first,)
    }  # fmt: skip
    stopped = fake.run(tmp_path, stopping=fake.StopAfter(11), **options)
    while not stopped.reached:
        stopped = fake.run(tmp_path, stopping=fake.StopAfter(11), **options)
    params = [trial.params for trial in stopped.study.trials]
    assert params[0] == first
    # A (0, 4, 1)-net in base 2: of 16 points of a Sobol sequence, one lies in each sixteenth of every axis.
    for path in ("optim.a", "optim.b"):
        assert sorted(int(16 * values[path]) for values in params[1:]) == list(range(16))
    # Of 16 evenly spread points, each of 8 widths and of 3 depths gets its share: 2, and 5 or 6.
    assert sorted(values["model.width"] for values in params[1:]) == sorted([*range(8, 72, 8)] * 2)
    assert {sum(values["model.depth"] == depth for values in params[1:]) for depth in (1, 2, 3)} == {5, 6}


def test_all_points_are_those_of_scipys_sequence() -> None:
    ranges = {"a": {"float": [0.0, 1.0]}, "b": {"float": [-2.0, 2.0]}, "one": {"int": [3, 3]}, "c": {"int": [0, 9]}}
    optuna_study = memory_of(Qmc(), ranges, seed=5)
    points = oracle.Sobol(3, scramble=True, seed=hashed.derived_seed(5, "sequence")).random(8)
    for number, (a, b, c) in enumerate(points):
        expected = {"m.a": a, "m.b": 4 * b - 2, "m.one": 3, "m.c": int(10 * c)}
        assert optuna_study.ask(number) == pytest.approx(expected)


@pytest.mark.slow
@pytest.mark.parametrize("sampler", [Tpe(n_startup_trials=3), Random(), Qmc(), Gp(n_startup_trials=3)])
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


@pytest.mark.parametrize("sampler", [Random(), Qmc()])
def test_of_levels_one_is_proposed_as_often_as_another(sampler: Sampler) -> None:
    optuna_study = memory_of(sampler, {"a": {"levels": [1e-4, 1e-3, 0.5, 1], "log": True}})
    drawn = Counter(optuna_study.ask(number)["m.a"] for number in range(256))
    assert drawn.keys() == {1e-4, 1e-3, 0.5, 1}
    assert all(44 <= times <= 84 for times in drawn.values())


@pytest.mark.slow
@pytest.mark.parametrize("sampler", [Tpe(n_startup_trials=5), Gp(n_startup_trials=5)])
def test_models_come_to_prefer_the_levels_near_the_best(sampler: Sampler) -> None:
    optuna_study = memory_of(sampler, {"a": {"levels": [10.0**power for power in range(-9, 0)], "log": True}})
    powers = []
    for number in range(40):
        powers.append(math.log10(optuna_study.ask(number)["m.a"]))
        optuna_study.tell(number, "COMPLETE", -abs(powers[-1] + 3))
    near = [-4.5 < power < -1.5 for power in powers]  # three of nine levels
    assert sum(near[20:]) >= 12


def test_seeds_give_sequences_of_their_own() -> None:
    ranges = {"a": {"float": [0.0, 1.0]}}
    first = [memory_of(Qmc(), ranges, seed=seed).ask(0)["m.a"] for seed in range(5)]
    assert len(set(first)) == 5


@pytest.mark.slow
def test_gp_closes_in_on_the_best_of_a_simple_function() -> None:
    optuna_study = memory_of(Gp(n_startup_trials=5), {"a": {"float": [0.0, 1.0]}, "b": {"float": [0.0, 1.0]}})
    for number in range(20):
        params = optuna_study.ask(number)
        optuna_study.tell(number, "COMPLETE", -((params["m.a"] - 0.3) ** 2) - (params["m.b"] - 0.8) ** 2)
    last = optuna_study.ask(20)
    assert (last["m.a"], last["m.b"]) == pytest.approx((0.3, 0.8), abs=0.05)


@pytest.mark.slow
def test_gp_proposes_the_same_on_any_number_of_threads() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = many_trials().ask(TRIALS)
        torch.set_num_threads(2)
        assert many_trials().ask(TRIALS) == one
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.slow
def test_gp_proposes_the_same_after_limits_have_been_through_the_log() -> None:
    ranges = {name: {"float": [0.0, 1.0]} for name in "abcd"}
    optuna_study, again = (memory_of(Gp(n_startup_trials=5), ranges) for _ in range(2))
    for number in range(10):
        params = optuna_study.ask(number)
        a, b, c, d = params.values()
        optuna_study.constrain(
            number, {"parameters": math.sin(3 * a), "macs": math.sin(3 * b) - 1, "bytes": c / 3 - 0.2}
        )
        optuna_study.tell(number, "COMPLETE", value := math.cos(5 * a) + math.cos(5 * d))
        logged = json.loads(canonical_json.dumps(optuna_study.attributes(number)))
        again.restore(frozen_trial(again.ranges, state="COMPLETE", params=params, value=value, system_attrs=logged))
    assert [optuna_study.ask(number) for number in range(10, 14)] == [again.ask(number) for number in range(10, 14)]


@pytest.mark.parametrize(
    ("sampler", "names"),
    [(Tpe(), set()), (Qmc(), {"scipy"}), (Gp(), {"scipy", "torch", "greenlet"})],
)
def test_the_fingerprint_names_what_a_sampler_is_built_on(sampler: Sampler, names: set[str]) -> None:
    spec = spec_of(sampler)
    assert spec["versions"].keys() == {"optuna", "numpy"} | names
    assert all(spec["versions"][name] == version(name) for name in names - {"greenlet"})
    assert ("sampler_arithmetic" in spec) == isinstance(sampler, Gp)


def test_the_fingerprint_names_what_a_pruner_is_built_on() -> None:
    class BuiltOnScipy(NoPruner):
        needs = ("scipy",)
        uses = ("greenlet",)

    assert versions(Random(), NoPruner()).keys() == {"optuna", "numpy"}
    assert versions(Random(), BuiltOnScipy()).keys() == {"optuna", "numpy", "scipy", "greenlet"}


def test_other_linear_algebra_is_refused_when_gp_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {"sampler": Gp(), "pruner": NoPruner(), "space_values": FLAT}
    fake.run(tmp_path, goal=2, **options)
    monkeypatch.setattr("search.strategies.optuna_study.gp_proposal", lambda _: "another hash")
    with pytest.raises(
        FingerprintError, match=f"sampler_arithmetic: {gp_proposal(False)[:59]}… then, another hash now"
    ):
        fake.run(tmp_path, goal=3, **options)


def test_a_missing_package_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def installed(name: str) -> str:
        if name == "scipy":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr("search.study.spec.version", installed)
    words = r"search\.sampler: qmc needs scipy, which this installation lacks; `pip install scipy` adds it"
    with pytest.raises(UsageError, match=words):
        spec_of(Qmc())


NARROW = 16
"""Of the fake space's widths a quarter is feasible, as in conv.yaml's space."""
FEASIBLE: dict[str, Any] = {"sampler": Tpe(n_startup_trials=5, only_feasible=1), "goal": 14, "widest": NARROW}


@pytest.mark.slow
def test_of_feasible_proposals_alone_none_is_a_trial_that_is_not_trained(tmp_path: Path) -> None:
    found = fake.run(tmp_path / "filtered", **FEASIBLE).study
    assert len(found.trials) == 14
    assert all(trial.is_trained and trial.params["model.width"] <= NARROW for trial in found.trials)
    plain = fake.run(tmp_path / "plain", **{**FEASIBLE, "sampler": Tpe(n_startup_trials=5)}).study
    assert sum(not trial.is_trained for trial in plain.trials) > 5


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
    first, second, *_ = fake.run(tmp_path, **{**FEASIBLE, "goal": 3}, enqueued=(wide,)).study.trials
    assert (first.params, first.reason) == (wide, "infeasible")
    assert second.is_trained


TRIALS = 150


def many_trials() -> OptunaStudy:
    """Return a study in which a second thread would make a difference: many trials over many ranges."""
    ranges = {name: {"float": [0.0, 1.0]} for name in "abcdefghijkl"}
    optuna_study = memory_of(Gp(), ranges)
    draws = random.Random(0)
    for _ in range(TRIALS):
        params = {f"m.{name}": draws.random() for name in ranges}
        value = sum((x - 0.4) ** 2 for x in params.values())
        optuna_study.restore(frozen_trial(optuna_study.ranges, state="COMPLETE", params=params, value=-value))
    return optuna_study


def memory_of(sampler: Sampler, ranges: Mapping[str, Any], *, seed: int = 0, planner: Any = None) -> OptunaStudy:
    """Return an empty study over these ranges; a planner says what is feasible."""
    space = space_of(ranges)
    return OptunaStudy(
        name="memory", space=space, sampler=sampler, pruner=NoPruner(), seed=seed, periods=fake.PERIODS,
        prospects=None if planner is None else lambda: Prospects(space, planner, seed),
    )  # fmt: skip


def space_of(ranges: Mapping[str, Any]) -> Any:
    return fake.space({"name": "memory", "m": ranges})


def spec_of(sampler: Sampler) -> dict[str, Any]:
    return fake.make_spec(sampler, NoPruner(), 4, 0, space=fake.space(FLAT)).to_json()
