"""Searches over a table made by hand."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_bench.errors import Stopped
from mnist_bench.experiments.replays import (
    Choice,
    Replayed,
    ReplayedTable,
    ReplayedValues,
    SearchMethod,
    Terms,
    replay,
    replays,
)
from mnist_bench.tables.recorded_benchmark import RecordedBenchmark, TablePlanner
from search.trainer_api import Plan
from support import tables
from support.experiments import RANDOM, TPE_ASHA
from support.paths import ROOT
from support.processes import until
from support.tables import table

TESTS = ROOT / "tests"
CURVES = SearchMethod(sampler="curves", pruner="asha")
TERMS = Terms(budget=8, concurrent_trials=4)

pytestmark = pytest.mark.slow


def choices(table: Replayed, method: SearchMethod, seed: int, terms: Terms) -> tuple[Choice, ...]:
    return replay(table, method, seed, terms).choices


@pytest.fixture(scope="module")
def replayed() -> ReplayedTable:
    return ReplayedTable(table())


@pytest.fixture(scope="module")
def values() -> ReplayedValues:
    return ReplayedValues(tables.value_table())


@pytest.mark.parametrize("method", [TPE_ASHA, RANDOM])
def test_a_replay_stays_within_its_budget_comes_again_and_with_twice_the_budget_goes_on_as_it_began(
    replayed: ReplayedTable, method: SearchMethod
) -> None:
    found = choices(replayed, method, 5, TERMS)
    assert [choice.spent for choice in found] == sorted(choice.spent for choice in found)
    assert 0 < found[-1].spent <= 8
    seen = [replayed.table.curve(replayed.table.point_of(one.params), 5 % 3).errors[-1] for one in found]
    assert seen == sorted(seen, reverse=True)
    assert choices(replayed, method, 5, TERMS) == found != choices(replayed, method, 6, TERMS)
    assert choices(replayed, method, 5, replace(TERMS, budget=16))[: len(found)] == found


@pytest.mark.parametrize("method", [TPE_ASHA, RANDOM, CURVES])
def test_a_choice_on_values_is_scored_by_its_regret(values: ReplayedValues, method: SearchMethod) -> None:
    found, table = choices(values, method, 5, TERMS), values.table
    points = [table.point_of(choice.params) for choice in found]
    assert [choice.regret for choice in found] == pytest.approx([table.regrets[point] for point in points])
    assert [choice.score for choice in found] == pytest.approx(np.exp([table.losses[point] for point in points]))
    assert found == tuple(sorted(found, key=lambda choice: -choice.score))


def test_a_long_search_finds_the_best_of_all_values(values: ReplayedValues) -> None:
    found = choices(values, SearchMethod(sampler="curves"), 0, Terms(budget=16, concurrent_trials=2))
    assert (found[-1].params, found[-1].regret) == (tables.BEST, 0)


@pytest.mark.parametrize(("seeds", "seed", "others"), [(3, 0, [1, 2]), (3, 1, [0, 2]), (3, 2, [0, 1]), (1, 1, [0])])
def test_a_choice_is_seen_with_one_seed_and_scored_with_the_others_if_there_are_any(
    seeds: int, seed: int, others: list[int]
) -> None:
    replayed = ReplayedTable(table(seeds=seeds))
    choice = choices(replayed, RANDOM, seed, TERMS)[-1]
    point = replayed.table.point_of(choice.params)
    assert choice.score == pytest.approx(np.mean([replayed.table.unseen_error(point, other) for other in others]))
    assert replayed.develops == (seeds == 1)


def test_a_regret_is_0_at_the_best_mean_error_1_at_the_median_one_and_half_at_their_geometric_mean(
    replayed: ReplayedTable,
) -> None:
    whole = replayed.table
    means = [float(np.mean([whole.unseen_error(point, seed) for seed in range(3)])) for point in range(len(whole))]
    best, median = min(means), math.exp(np.median(np.log(means)))
    found = [replayed.regret(error) for error in (best / 2, best, math.sqrt(best * median), median, 0.9, 0.0)]
    assert found == pytest.approx([0, 0, 0.5, 1, 1, 0])


def test_what_has_diverged_is_never_chosen(replayed: ReplayedTable) -> None:
    diverged = {number for number in range(len(replayed.table)) if replayed.table.curve(number).diverged}
    found = [choices(replayed, RANDOM, seed, TERMS) for seed in range(6)]
    assert diverged
    assert not diverged & {replayed.table.point_of(choice.params) for trace in found for choice in trace}


def test_a_sampler_that_knows_what_there_is_chooses_among_the_points() -> None:
    replayed = ReplayedTable(every_second_point(table()))
    method = SearchMethod(sampler="curves", pruner="asha")
    found = choices(replayed, method, 0, TERMS)
    assert {replayed.table.point_of(choice.params) % 2 for choice in found} == {0}
    assert choices(replayed, method, 0, TERMS) == found


def test_curves_learn_what_helps(replayed: ReplayedTable) -> None:
    """Three of five learning rates, batchnorm: what random search finds at twice the budget and more."""
    terms = replace(TERMS, budget=16)
    found = {
        sampler: np.mean([choices(replayed, SearchMethod(sampler=sampler), seed, terms)[-1].score for seed in range(4)])
        for sampler in ("random", "curves")
    }
    assert found["curves"] < found["random"]


def every_second_point(whole: RecordedBenchmark) -> RecordedBenchmark:
    rows = np.isin(whole.arrays.point, np.arange(0, len(whole), 2))
    by_row = ("point", "seed", "canary", "errors", "train_loss", "val_loss", "weights", "unseen")
    arrays: dict[str, Any] = {name: getattr(whole.arrays, name)[rows] for name in by_row}
    return RecordedBenchmark(whole.about, replace(whole.arrays, **arrays))


def test_where_points_are_few_a_proposal_goes_to_the_nearest_that_is_not_taken() -> None:
    replayed = ReplayedTable(every_second_point(table()))
    taken: set[int] = set()
    moved = [replayed.moved(replayed.table.points[4], taken) for _ in range(3)]
    assert moved[0] == replayed.table.points[4]
    points = [replayed.table.point_of(params) for params in moved]
    assert {*points} == taken
    assert len(taken) == 3
    found = choices(replayed, RANDOM, 0, replace(TERMS, budget=30))
    assert {replayed.table.point_of(choice.params) for choice in found} <= set(range(0, len(replayed.table), 2))


def test_several_processes_come_to_the_same_in_any_order(replayed: ReplayedTable) -> None:
    asked = [(replayed, method, seed) for method in (RANDOM, TPE_ASHA) for seed in range(4)]
    at_once, in_turn = ([*replays(asked, TERMS, processes=processes)] for processes in (2, 1))
    assert sorted(at_once, key=lambda one: (one.method, one.seed)) == sorted(
        in_turn, key=lambda one: (one.method, one.seed)
    )
    assert [(one.method, one.seed) for one in in_turn] == [(method.name, seed) for _, method, seed in asked]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_comparison_can_be_stopped(replayed: ReplayedTable, processes: int) -> None:
    left = iter([False, False, True])
    with pytest.raises(Stopped):
        [
            *replays(
                [(replayed, RANDOM, seed) for seed in range(5)], TERMS, processes=processes, stopping=lambda: next(left)
            )
        ]


def test_a_search_that_finds_nothing_feasible_keeps_what_it_had_selected(monkeypatch: pytest.MonkeyPatch) -> None:
    planned, plans = TablePlanner.__call__, count()

    def plan(self: TablePlanner, params: Mapping[str, Any]) -> Plan[int]:
        found = planned(self, params)
        return found if next(plans) < 30 else replace(found, constraints={"macs": 1.0})

    monkeypatch.setattr(TablePlanner, "__call__", plan)
    found = replay(ReplayedTable(table()), RANDOM, 0, replace(TERMS, budget=1000))
    assert (found.failed, bool(found.choices)) == (True, True)


@pytest.mark.integration
def test_the_processes_of_a_comparison_that_is_killed_end_with_it(tmp_path: Path) -> None:
    script = """
from mnist_bench.experiments.replays import ReplayedTable, SearchMethod, Terms, replays
from support.tables import table

if __name__ == "__main__":
    made, method = ReplayedTable(table()), SearchMethod(sampler="random")
    for _ in replays([(made, method, seed) for seed in range(10_000)], Terms(budget=6), processes=2):
        print("one", flush=True)
"""
    file = tmp_path / "comparison.py"
    file.write_text(script)
    with subprocess.Popen(
        [sys.executable, file], cwd=TESTS, env={**os.environ, "PYTHONPATH": str(TESTS)}, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, start_new_session=True,
    ) as run:  # fmt: skip
        assert run.stdout is not None
        assert run.stdout.readline() == "one\n"
        run.kill()
    until(lambda: not _is_there(run.pid))


def _is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
