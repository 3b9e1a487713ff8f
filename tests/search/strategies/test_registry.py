"""Samplers and pruners by name."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import fields, make_dataclass
from typing import Any, ClassVar

import pytest

from search import canonical_json
from search.errors import UsageError
from search.strategies import pruners, registry, samplers
from search.strategies.pruners import Asha, NoPruner, Pruner
from search.strategies.samplers import Curves, Random, Sampler, Tpe
from search.strategies.strategy import bounds_of, real
from support import search_fake as fake


@pytest.mark.parametrize("spec", [*samplers.SAMPLERS, {"name": "tpe", "n_startup_trials": 3}])
def test_a_sampler_survives_its_own_specification(spec: object) -> None:
    sampler = registry.sampler(spec)  # type: ignore[arg-type]
    assert registry.sampler(registry.to_spec(sampler)) == sampler


@pytest.mark.parametrize("spec", [*pruners.PRUNERS, {"name": "asha", "reduction_factor": 4}])
def test_a_pruner_survives_its_own_specification(spec: object) -> None:
    pruner = registry.pruner(spec)  # type: ignore[arg-type]
    assert registry.pruner(registry.to_spec(pruner)) == pruner


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("no-such-pruner", f"no pruner 'no-such-pruner'; there are {', '.join(pruners.PRUNERS)}, and Optuna's, "),
        ({"name": "asha", "nosuch": 3}, "pruner asha has no option 'nosuch'"),
        ({"name": "asha", "reduction_factor": 1}, "whole number from 2"),
        ({"name": "median", "max_resource": 9}, "no option 'max_resource'; it has n_startup_trials, n_warmup_steps"),
        ({"name": "median", "n_startup_trials": 0}, "n_startup_trials is 0; it takes a whole number from 1"),
        ({"name": "median", "n_min_trials": 0}, "n_min_trials is 0; it takes a whole number from 1"),
        ({"name": "asha", "min_resource": True}, "whole number from 1"),
        ({"min_resource": 1}, "no pruner None"),
    ],
)
def test_a_wrong_pruner_is_explained(spec: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        registry.pruner(spec)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("no-such-sampler", f"no sampler 'no-such-sampler'; there are {', '.join(samplers.SAMPLERS)}, and Optuna's, "),
        ({"name": "random", "scramble": False}, "sampler random has no option 'scramble'; it has none"),
        ({"name": "tpe", "n_startup_trials": 0}, "n_startup_trials is 0; it takes a whole number from 1"),
    ],
)
def test_a_wrong_sampler_is_explained(spec: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        registry.sampler(spec)  # type: ignore[arg-type]


@pytest.mark.parametrize("strategy", [*samplers.SAMPLERS.values(), *pruners.PRUNERS.values()])
def test_every_option_declares_bounds_that_include_its_default(strategy: type[Sampler | Pruner]) -> None:
    undeclared = [option.name for option in fields(strategy) if "bounds" not in option.metadata]
    assert not undeclared, f"declare {undeclared} by `whole` or `real` of search/strategies/strategy.py"
    assert all(bounds_of(option).include(option.default) for option in fields(strategy))


@pytest.fixture
def quantile(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Pruner]:
    """Return a built-in pruner with a real option."""
    own = [("q", float, real(25.0, least=0, most=99.5)), ("name", ClassVar[str], "quantile")]
    made = make_dataclass("Quantile", own, bases=(NoPruner,), frozen=True, kw_only=True)
    monkeypatch.setattr("search.strategies.registry.PRUNERS", {"quantile": made})
    return made


def test_a_real_option_takes_whole_numbers_too_and_stores_all_alike(quantile: Callable[..., Pruner]) -> None:
    given = [quantile(q=30), quantile(q=30.0), registry.pruner({"name": "quantile", "q": 30})]
    assert {canonical_json.dumps(registry.to_spec(pruner)) for pruner in given} == {'{"name":"quantile","q":30.0}'}
    assert registry.pruner(registry.to_spec(given[0])) == given[0]


@pytest.mark.parametrize("q", [-0.1, 99.6, math.nan, math.inf, True, "30", 10**400])
def test_a_real_option_has_bounds(quantile: Callable[..., Pruner], q: Any) -> None:
    fault = f"pruner quantile: q is {q!r}; it takes a number from 0 to 99.5"
    with pytest.raises(ValueError, match=f"^{re.escape(fault)}$"):
        registry.pruner({"name": "quantile", "q": q})
    with pytest.raises(UsageError, match=f"^search.pruner: {re.escape(fault)}\\.$"):
        registry.check(Tpe(), quantile(q=q), fake.space(FLAT))


def test_settings_that_say_nothing_choose_curves_and_asha() -> None:
    assert registry.of_settings({}) == (Curves(), Asha())
    assert registry.of_settings({"objective": "accuracy"}) == (Curves(), Asha())
    two = {"objective": ["accuracy", "macs"]}
    assert registry.of_settings(two) == (Tpe(), Asha()), "curves supports a single objective"
    assert not [*registry.misfits(*registry.of_settings(two), fake.space({**FLAT, **two}))]
    chosen = registry.of_settings({"search": {"sampler": "random", "pruner": {"name": "none"}}})
    assert chosen == (Random(), NoPruner())


FLAT: dict[str, Any] = {"model": {"width": {"int": [8, 64]}, "extra": {"value": 1, "when": {"width": [8]}}}}
CONDITIONAL: dict[str, Any] = {"model": {"depth": {"int": [1, 2]}, "extra": {"int": [0, 9], "when": {"depth": [2]}}}}


@pytest.mark.parametrize(
    ("sampler", "pruner", "values"),
    [
        ("tpe", "asha", CONDITIONAL),
        ("random", "median", CONDITIONAL),
        ("optuna:GPSampler", "optuna:HyperbandPruner", CONDITIONAL),
    ],
)
def test_what_fits_together(sampler: Any, pruner: Any, values: dict[str, Any]) -> None:
    parts = registry.sampler(sampler), registry.pruner(pruner)
    assert fake.make_spec(*parts, 4, 0, space=fake.space(values)).periods == 4


def test_what_does_not_fit_together_is_refused_with_every_reason() -> None:
    two = {**FLAT, "objective": ["accuracy", "macs"]}
    with pytest.raises(UsageError) as caught:
        fake.make_spec(Curves(n_startup_trials=0), Asha(min_resource=0), 4, 0, space=fake.space(two))
    assert [line.split(";")[0] for line in str(caught.value).splitlines()] == [
        "search.sampler: sampler curves: n_startup_trials is 0",
        "search.pruner: pruner asha: min_resource is 0",
    ]


def test_a_headline_names_the_rungs_as_reports_of_a_trial() -> None:
    assert Asha().describe(periods=6) == "asha (after reports 1, 3 of 6)"
    rungs = Asha(min_resource=2, reduction_factor=2).describe(periods=9)
    assert rungs == "asha (after reports 2, 4, 8 of 9)"
    assert Asha().describe(periods=3) == "asha (after report 1 of 3)"
    assert Asha().describe(periods=1) == "asha (no rungs)"
    assert Tpe().describe(periods=6) == "tpe (multivariate)"
    assert NoPruner().describe(periods=6) == "none"
    assert registry.pruner("optuna:HyperbandPruner").describe(periods=9) == "optuna:HyperbandPruner"


def test_samplers_and_pruners_that_depend_on_the_processor_are_named() -> None:
    assert [name for name, sampler in samplers.SAMPLERS.items() if not sampler().portable] == ["tpe"]
    assert all(pruner().portable for pruner in pruners.PRUNERS.values())
    assert [*registry.unportable(Random(), Asha())] == []
    assert [*registry.unportable(Tpe(), Asha())] == [
        (
            "sampler",
            "the proposals of tpe depend on the processor, and those of random, curves and curves-ard do not",
        )
    ]
