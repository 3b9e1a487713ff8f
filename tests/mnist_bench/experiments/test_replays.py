"""Searches over a table made by hand."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_bench.errors import Stopped
from mnist_bench.experiments.replays import (
    Entrant,
    ReplayedTable,
    ReplayedValues,
    Terms,
    Trace,
    check_fit,
    line_up,
    replay,
    replays,
    strategies_of,
)
from mnist_bench.tables.recorded_benchmark import RecordedBenchmark, TablePlanner
from search.errors import UsageError
from search.repeatability import TriedOn
from search.strategies.pruners import Asha
from search.strategies.samplers import ForeignSampler, Tpe
from support import tables
from support.paths import ROOT
from support.processes import until
from support.tables import SPACE, table

TESTS = ROOT / "tests"

TPE = Entrant(sampler="tpe", pruner="asha")
RANDOM = Entrant(sampler="random")
TWICE = Entrant(sampler="random", budgets=2)
FIRST = Entrant(method="first_period")
TERMS = Terms(budget=8, concurrent_trials=4, workers=(4,))


@pytest.fixture(scope="module")
def replayed() -> ReplayedTable:
    return ReplayedTable(table())


@pytest.fixture(scope="module")
def values() -> ReplayedValues:
    return ReplayedValues(tables.value_table())


def played(searched: ReplayedTable | ReplayedValues, entrant: Entrant, seed: int, terms: Terms = TERMS) -> Trace:
    """Return a replay without the time that its strategies took."""
    return replace(replay(searched, entrant, seed, terms), own_seconds=0.0)


@pytest.mark.slow
@pytest.mark.parametrize("entrant", [TPE, RANDOM, FIRST])
def test_a_replay_stays_within_its_budget_and_comes_again(replayed: ReplayedTable, entrant: Entrant) -> None:
    found = played(replayed, entrant, 5)
    assert 7 < found.spent <= 8
    assert 0 < found.complete <= found.trials
    assert [choice.spent for choice in found.choices] == sorted(choice.spent for choice in found.choices)
    assert [choice.seen for choice in found.choices] == sorted((choice.seen for choice in found.choices), reverse=True)
    assert found.choices[-1].spent <= found.spent
    assert played(replayed, entrant, 5) == found != played(replayed, entrant, 6)


@pytest.mark.slow
def test_with_twice_the_budget_a_search_goes_on_as_it_began(replayed: ReplayedTable) -> None:
    once, twice = (replay(replayed, entrant, 1, TERMS) for entrant in (RANDOM, TWICE))
    assert twice.choices[: len(once.choices)] == once.choices
    assert 15 < twice.spent <= 16
    assert twice.trials > once.trials


@pytest.mark.slow
@pytest.mark.parametrize("entrant", [TPE, RANDOM, FIRST, Entrant(sampler="curves", pruner="asha")])
def test_a_choice_on_values_is_scored_by_its_regret(values: ReplayedValues, entrant: Entrant) -> None:
    found, table = played(values, entrant, 5), values.table
    assert 0 < found.complete <= found.trials
    points = [table.point_of(choice.params) for choice in found.choices]
    assert [choice.unseen for choice in found.choices] == [table.regrets[point] for point in points]
    losses = [table.losses[point] for point in points]
    assert losses == sorted(losses, reverse=True)
    assert played(values, entrant, 5) == found


@pytest.mark.slow
def test_a_long_search_finds_the_best_of_all_values(values: ReplayedValues) -> None:
    found = replay(values, Entrant(sampler="curves"), 0, Terms(budget=16, concurrent_trials=2, workers=(2,)))
    assert (found.choices[-1].params, found.found, found.spent) == (tables.BEST, 0, 16)


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "seed", "others"), [(3, 0, [1, 2]), (3, 1, [0, 2]), (3, 2, [0, 1]), (1, 1, [0])])
def test_a_choice_is_seen_with_one_seed_and_scored_with_the_others_if_there_are_any(
    seeds: int, seed: int, others: list[int]
) -> None:
    replayed = ReplayedTable(table(seeds=seeds))
    choice = replay(replayed, RANDOM, seed, TERMS).choices[-1]
    point = replayed.table.point_of(choice.params)
    assert choice.seen == replayed.table.curve(point, seed % seeds).errors[-1] / 10_000
    assert choice.unseen == pytest.approx(np.mean([replayed.table.unseen_error(point, other) for other in others]))
    assert replayed.develops == (seeds == 1)


@pytest.mark.slow
def test_what_has_diverged_is_never_chosen(replayed: ReplayedTable) -> None:
    diverged = {number for number in range(len(replayed.table)) if replayed.table.curve(number).diverged}
    found = [replay(replayed, entrant, seed, TERMS) for seed in range(6) for entrant in (RANDOM, FIRST)]
    assert diverged
    assert not diverged & {replayed.table.point_of(choice.params) for trace in found for choice in trace.choices}


@pytest.mark.slow
def test_the_number_of_workers_changes_the_time_alone(replayed: ReplayedTable) -> None:
    both = played(replayed, TPE, 0, replace(TERMS, workers=(4, 1)))
    assert both.seconds[1] > 2 * both.seconds[4]
    assert replace(both, seconds={4: both.seconds[4]}) == played(replayed, TPE, 0)


@pytest.mark.slow
def test_the_first_period_picks_the_best_of_it(replayed: ReplayedTable) -> None:
    found = replay(replayed, FIRST, 0, TERMS)
    choice = found.choices[0]  # trained first, for its first period was the best
    point = replayed.table.point_of(choice.params)
    assert replayed.table.curve(point, 0).errors[0] <= np.quantile(
        [replayed.table.curve(other, 0).errors[0] for other in range(len(replayed.table))], 0.25
    )
    assert found.trials > found.complete


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["curves", "curves-ard"])
def test_a_sampler_that_knows_what_there_is_chooses_among_the_points(sampler: str) -> None:
    replayed = ReplayedTable(every_second_point(table()))
    entrant = Entrant(sampler=sampler, pruner="asha")
    found = played(replayed, entrant, 0)
    assert {replayed.table.point_of(choice.params) % 2 for choice in found.choices} == {0}
    assert played(replayed, entrant, 0) == found


@pytest.mark.slow
def test_curves_learn_what_helps(replayed: ReplayedTable) -> None:
    """Three of five learning rates, batchnorm: what random search finds at twice the budget and more."""
    errors = {
        sampler: np.mean([replay(replayed, Entrant(sampler=sampler), seed, TERMS).found or 1 for seed in range(8)])
        for sampler in ("random", "curves")
    }
    assert errors["curves"] < errors["random"]


def every_second_point(whole: RecordedBenchmark) -> RecordedBenchmark:
    rows = np.isin(whole.arrays.point, np.arange(0, len(whole), 2))
    by_row = ("point", "seed", "canary", "errors", "train_loss", "val_loss", "weights", "unseen")
    arrays: dict[str, Any] = {name: getattr(whole.arrays, name)[rows] for name in by_row}
    return RecordedBenchmark(whole.about, replace(whole.arrays, **arrays))


@pytest.mark.slow
def test_where_points_are_few_a_proposal_goes_to_the_nearest_and_to_none_twice() -> None:
    replayed = ReplayedTable(every_second_point(table()))
    assert replayed.nearest is not None
    found = replay(replayed, RANDOM, 0, replace(TERMS, budget=30))
    assert found.trials > 20
    assert {replayed.table.point_of(choice.params) for choice in found.choices} <= set(range(0, len(replayed.table), 2))


@pytest.mark.slow
def test_several_processes_come_to_the_same_in_any_order(replayed: ReplayedTable) -> None:
    heard: list[bool] = []

    def traces(**more: Any) -> list[list[Trace]]:
        found = replays(replayed, [RANDOM, FIRST], range(4), TERMS, **more)
        return [[replace(trace, own_seconds=0.0) for trace in traces] for traces in found]

    assert traces(processes=2, on_trace=lambda: heard.append(True)) == traces()
    assert len(heard) == 8


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_a_contest_can_be_stopped(replayed: ReplayedTable, processes: int) -> None:
    left = iter([False, False, True])
    with pytest.raises(Stopped):
        replays(replayed, [RANDOM], range(5), TERMS, processes=processes, stopping=lambda: next(left))


@pytest.mark.slow
def test_the_first_period_trains_no_configuration_twice(replayed: ReplayedTable) -> None:
    assert replay(replayed, FIRST, 0, replace(TERMS, budget=200)).trials == len(replayed.table)


@pytest.mark.slow
@pytest.mark.integration
def test_the_processes_of_a_contest_that_is_killed_end_with_it(tmp_path: Path) -> None:
    script = """
