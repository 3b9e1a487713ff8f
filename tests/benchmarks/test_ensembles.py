"""Ensembles of kept networks: which ones belong together, and what they get wrong."""

from __future__ import annotations

from pathlib import Path

import ensembles
import numpy as np
import pytest

from mnist_bench.experiments import ladder
from search.errors import UsageError

LABELS = np.array([0, 1, 1])


def member(recipe: str, seed: int, *likely: float) -> ensembles.Member:
    """Return a network that gives each image of class 1 these probabilities."""
    ones = np.array(likely)
    found = np.rint(np.column_stack([1 - ones, ones]) * ensembles.STEPS).astype(np.uint16)
    return ensembles.Member(recipe=recipe, seed=seed, parameters=100, flop=2e12, probabilities=found)


def test_an_ensemble_averages_probabilities() -> None:
    members = [member("a", 1, 0.1, 0.4, 0.9), member("a", 2, 0.2, 0.9, 0.3)]
    assert [ensembles.errors([each], LABELS) for each in members] == [1, 1]
    assert ensembles.errors(members, LABELS) == 0


def test_the_sizes_are_those_that_the_networks_suffice_for() -> None:
    members = [member("a", seed, 0.1, 0.6, 0.9) for seed in range(5)]
    found = list(ensembles.ensembles("a", members, LABELS))
    assert [(one.size, len(one.errors), one.flop) for one in found] == [(1, 5, 2e12), (2, 5, 4e12), (5, 1, 10e12)]
    assert [one.parameters for one in found] == [100, 200, 500]
    assert found == list(ensembles.ensembles("a", members, LABELS))


def test_networks_of_a_changed_recipe_are_refused(tmp_path: Path) -> None:
    for seed, config in ((ladder.seed_of(0), "a"), (ladder.seed_of(1), "b")):
        np.savez(
            tmp_path / f"{config}-{seed}.npz", recipe="99.4", seed=seed, config=config, parameters=1, flop=1.0,
            probabilities=np.zeros((3, 2), np.uint16),
        )  # fmt: skip
    with pytest.raises(UsageError, match=r"holds networks of several recipes named \['99\.4'\]"):
        ensembles.kept(tmp_path)


def test_an_ensemble_of_several_recipes_takes_them_in_turn() -> None:
    right, wrong = (0.0, 1.0, 1.0), (0.9, 0.9, 0.9)
    members = [*(member("a", seed, *right) for seed in range(8)), *(member("b", seed, *wrong) for seed in range(2))]
    found = {one.size: one for one in ensembles.ensembles("a, b", members, LABELS)}
    # One of each: together they give the first image 0.45 of class 1, and the others 0.95.
    assert found[2].errors == (0,) * 5
