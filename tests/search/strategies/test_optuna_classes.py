"""Optuna's own samplers and pruners, by the name of their class."""

from __future__ import annotations

import json
import math
import random
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch

from search import canonical_json
from search.errors import UsageError
from search.strategies import registry
from search.strategies.optuna_study import OptunaStudy
from search.strategies.pruners import NoPruner
from search.strategies.registry import named_pruner, named_sampler
from search.strategies.samplers import Random, Sampler
from search.study.spec import fingerprint
from search.study.studies import open_study
from support import handmade, search_fake as fake

pytestmark = pytest.mark.usefixtures("log_alone")

GP = named_sampler("optuna:GPSampler", {"n_startup_trials": 5})
HYPERBAND = named_pruner("optuna:HyperbandPruner", {"max_resource": fake.PERIODS})


@pytest.mark.parametrize("name", ["os", "BaseSampler", "nsgaii", "HyperbandPruner", "", "samplers.TPESampler"])
def test_a_name_is_that_of_a_public_class_of_the_kind(name: str) -> None:
    with pytest.raises(UsageError) as refused:
        named_sampler(f"optuna:{name}")
    known = "BaseGASampler, BruteForceSampler, CmaEsSampler, GPSampler, GridSampler, NSGAIIISampler, NSGAIISampler, "
    assert str(refused.value).startswith(f"No sampler optuna:{name}; Optuna {optuna.__version__} has {known}")
    with pytest.raises(UsageError, match=rf"^No pruner optuna:{name}X; Optuna .* has HyperbandPruner, MedianPruner, "):
        named_pruner(f"optuna:{name}X")


def test_a_space_file_loads_no_other_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("optuna:mine", "optuna:mine:Name", "optuna:../mine", "optuna:mine.py:Name"):
        with pytest.raises(ValueError, match=r"^No sampler optuna:"):
            registry.of_settings({"search": {"sampler": {"name": name}}})
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("TPESampler", {"depth": 3}, "cannot be created: TypeError: .* unexpected keyword argument 'depth'"),
        ("TPESampler", {"n_startup_trials": 3, "seed": 1}, "its seed comes from the search's; leave it out"),
        ("PartialFixedSampler", {}, "cannot be created: TypeError: .* missing 2 required positional arguments"),
        ("TPESampler", {"n_startup_trials": {1, 2}}, "its options have to be plain values"),
    ],
)
def test_an_option_that_the_class_refuses_is_named_in_one_sentence(
    name: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=rf"(?i)^sampler optuna:{name}:? {words}.*\.$") as refused:
        named_sampler(f"optuna:{name}", options)
    assert "your own code" not in str(refused.value)


def test_it_is_stored_by_name_and_options_and_is_not_portable() -> None:
    stored = {"sampler": registry.to_spec(GP), "pruner": registry.to_spec(HYPERBAND)}
    assert stored == {
        "sampler": {"name": "optuna:GPSampler", "n_startup_trials": 5},
        "pruner": {"name": "optuna:HyperbandPruner", "max_resource": fake.PERIODS},
    }
    registry.check_known(stored)
    assert registry.of_spec(stored) == registry.of_settings({"search": stored}) == (GP, HYPERBAND)
    unportable = [*registry.unportable(GP, HYPERBAND)]
    assert [kind for kind, _ in unportable] == ["sampler", "pruner"]
    assert unportable[0][1].startswith("the proposals of optuna:GPSampler may depend on the processor, and those of ")


@pytest.mark.parametrize(
    ("name", "packages"),
    [("TPESampler", set()), ("QMCSampler", {"scipy"}), ("GPSampler", {"scipy", "torch", "greenlet"})],
)
def test_the_fingerprint_names_what_a_class_is_built_on(name: str, packages: set[str]) -> None:
    versions = fake.make_spec(named_sampler(f"optuna:{name}"), HYPERBAND, 4, 0).to_json()["versions"]
    assert versions.keys() == {"optuna", "numpy"} | packages
    assert all(versions[package] == version(package) for package in packages - {"greenlet"})


def test_a_missing_package_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cmaes", None)  # a study that is decided again elsewhere
    with pytest.raises(UsageError, match=r"^optuna:CmaEsSampler needs cmaes, which .* adds it\.$"):
        memory_of(named_sampler("optuna:CmaEsSampler"), "ab").ask(0)


