"""Which configuration is tried next: through the sampler `curves`, over a whole search."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search.event_log.records import TrialRecord
from search.proposals.choice import Why, choose, choose_by_relevance
from search.proposals.coordinates import Candidate, Coordinates
from search.proposals.curves import MAX_REPORTS, Curve
from search.proposals.prospects import CROSSED, REACH, Prospects
from search.proposals.relevance import Parts
from search.strategies.samplers import Curves, CurvesArd, Random, Sampler
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


def chosen(
    curves: Sequence[Curve], candidates: Sequence[Candidate], prospects: Prospects, draws: np.random.Generator
) -> tuple[Mapping[str, Any], Why]:
    found = choose(curves, candidates, prospects, draws)
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
            draws = np.random.default_rng([seed, number])
            candidates = prospects.candidates(curves, draws)
            params, _ = chosen(curves, candidates, prospects, draws)
        end = quality(params)
        values = (end - 0.2, end - 0.05, end)
        curves.append(curve(number, params, *values))
    return sum(each.values[-1] for each in curves[-10:]) / 10, [each.params for each in curves]


@pytest.mark.slow
def test_what_was_learned_makes_the_later_proposals_better() -> None:
    learned = [found_by(Curves(), seed, 40)[0] for seed in range(3)]
    spread = [found_by(None, seed, 40)[0] for seed in range(3)]
    assert min(learned) > max(spread) + 0.03


def test_nothing_near_an_earlier_trial_is_proposed() -> None:
    coordinates = Coordinates(SPACE.distributions)
    _, params = found_by(Curves(), 0, 40)
    places = np.array([coordinates.of(each) for each in params])
    apart = coordinates.distances(places, places) + np.eye(40) * 99
    spread = coordinates.distances(places[:8], places[:8]) + np.eye(8) * 99
    assert apart.min() > 0.3 * spread.min()


def test_nothing_infeasible_is_proposed_where_random_search_does(tmp_path: Path) -> None:
    def infeasible(sampler: Sampler) -> list[TrialRecord]:
        found = fake.run(tmp_path / sampler.name, goal=20, widest=24, sampler=sampler)
        return [trial for trial in found.study.trials if trial.reason == "infeasible"]

    assert len(infeasible(Random())) > 10
    assert infeasible(Curves(n_startup_trials=3)) == []


def test_a_space_of_few_configurations_ends_in_repetitions(tmp_path: Path) -> None:
    tiny = {"name": "tiny", "model": {"width": {"int": [8, 16], "step": 8}, "depth": {"int": [1, 1]}}}
    found = fake.run(tmp_path, goal=6, sampler=Curves(n_startup_trials=2), space_values=tiny).study
    assert [trial.params["model.width"] for trial in found.trials[:2]] in ([8, 16], [16, 8])
    assert len(found.complete()) > 0


@pytest.mark.parametrize(
    "ranges",
    [
        {"width": {"int": [8, 8]}, "depth": {"int": [1, 1]}},
        {"width": {"int": [8, 8]}, "depth": {"int": [1, 1]}, "which": {"choice": [*range(60)]}},
        {"width": {"int": [8, 64]}, "depth": {"int": [1, 8]}},
    ],
    ids=["one configuration", "one choice", "a small grid"],
)
def test_nothing_comes_twice_while_there_is_something_else(tmp_path: Path, ranges: dict[str, Any]) -> None:
    sampler = Curves(n_startup_trials=2)
    found = fake.run(tmp_path, goal=20, sampler=sampler, space_values={"name": "tiny", "model": ranges}).study
    different = {str(trial.params) for trial in found.trials}
    assert len(different) == (1 if len(ranges) == 2 and ranges["depth"] == {"int": [1, 1]} else 20)


@pytest.mark.parametrize("behaviour", ["diverge", "no_number", "lack_memory", "raise_sometimes"])
@pytest.mark.parametrize("startup", [1, 4])
def test_trials_that_fail_are_not_tried_again_and_end_no_search(tmp_path: Path, behaviour: str, startup: int) -> None:
    found = fake.run(tmp_path, goal=16, behaviour=behaviour, sampler=Curves(n_startup_trials=startup), widest=24).study
    assert len(found.trials) == len({str(trial.params) for trial in found.trials}) == 16


def test_constraints_are_met_by_what_is_proposed(tmp_path: Path) -> None:
    values = {**fake.SPACE, "constraints": ["model.width <= 8 * model.depth"]}
    found = fake.run(tmp_path, goal=12, sampler=Curves(n_startup_trials=3), space_values=values).study
    assert len(found.trials) == 12
    assert all(trial.params["model.width"] <= 8 * trial.params["model.depth"] for trial in found.trials)


def test_of_long_curves_some_reports_are_read_and_the_last_one() -> None:
    prospects = Prospects(SPACE, Free(), 0)
    shares = tuple((period + 1) / 300 for period in range(300))
    curves = [
        replace(curve(number, params, *np.linspace(0.1, quality(params), 300).tolist()), shares=shares)
        for number, params in enumerate(prospects.covering(number, ()) for number in range(12))
    ]
    assert curves[0].read[-1] == 299
    assert len(curves[0].read) == 12
    draws = np.random.default_rng(0)
    candidates = prospects.candidates(curves, draws)
    params, why = chosen(curves, candidates, prospects, draws)
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
    curves = [
        curve(number, params, 0.9 + 0.09 * params["m.a"])
        for number, params in enumerate(prospects.covering(number, ()) for number in range(12))
    ]
    draws = np.random.default_rng(0)
    candidates = prospects.candidates(curves, draws)
    before = planner.asked
    params, _ = chosen(curves, candidates, prospects, draws)
    assert Free()(params).feasible
    assert planner.asked - before < CROSSED


def test_where_nothing_is_feasible_nothing_is_chosen() -> None:
    prospects = Prospects(SPACE, Free(), 0)
    curves = [curve(number, prospects.covering(number, ()), 0.5) for number in range(3)]
    infeasible = [prospects.coordinates.candidate({**curves[0].params, "m.a": 0.9})]
    assert choose(curves, infeasible, prospects, np.random.default_rng(0)) is None


def test_why_is_said_in_the_terms_of_the_study() -> None:
    prospects = Prospects(SPACE, Free(), 0)
    curves = [
        curve(number, params, *((quality(params),) * (1 + number % 3)))
        for number, params in enumerate(prospects.covering(number, ()) for number in range(12))
    ]
    draws = np.random.default_rng(0)
    candidates = prospects.candidates(curves, draws)
    params, why = chosen(curves, candidates, prospects, draws)
    assert why.low < why.expected < why.high < 1.0
    assert math.isclose(why.expected, quality(params), abs_tol=0.1)
    assert why.best == max(each.values[-1] for each in curves if len(each.values) == 3)
    assert (why.among, why.closest in range(12)) == (len(candidates), True)


def test_of_many_reports_the_most_telling_are_read() -> None:
    """The time of a proposal stays the same, and what matters is known still."""
    prospects = Prospects(SPACE, Free(), 0)
    params = [prospects.covering(number, ()) for number in range(2 * MAX_REPORTS)]
    curves = [curve(number, each, *((quality(each),) * (1 + number % 3))) for number, each in enumerate(params)]
    draws = np.random.default_rng(0)
    candidates = prospects.candidates(curves, draws)
    best, why = chosen(curves, candidates, prospects, draws)
    assert quality(best) > sorted(map(quality, params))[int(1.6 * MAX_REPORTS)]
    complete = [each for each in curves if len(each.values) == len(SHARES)]
    assert why.best == max(each.values[-1] for each in complete)
    place = prospects.coordinates.of(best)
    apart = prospects.coordinates.distances(place[None], np.array([each.point for each in curves]))[0]
    assert why.closest == int(np.argmin(apart))


def test_of_two_that_promise_the_same_the_cheaper_one_is_tried() -> None:
    class Priced(Free):
        """As `Free`; what lies below one half of `f` costs a hundred times as much."""

        def __call__(self, params: Mapping[str, Any]) -> Plan[Mapping[str, Any]]:
            """See `search.trainer_api.Planner`."""
            return replace(super().__call__(params), costs=(100,) * 3 if params["m.f"] < 0.5 else (1,) * 3)

    prospects = Prospects(SPACE, Priced(), 0)
    params = [prospects.covering(number, ()) for number in range(24)]
    curves = [curve(number, each, *((quality(each),) * 3)) for number, each in enumerate(params)]

    def dear(*, cost: bool) -> int:
        found = []
        for seed in range(8):
            draws = np.random.default_rng(seed)
            chosen = choose_by_relevance(
                curves, prospects.candidates(curves, draws), prospects, draws, Parts(cost=cost)
            )  # fmt: skip
            assert chosen is not None
            found.append(chosen[0]["m.f"] < 0.5)
        return sum(found)

    assert dear(cost=True) < dear(cost=False)


def test_the_neighbours_of_a_candidate_lie_near_it_and_are_no_copies() -> None:
    prospects = Prospects(SPACE, Free(), 0)
    curves = [curve(number, prospects.covering(number, ()), 0.5) for number in range(8)]
    parent = curves[0].params
    found = prospects.near([parent], curves, np.random.default_rng(0))
    changed = [[path for path in parent if each.params[path] != parent[path]] for each in found]
    assert len(found) > 4
    assert 0 < max(map(len, changed)) < len(parent)
    assert all(abs(each.params[path] - parent[path]) <= REACH + 1e-6 for each in found for path in parent)


def test_the_first_trials_are_cheap_ones_if_costs_count(tmp_path: Path) -> None:
    def spent(cost: int) -> float:
        found = fake.run(tmp_path / str(cost), goal=8, sampler=CurvesArd(cost=cost)).study
        return sum(sum(trial.costs) for trial in found.trials)

    assert spent(1) < 0.9 * spent(0)
