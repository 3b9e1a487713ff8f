"""Samplers and pruners by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import pytest

from search.errors import UsageError
from search.strategies import pruners, registry, samplers
from search.strategies.pruners import Asha, Median, NoPruner, Pruner
from search.strategies.samplers import Curves, Random, Sampler, Tpe
from support import search_fake as fake


@pytest.mark.parametrize(
    ("parse", "specs"),
    [
        (registry.sampler, [*samplers.SAMPLERS, {"name": "tpe", "n_startup_trials": 3}]),
        (registry.pruner, [*pruners.PRUNERS, {"name": "asha", "reduction_factor": 4}]),
    ],
)
def test_it_survives_its_own_specification(parse: Callable[[Any], Any], specs: list[Any]) -> None:
    for spec in specs:
        found = parse(spec)
        assert parse(registry.to_spec(found)) == found


@pytest.mark.parametrize(
    ("parse", "spec", "words"),
    [
        (registry.pruner, "nosuch", f"no pruner 'nosuch'; there are {', '.join(pruners.PRUNERS)}, and Optuna's, "),
        (registry.pruner, {"reduction_factor": 2}, "no pruner 'None'"),
        (registry.pruner, {"name": "asha", "reduction_factor": 1}, "integer from 2"),
        (registry.pruner, {"name": "asha", "reduction_factor": True}, "integer from 2"),
        (registry.pruner, {"name": "median", "max": 9}, "no option 'max'; it has n_startup_trials, n_warmup_steps"),
        (registry.pruner, {"name": "median", "n_startup_trials": 0}, "n_startup_trials is 0; it takes an integer"),
        (registry.pruner, {"name": "median", "n_min_trials": 0}, "n_min_trials is 0; it takes an integer from 1"),
        (registry.sampler, "nosuch", f"no sampler 'nosuch'; there are {', '.join(samplers.SAMPLERS)}, and Optuna's, "),
        (registry.sampler, {"name": "random", "scramble": False}, "sampler random has no option 'scramble'; it has no"),
        (registry.sampler, {"name": "tpe", "n_startup_trials": 0}, "n_startup_trials is 0; it takes an integer"),
    ],
)
def test_what_is_wrong_is_explained(parse: Callable[[Any], object], spec: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse(spec)


@pytest.mark.parametrize("strategy", [*samplers.SAMPLERS.values(), *pruners.PRUNERS.values()])
def test_every_option_declares_bounds_that_include_its_default(strategy: type[Sampler | Pruner]) -> None:
    undeclared = [option.name for option in fields(strategy) if "values" not in option.metadata]
    assert not undeclared, f"declare {undeclared} by `whole` of search/strategies/strategy.py"
    strategy()  # refuses a default that is out of range


def test_settings_that_say_nothing_choose_curves_and_asha() -> None:
    assert registry.of_settings({}) == (Curves(), Asha())
    assert registry.of_settings({"objective": "accuracy"}) == (Curves(), Asha())
    two = {"objective": ["accuracy", "macs"]}
    assert registry.of_settings(two) == (Tpe(), Asha()), "curves supports a single objective"
    assert registry.of_settings(two)[0].misfit(fake.space({**FLAT, **two})) is None
    chosen = registry.of_settings({"search": {"sampler": "random", "pruner": {"name": "none"}}})
    assert chosen == (Random(), NoPruner())


FLAT: dict[str, Any] = {"model": {"width": {"int": [8, 64]}, "extra": {"value": 1, "when": {"width": [8]}}}}


def test_what_does_not_fit_together_is_refused() -> None:
    two = {**FLAT, "objective": ["accuracy", "macs"]}
    with pytest.raises(
        UsageError, match=r"^search\.sampler: curves needs a single objective; with two use tpe or random\.$"
    ):
        fake.make_spec(Curves(), Asha(), 4, 0, space=fake.space(two))


def test_in_python_an_option_out_of_range_is_refused_at_once() -> None:
    with pytest.raises(
        ValueError, match=r"^pruner median: n_startup_trials is 0; .*; pruner median: n_min_trials is True; it takes"
    ):
        Median(n_startup_trials=0, n_min_trials=True)


@pytest.mark.parametrize(
    ("pruner", "ends", "headline"),
    [
        (Asha(), range(1, 7), "asha (after reports 1, 3 of 6)"),
        (Asha(reduction_factor=2), range(1, 10), "asha (after reports 1, 2, 4, 8 of 9)"),
        (Asha(), (0.25, 1, 3, 8), "asha (after reports 1, 2, 3 of 4)"),
        (Asha(), range(1, 4), "asha (after report 1 of 3)"),
        (Asha(), [1], "asha (no rungs)"),
        (NoPruner(), range(1, 7), "none"),
    ],
)
def test_a_headline_names_the_rungs_as_reports_of_a_trial(pruner: Pruner, ends: Sequence[float], headline: str) -> None:
    assert registry.in_words(Tpe(), pruner, ends) == f"tpe (multivariate) + {headline}"


def test_samplers_and_pruners_that_depend_on_the_processor_are_named() -> None:
    assert [name for name, sampler in samplers.SAMPLERS.items() if not sampler().portable] == ["tpe"]
    assert all(pruner().portable for pruner in pruners.PRUNERS.values())
    assert [*registry.unportable(Random(), Asha())] == []
    words = "the proposals of tpe depend on the processor, and those of random and curves do not"
    assert [*registry.unportable(Tpe(), Asha())] == [("sampler", words)]