from mnist_bench.experiments.replays import Entrant, ReplayedTable, Terms, replays
from support.tables import table

if __name__ == "__main__":
    heard = lambda: print("one", flush=True)
    contest = ReplayedTable(table()), [Entrant(sampler="random")], range(10_000), Terms(budget=6)
    replays(*contest, processes=2, on_trace=heard)
"""
    file = tmp_path / "contest.py"
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


def test_every_pair_comes_before_what_it_has_to_beat() -> None:
    names = [entrant.name for entrant in line_up(["tpe", "random"], ["asha", "none"])]
    assert names == [
        "tpe + asha", "tpe", "random + asha", "random", "random ×2", "first period, then the best",
    ]  # fmt: skip
    assert [entrant.name for entrant in line_up(["tpe"], ["asha"], baselines=False)] == ["tpe + asha"]


def test_built_in_names_are_looked_up_and_others_named() -> None:
    (entrant, *_) = line_up(["tpe"], ["asha"])
    assert strategies_of(entrant) == (Tpe(), Asha())
    (entrant, *_) = line_up(["tqe"], ["asha"])
    with pytest.raises(UsageError, match=r"tqe.*tpe"):
        strategies_of(entrant)


def test_code_of_ones_own_takes_the_options(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from optuna.samplers import RandomSampler\nclass Mine(RandomSampler):\n"
                    "    def __init__(self, seed, times=1): super().__init__(seed)\n")  # fmt: skip
    own, built_in, *_ = line_up([f"{file}:Mine", "tpe"], ["none"], sampler_options={"times": 3})
    assert (dict(own.sampler_options), dict(built_in.sampler_options)) == ({"times": 3}, {})
    sampler, _ = strategies_of(own)
    assert isinstance(sampler, ForeignSampler)
    assert own.name == f"{file}:Mine (times=3)"


def test_a_built_in_strategy_takes_part_with_options_of_its_own() -> None:
    ways = line_up(["tpe", {"name": "tpe", "only_feasible": 1}], ["asha", {"name": "median"}], baselines=False)
    assert [way.name for way in ways] == [
        "tpe + asha", "tpe + median", "tpe (only_feasible=1) + asha", "tpe (only_feasible=1) + median",
    ]  # fmt: skip
    assert strategies_of(ways[2]) == (Tpe(only_feasible=1), Asha())
    with pytest.raises(UsageError, match=r"^sampler \{only_feasible: 1\}: give its name"):
        line_up([{"only_feasible": 1}], ["asha"])


@pytest.mark.parametrize("kind", ["sampler", "pruner"])
def test_options_that_nobody_takes_are_refused(kind: str) -> None:
    needs = rf"^--{kind}-option needs your own {kind} in --{kind}s, file\.py:Name, and there is none: (random|asha)\. "
    with pytest.raises(UsageError, match=needs):
        line_up(["random"], ["asha"], **{f"{kind}_options": {"foo": 1}})  # type: ignore[arg-type]
    assert line_up(["random"], ["asha"], sampler_options={}, pruner_options={})


def test_what_does_not_fit_is_said_before_anything_runs() -> None:
    tried_on = TriedOn(space=SPACE, planner=TablePlanner(table()), periods=3)
    (entrant, *_) = line_up([{"name": "curves", "n_startup_trials": 0}], ["asha"])
    with pytest.raises(UsageError, match=r"n_startup_trials is 0; it takes a whole number from 1"):
        check_fit(entrant, tried_on)
    for entrant in line_up(["tpe", "random", "optuna:QMCSampler"], ["asha", "none", "median"]):
        check_fit(entrant, tried_on)


def test_code_that_does_not_repeat_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "moody.py"
    file.write_text("import random\nfrom optuna.samplers import RandomSampler\nclass Moody(RandomSampler):\n"
                    "    def __init__(self, seed): super().__init__(random.randrange(2**31))\n")  # fmt: skip
    (entrant, *_) = line_up([f"{file}:Moody"], ["none"])
    with pytest.raises(UsageError, match=r"Moody.*not repeatable"):
        check_fit(entrant, TriedOn(space=SPACE, planner=TablePlanner(table()), periods=3))
