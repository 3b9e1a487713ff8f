"""Which configuration is tried next: through the sampler `curves`, over a whole search."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search.event_log.records import TrialRecord
from search.proposals.choice import Why, choose
from search.proposals.coordinates import Coordinates
from search.proposals.curves import Curve
from search.proposals.prospects import CROSSED, POOL, REACH, Prospects
from search.proposals.relevance import MAX_READ
from search.strategies.samplers import Curves, Random, Sampler
from search.trainer_api import PLAIN, Plan
from support import search_fake as fake

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("log_alone")]
SHARES = (0.25, 0.5, 1.0)
WIDE = {"name": "wide", "m": {name: {"float": [0.0, 1.0]} for name in "abcdef"}}
SPACE = fake.space(WIDE)


class Free:
    """Plans any parameters of the wide space; a quarter of it is feasible."""

    codec = PLAIN

    def __call__(self, params: Mapping[str, Any]) -> Plan[Mapping[str, Any]]:
        """See `search.trainer_api.Planner`."""
        return Plan(config=params, costs=(1, 1, 2), constraints={"a": params["m.a"] - 0.25})


def quality(params: Mapping[str, Any]) -> float:
    """Return a value that three of six ranges decide."""
    b, c, d = (float(params[f"m.{name}"]) for name in "bcd")
    return 0.99 - 0.3 * abs(b - 0.7) - 0.1 * (c - 0.3) ** 2 - 0.1 * d


def curve(trial: int, params: Mapping[str, Any], *values: float) -> Curve:
    point = Coordinates(SPACE.distributions).of(params)
    return Curve(trial=trial, params=params, point=point, shares=SHARES, values=values, ended=True)


def tried(
    prospects: Prospects,
    trials: int,
    value: Callable[[Mapping[str, Any]], float] = quality,
    reports: Callable[[int], int] = lambda number: len(SHARES),
) -> list[Curve]:
    """Return the curves of so many first trials; each reports its value as often as its number says."""
    covering = [prospects.covering(number, ()) for number in range(trials)]
    return [curve(number, params, *([value(params)] * reports(number))) for number, params in enumerate(covering)]


def chosen(curves: Sequence[Curve], prospects: Prospects, *seed: int) -> tuple[Mapping[str, Any], Why]:
    """Return the next configuration, and why it is that."""
    found = choose(curves, prospects, np.random.default_rng(seed or 0))
    assert found is not None
    return found


def found_by(sampler: Curves | None, seed: int, trials: int) -> tuple[float, list[Mapping[str, Any]]]:
    """Return the mean value of the last ten of so many trials, each trained to its end, and all parameters."""
    prospects = Prospects(SPACE, Free(), seed)
    curves: list[Curve] = []
    for number in range(trials):
        tried = [each.params for each in curves]
        if sampler is None or number < sampler.n_startup_trials:
            params = prospects.covering(number, tried)
        else:
            params, _ = chosen(curves, prospects, seed, number)
        end = quality(params)
        values = (end - 0.2, end - 0.05, end)
        curves.append(curve(number, params, *values))
    return sum(each.values[-1] for each in curves[-10:]) / 10, [each.params for each in curves]


@pytest.mark.slow
def test_what_was_learned_makes_the_later_proposals_better_and_none_is_near_an_earlier_trial() -> None:
    learned, params = found_by(Curves(), 0, 25)
    assert learned > max(found_by(None, seed, 25)[0] for seed in range(3)) + 0.03
    coordinates = Coordinates(SPACE.distributions)
    places = np.array([coordinates.of(each) for each in params])
    apart = coordinates.distances(places, places) + np.eye(25) * 99
    spread = coordinates.distances(places[:8], places[:8]) + np.eye(8) * 99
    assert apart.min() > 0.3 * spread.min()


def test_nothing_infeasible_is_proposed_where_random_search_does(tmp_path: Path) -> None:
    def infeasible(sampler: Sampler) -> list[TrialRecord]:
        found = fake.run(tmp_path / sampler.name, budget=20, widest=24, sampler=sampler)
        return [trial for trial in found.study.trials if trial.reason == "infeasible"]

    assert len(infeasible(Random())) > 10
    assert infeasible(Curves(n_startup_trials=3)) == []


@pytest.mark.parametrize(
    ("ranges", "different"),
    [
        ({"width": {"int": [8, 8]}, "depth": {"int": [1, 1]}}, 1),
        ({"width": {"int": [8, 16], "step": 8}, "depth": {"int": [1, 1]}}, 2),
        ({"width": {"int": [8, 8]}, "depth": {"int": [1, 1]}, "which": {"choice": [*range(60)]}}, 12),
        ({"width": {"int": [8, 64]}, "depth": {"int": [1, 8]}}, 12),
    ],
    ids=["one configuration", "two", "one choice", "a small grid"],
)
def test_nothing_comes_twice_while_there_is_something_else(
    tmp_path: Path, ranges: dict[str, Any], different: int
) -> None:
    sampler = Curves(n_startup_trials=2)
    found = fake.run(tmp_path, budget=12, sampler=sampler, space_values={"name": "tiny", "model": ranges}).study
    assert len({str(trial.params) for trial in found.trials[:different]}) == different
    assert len({str(trial.params) for trial in found.trials}) == different


@pytest.mark.parametrize("behaviour", ["diverge", "no_number", "lack_memory", "raise_sometimes"])
@pytest.mark.parametrize("startup", [1, 4])
def test_trials_that_fail_are_not_tried_again_and_end_no_search(tmp_path: Path, behaviour: str, startup: int) -> None:
    found = fake.run(
        tmp_path, budget=10, behaviour=behaviour, sampler=Curves(n_startup_trials=startup), widest=24
    ).study
    assert len(found.trials) == len({str(trial.params) for trial in found.trials}) == 10


def test_constraints_are_met_by_what_is_proposed(tmp_path: Path) -> None:
    values = {**fake.SPACE, "constraints": ["model.width <= 8 * model.depth"]}
    found = fake.run(tmp_path, budget=12, sampler=Curves(n_startup_trials=3), space_values=values).study
    assert len(found.trials) == 12
    assert all(trial.params["model.width"] <= 8 * trial.params["model.depth"] for trial in found.trials)


def test_of_long_curves_some_reports_are_read_and_the_last_one() -> None:
    prospects = Prospects(SPACE, Free(), 0)
    shares = tuple((period + 1) / 300 for period in range(300))
    curves = [
        replace(each, shares=shares, values=tuple(np.linspace(0.1, quality(each.params), 300).tolist()))
        for each in tried(prospects, 12)
    ]
    params, why = chosen(curves, prospects)
    assert why.best == max(each.values[-1] for each in curves)
    assert quality(params) > np.median([quality(each.params) for each in curves])


def test_most_crosses_may_exceed_a_limit() -> None:
    """Their feasibility is asked for only where they are promising."""

    class Strict(Free):
        asked = 0

        def __call__(self, params: Mapping[str, Any]) -> Plan[Mapping[str, Any]]:
            self.asked += 1
            return super().__call__(params)

    planner = Strict()
    prospects = Prospects(SPACE, planner, 0)
    # The best ones lie where nothing is feasible.
    curves = tried(prospects, 12, lambda params: 0.9 + 0.09 * float(params["m.a"]))
    prospects.candidates(curves, np.random.default_rng(0))  # asks for the points of the sequence, once
    before = planner.asked
    params, _ = chosen(curves, prospects)
    assert Free()(params).feasible
    assert planner.asked - before < CROSSED


def test_where_nothing_is_feasible_nothing_is_chosen() -> None:
    two = [Prospects(SPACE, Free(), 0).covering(number, ()) for number in range(2)]

    class Strict(Free):
        """Finds two configurations feasible, which were tried, and no cross of them."""

        def __call__(self, params: Mapping[str, Any]) -> Plan[Mapping[str, Any]]:
            """See `search.trainer_api.Planner`."""
            return replace(super().__call__(params), constraints={"other": float(params not in two)})

    prospects = Prospects(SPACE, Strict(), 0)
    assert choose(tried(prospects, 2), prospects, np.random.default_rng(0)) is None


@pytest.mark.parametrize("trials", [12, 2 * MAX_READ], ids=["all reports are read", "the most telling are read"])
def test_why_is_said_in_the_terms_of_the_study(trials: int) -> None:
    prospects = Prospects(SPACE, Free(), 0)
    curves = tried(prospects, trials, reports=lambda number: 1 + number % 3)
    params, why = chosen(curves, prospects)
    assert quality(params) > sorted(quality(each.params) for each in curves)[int(0.8 * trials)]
    assert why.low < why.expected < why.high < 1.0
    assert math.isclose(why.expected, quality(params), abs_tol=0.1)
    assert why.best == max(each.values[-1] for each in curves if len(each.values) == len(SHARES))
    coordinates = prospects.coordinates
    apart = coordinates.distances(coordinates.of(params)[None], np.array([each.point for each in curves]))
    assert why.closest == int(np.argmin(apart[0]))
    assert why.among > POOL


def test_of_two_that_promise_the_same_the_cheaper_one_is_tried() -> None:
    class Priced(Free):
        """As `Free`; what lies below one half of `f` costs a hundred times as much."""

        def __call__(self, params: Mapping[str, Any]) -> Plan[Mapping[str, Any]]:
            """See `search.trainer_api.Planner`."""
            return replace(super().__call__(params), costs=(100,) * 3 if params["m.f"] < 0.5 else (1,) * 3)

    def dear(planner: Free) -> int:
        prospects = Prospects(SPACE, planner, 0)
        curves = tried(prospects, 24)
        return sum(chosen(curves, prospects, seed)[0]["m.f"] < 0.5 for seed in range(1, 9))

    assert dear(Priced()) < dear(Free())


def test_the_neighbours_of_a_candidate_lie_near_it_and_are_no_copies() -> None:
    prospects = Prospects(SPACE, Free(), 0)
    curves = tried(prospects, 8)
    parent = curves[0].params
    found = prospects.near([parent], curves, np.random.default_rng(0))
    changed = [[path for path in parent if each.params[path] != parent[path]] for each in found]
    assert len(found) > 4
    assert 0 < max(map(len, changed)) < len(parent)
    assert all(abs(each.params[path] - parent[path]) <= REACH + 1e-6 for each in found for path in parent)


def test_the_first_trials_are_cheap_ones(tmp_path: Path) -> None:
    planner = fake.Planner(48)
    prospects = Prospects(fake.space(), planner, 0)
    spread = sum(prospects.cost(prospects.covering(number, ())) for number in range(8))
    found = fake.run(tmp_path, budget=8, sampler=Curves()).study
    assert sum(sum(trial.costs) for trial in found.trials) < 0.9 * spread
