"""Samplers and pruners by name."""

from __future__ import annotations

import pytest

from search import strategy


@pytest.mark.parametrize("spec", ["tpe", "random", {"name": "tpe", "n_startup_trials": 3}])
def test_a_sampler_survives_its_own_specification(spec: object) -> None:
    sampler = strategy.sampler(spec)  # type: ignore[arg-type]
    assert strategy.sampler(strategy.to_spec(sampler)) == sampler


@pytest.mark.parametrize("spec", ["asha", "median", "none", {"name": "asha", "reduction_factor": 4}])
def test_a_pruner_survives_its_own_specification(spec: object) -> None:
    pruner = strategy.pruner(spec)  # type: ignore[arg-type]
    assert strategy.pruner(strategy.to_spec(pruner)) == pruner


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("hyperband", "no pruner 'hyperband'; there are asha, median, none"),
        ({"name": "asha", "eta": 3}, "pruner asha has no option 'eta'"),
        ({"name": "asha", "reduction_factor": 1}, "whole number from 2"),
        ({"name": "asha", "min_resource": True}, "whole number from 1"),
        ({"min_resource": 1}, "no pruner None"),
    ],
)
def test_a_wrong_pruner_is_explained(spec: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        strategy.pruner(spec)  # type: ignore[arg-type]


def test_a_headline_names_the_rungs() -> None:
    assert strategy.describe(strategy.Asha(), periods=6) == "asha 1-3-6"
    assert strategy.describe(strategy.Asha(min_resource=2, reduction_factor=2), periods=9) == "asha 2-4-8-9"
    assert strategy.describe(strategy.Tpe(), periods=6) == "tpe (multivariate)"
    assert strategy.describe(strategy.NoPruner(), periods=6) == "none"
