"""Searches on a stand-in: all methods propose freely."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mnist_bench import stand_ins
from mnist_bench.experiments.contest.compare import ContestOptions, compare_methods
from mnist_bench.experiments.contest.contest_record import Entrant, Trace
from mnist_bench.experiments.contest.replayed import ReplayedStandIn
from mnist_bench.experiments.contest.replays import Terms, replay
from mnist_bench.experiments.grid import Observer
from mnist_bench.stand_ins import FRESH

pytestmark = pytest.mark.slow

TERMS = Terms(budget=4, slots=4, workers=(4,))


@pytest.fixture(scope="module")
def task() -> ReplayedStandIn:
    (stand_in,) = stand_ins.load("conv-5k/trees")
    return ReplayedStandIn(stand_in)


def _without_times(trace: Trace) -> Trace:
    return replace(trace, own_seconds=0.0)


@pytest.mark.parametrize(
    "entrant",
    [Entrant(sampler="tpe", pruner="asha"), Entrant(sampler="curves", pruner="asha"), Entrant(method="first_period")],
)
def test_a_search_stays_within_its_budget_and_comes_again(task: ReplayedStandIn, entrant: Entrant) -> None:
    found = replay(task, entrant, 3, TERMS)
    assert 2.5 < found.spent <= 4
    assert found.complete
    assert _without_times(replay(task, entrant, 3, TERMS)) == _without_times(found)


def test_a_choice_is_none_of_the_tables_points_and_is_scored_with_fresh_seeds(task: ReplayedStandIn) -> None:
    choice = replay(task, Entrant(sampler="random", pruner="asha"), 3, TERMS).choices[-1]
    assert task.stand_in.table.find(choice.params) is None
    assert choice.seen == task.stand_in.curve(choice.params, 3)[-1] / 10_000
    assert choice.unseen == pytest.approx(sum(task.stand_in.unseen_error(choice.params, seed) for seed in FRESH) / 4)


def test_a_contest_is_of_each_stand_in_named_once() -> None:
    asked = ContestOptions(
        stand_ins=("conv-5k", "conv-5k/gp"), samplers=("random",), baselines=False, seeds=2, trials=3
    )
    contests = compare_methods(asked, Observer())
    assert [(one.instrument, one.task) for one in contests] == [
        ("stand-in", "conv-5k/gp"), ("stand-in", "conv-5k/trees"),
    ]  # fmt: skip
    assert {one.seeds for one in contests} == {(0, 1)}