def test_a_study_whose_class_optuna_lacks_is_read_and_does_not_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"sampler": named_sampler("optuna:QMCSampler"), "pruner": HYPERBAND}
    study = fake.run(tmp_path, budget=3, **options).study
    for kind, name in (("samplers", "QMCSampler"), ("pruners", "HyperbandPruner")):
        module = getattr(optuna, kind)
        monkeypatch.setattr(module, "__all__", [each for each in module.__all__ if each != name])
    assert open_study(tmp_path, "fake-0") == study
    sampler, pruner = registry.of_spec(study.spec)
    assert (sampler, pruner) == (options["sampler"], HYPERBAND)
    with pytest.raises(
        UsageError, match=r"^No pruner optuna:HyperbandPruner; Optuna .* has MedianPruner, [^.]*\.[^.]*"
    ):
        fake.run(tmp_path, budget=4, sampler=sampler, pruner=pruner)


def test_a_search_that_was_stopped_goes_on_in_the_sequence(tmp_path: Path) -> None:
    axes = {name: {"float": [0.0, 1.0]} for name in "ab"}
    options: dict[str, Any] = {
        "budget": 9, "sampler": named_sampler("optuna:QMCSampler", {"scramble": True}), "pruner": NoPruner(),
        "concurrent_trials": 8,
        "space_values": {"name": "fake", "model": {"width": {"int": [8, 8]}, "depth": {"int": [1, 1]}, **axes}},
    }  # fmt: skip
    whole = fake.run(tmp_path / "whole", **options).study
    stopped = fake.run(tmp_path, stopping=fake.StopAfter(11), **options)
    while not stopped.reached:
        stopped = fake.run(tmp_path, stopping=fake.StopAfter(11), **options)
    assert stopped.study.digest == whole.digest
    # The first proposal is drawn alone, before there is a space. Of 8 points of a Sobol sequence one lies in each
    # eighth of every axis.
    for name in "ab":
        points = [trial.params[f"model.{name}"] for trial in whole.trials[1:]]
        assert sorted(int(8 * point) for point in points) == list(range(8))


@pytest.mark.slow
def test_a_gaussian_process_closes_in_on_the_best_of_a_simple_function() -> None:
    optuna_study = memory_of(GP, "ab")
    for number in range(20):
        params = optuna_study.ask(number)
        optuna_study.tell(number, "COMPLETE", -((params["m.a"] - 0.3) ** 2) - (params["m.b"] - 0.8) ** 2)
    last = optuna_study.ask(20)
    assert (last["m.a"], last["m.b"]) == pytest.approx((0.3, 0.8), abs=0.05)


@pytest.mark.slow
def test_a_gaussian_process_proposes_the_same_on_any_number_of_threads() -> None:
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
def test_a_gaussian_process_proposes_the_same_after_limits_have_been_through_the_log() -> None:
    optuna_study, again = memory_of(GP, "abc"), memory_of(GP, "abc")
    for number in range(7):
        params = optuna_study.ask(number)
        a, b, c = params.values()
        optuna_study.constrain(number, {"parameters": math.sin(3 * a), "macs": math.sin(3 * b) - 1})
        optuna_study.tell(number, "COMPLETE", value := math.cos(5 * a) + math.cos(5 * c))
        logged = json.loads(canonical_json.dumps(optuna_study.attributes(number)))
        again.restore(handmade.trained(number, [handmade.value_report(value)], params=params), logged)
    assert [optuna_study.ask(number) for number in (7, 8)] == [again.ask(number) for number in (7, 8)]


def test_hyperband_decides_the_same_whatever_version_searches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {"budget": 12, "sampler": Random(), "pruner": HYPERBAND}
    before = fake.run(tmp_path / "before", **options).study
    monkeypatch.setattr("search.study.spec.DRIVER_REVISION", 99)
    after = fake.run(tmp_path / "after", **options).study
    assert fingerprint(after.spec) != fingerprint(before.spec)
    assert after.digest == before.digest
    assert "pruned" in {trial.reason for trial in after.trials}


TRIALS = 150


def many_trials() -> OptunaStudy:
    """Return a study in which a second thread would make a difference: many trials over many ranges."""
    optuna_study = memory_of(named_sampler("optuna:GPSampler"), "abcdefghijkl")
    draws = random.Random(0)
    for number in range(TRIALS):
        params = {path: draws.random() for path in optuna_study.ranges.order}
        value = sum((x - 0.4) ** 2 for x in params.values())
        optuna_study.restore(handmade.trained(number, [handmade.value_report(-value)], params=params), {})
    return optuna_study


def memory_of(sampler: Sampler, names: str) -> OptunaStudy:
    """Return an empty study over a range from 0 to 1 for each letter."""
    space = fake.space({"name": "memory", "m": {name: {"float": [0.0, 1.0]} for name in names}})
    return OptunaStudy(name="0", space=space, sampler=sampler, pruner=NoPruner(), seed=0, periods=fake.PERIODS)
