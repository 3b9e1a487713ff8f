"""Which parameters matter, and which shares chance alone makes."""

from __future__ import annotations

import random
from typing import Any

import pytest

from mnist_bench.plots.study import importance
from mnist_bench.plots.study.importance import importances
from support import search_fake

pytestmark = pytest.mark.slow

SPACE = search_fake.space()


@pytest.fixture(autouse=True)
def few_shuffles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importance, "SHUFFLES", 29)


def drawn(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Return parameters drawn at random from the fake trainer's space."""
    rng = random.Random(seed)
    return [SPACE.sample(lambda _, span: span.at(rng.random())) for _ in range(count)]


def test_the_parameter_that_makes_the_value_stands_out_alone_and_comes_first() -> None:
    found = importances(SPACE, [(params, params["model.width"]) for params in drawn(60)])
    assert [row.path for row in found if row.stands_out] == ["model.width"]
    assert found[0].path == "model.width"
    assert found[0].share > 0.5
    assert sum(row.share for row in found) == pytest.approx(1)


def test_a_choice_with_a_list_among_its_options_is_measured_as_any_other() -> None:
    trials = [(params, float(params["model.kind"] == [1, 2])) for params in drawn(60)]
    assert importances(SPACE, trials)[0].path == "model.kind"


def test_a_conditional_parameter_counts_on_the_trials_that_have_it() -> None:
    trials = [(params, params.get("model.extra", 0.0)) for params in drawn(120)]
    found = importances(SPACE, trials)
    assert found[0].path == "model.extra"
    assert found[0].stands_out


def test_values_that_follow_from_no_parameter_let_none_stand_out_in_most_studies() -> None:
    rng = random.Random(1)
    studies = [importances(SPACE, [(params, rng.random()) for params in drawn(20, seed)]) for seed in range(6)]
    assert sum(any(row.stands_out for row in found) for found in studies) <= 1


def test_equal_values_make_nothing_important() -> None:
    found = importances(SPACE, [(params, 0.9) for params in drawn(12)])
    assert {row.share for row in found} == {0.0}
    assert not any(row.stands_out for row in found)


def test_of_many_trials_some_are_taken_at_even_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importance, "MAX_TRIALS", 20)
    trials = [(params, params["model.width"]) for params in drawn(39)]
    assert importances(SPACE, trials) == importances(SPACE, trials[::2])
    assert importances(SPACE, trials) != importances(SPACE, trials[:20])


def test_without_parameters_there_is_nothing_to_measure() -> None:
    assert importances(SPACE, [({}, 0.9), ({}, 0.8)]) == []
    assert importances(SPACE, []) == []


def test_a_parameter_that_no_trial_has_is_left_out() -> None:
    flat = [{path: value for path, value in params.items() if path != "model.extra"} for params in drawn(12)]
    found = importances(SPACE, [({**params, "model.depth": 1}, params["model.width"]) for params in flat])
    assert "model.extra" not in {row.path for row in found}
