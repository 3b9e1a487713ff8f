"""Searches with two objectives: one digest however they are run, and pruning that spares what nothing dominates."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given, settings, strategies as st

from search.database import sqlite_url
from search.errors import FingerprintError, UsageError
from search.proposals.prospects import Prospects
from search.strategies.optuna_study import OptunaStudy, shortfall
from search.strategies.pruners import Asha, Median, NoPruner, Pruner
from search.strategies.registry import named_pruner
from search.strategies.samplers import Random, Sampler, Tpe
from search.study import studies
from search.study.spec import fingerprint
from search.trainer_api import PLAIN, Plan
from support import golden_searches, search_fake as fake
from support.dose import dose
from support.paths import DATABASE

pytestmark = pytest.mark.usefixtures("log_alone")

TWO = {**fake.SPACE, "objective": ["val_accuracy", "parameters"]}


class Free:
    """Plans whatever is proposed."""

    codec = PLAIN

    def __call__(self, params: Mapping[str, Any]) -> Plan[Mapping[str, Any]]:
        """See `search.trainer_api.Planner`."""
        return Plan(config=params, costs=(1,))


def memory_of(pruner: Pruner, *, sampler: Sampler | None = None, periods: int = 9) -> OptunaStudy:
    """Return an empty study of a value and the cost "macs" over one range."""
    space = fake.space({"m": {"a": {"float": [0.0, 1.0]}}, "objective": ["val_accuracy", "macs"]})
    parts: dict[str, Any] = {"sampler": sampler or Random(), "pruner": pruner, "seed": 0, "periods": periods}
    prospects = Prospects(space, Free(), 0)
    return OptunaStudy(name="two", space=space, prospects=lambda: prospects, **parts)


def pruned(pruner: Pruner, trials: Sequence[tuple[float, int]]) -> list[int]:
    """Return the numbers of the trials, given by (value at each period, MACs), that are pruned one after the other."""
    memory = memory_of(pruner)
    stopped = []
    for number, (value, macs) in enumerate(trials):
        memory.ask(number)
        memory.weigh({"macs": macs})
        if any(memory.report(number, period, value) for period in range(1, 9)):
            stopped.append(number)
            memory.tell(number, "PRUNED", value)
        else:
            memory.tell(number, "COMPLETE", value)
    return stopped


@pytest.mark.parametrize(("facts", "found"), [({}, "nothing"), ({"parameters": "big"}, "big")])
def test_a_plan_without_its_cost_is_refused_before_it_is_written(
    tmp_path: Path, facts: dict[str, Any], found: str
) -> None:
    options = {"budget": 2, "space_values": TWO}
    with pytest.raises(UsageError) as refused:
        fake.run(tmp_path, planner_for=lambda _: fake.Planner(facts=facts), **options)
    assert str(refused.value) == (
        "The facts of trial 0's plan have to hold its parameters, which the search minimizes, as a number; they hold "
        f"{found}."
    )
    assert len(fake.run(tmp_path, **options).study.finished()) == 2


def test_asha_compares_a_trial_with_those_that_cost_no_more() -> None:
    # #1 is worse than #0 and cheaper; #2 is worse than #1, which costs less; #3 costs as much as #1 and is better, #4
    # as much and is worse; #5 is cheapest and worst.
    trials = [(0.9, 100), (0.8, 50), (0.7, 70), (0.85, 50), (0.5, 50), (0.1, 10)]
    assert pruned(Asha(), trials) == [2, 4]


def test_the_median_is_that_of_complete_trials_that_cost_no_more() -> None:
    trials = [(0.9, 100), (0.5, 50), (0.4, 40), (0.45, 60), (0.6, 100)]
    # Of complete trials #3 meets #1 and #2 (median 0.45), #4 meets #0 to #3 (0.475), #5 meets #1 to #3 (0.45).
    assert pruned(Median(n_startup_trials=2), [*trials, (0.44, 60)]) == [5]
    assert pruned(Median(n_startup_trials=4), [*trials, (0.44, 60)]) == []


OPTUNAS: dict[str, dict[str, Any]] = {
    "HyperbandPruner": {"max_resource": 9},
    "MedianPruner": {"n_startup_trials": 2},
    "NopPruner": {},
    "PatientPruner": {"wrapped_pruner": None, "patience": 2},
    "PercentilePruner": {"percentile": 40.0, "n_startup_trials": 2},
    "SuccessiveHalvingPruner": {"min_resource": 1, "reduction_factor": 2},
    "ThresholdPruner": {"lower": 0.5},
    "WilcoxonPruner": {"p_threshold": 0.4, "n_startup_steps": 2},
}
"""Each pruner of Optuna with options that make it stop trials of eight reports."""


def test_every_pruner_of_optuna_is_held_to_the_costs() -> None:
    exported = {name: getattr(optuna.pruners, name) for name in optuna.pruners.__all__}
    kinds = {name for name, kind in exported.items() if issubclass(kind, optuna.pruners.BasePruner)}
    assert kinds - {"BasePruner"} == set(OPTUNAS)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name == "WilcoxonPruner")) for name in OPTUNAS]
)
def test_the_values_of_dearer_trials_decide_nothing_about_a_cheaper_one(name: str) -> None:
    pruner = named_pruner(f"optuna:{name}", OPTUNAS[name])
    cheap = [((7 * number % 10) / 10, 10) for number in range(12)]
    stopped = []
    for value_of_dear in (0.0, 0.55, 1.0):
        trials = [trial for value, cost in cheap for trial in ((value_of_dear, 1000), (value, cost))]
        stopped.append([number for number in pruned(pruner, trials) if number % 2])
    assert stopped[0] == stopped[1] == stopped[2]
    assert stopped[0] or name in ("NopPruner", "PatientPruner")  # a value that stays the same is awaited


HYPERBAND = named_pruner("optuna:HyperbandPruner", {"max_resource": 9})
COSTED = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), max_size=15)


@given(COSTED, st.sampled_from([*golden_searches.PRUNERS.values(), Asha(), Median(n_startup_trials=1), HYPERBAND]))
@settings(max_examples=dose(60))
def test_what_no_earlier_trial_dominates_is_never_pruned(shapes: list[tuple[int, int]], pruner: Pruner) -> None:
    trials = [(value / 10, macs) for value, macs in shapes]
    for number in pruned(pruner, trials):
        value, macs = trials[number]
        assert any(other > value and cost <= macs for other, cost in trials[:number])


def test_with_one_cost_the_twin_prunes_as_with_one_objective() -> None:
    values = [0.1 * (7 * n % 10) for n in range(30)]
    space = fake.space({"m": {"a": {"float": [0.0, 1.0]}}})
    alone = OptunaStudy(name="two", space=space, sampler=Random(), pruner=HYPERBAND, seed=0, periods=9)
    expected = []
    for number, value in enumerate(values):
        alone.ask(number)
        expected += [number] if any(alone.report(number, period, value) for period in range(1, 9)) else []
    assert pruned(HYPERBAND, [(value, 5) for value in values]) == expected
    assert expected


def test_pruned_trials_are_ordered_below_one_by_how_far_they_went_then_by_value() -> None:
    order = [shortfall(3, 4, 0.2), shortfall(1, 4, 0.9), shortfall(1, 4, 0.1), shortfall(1, 4, 0.0)]
    assert order == sorted(order)
    assert order[0] == pytest.approx((1 + 0.8) / 5)
    assert 0 < shortfall(3, 4, 1.0) < order[0]
    assert order[-1] < 1


def test_tpe_learns_from_both_objectives() -> None:
    """Of a < 0.5 the value falls and the cost rises, so that nothing of the front lies at a > 0.5."""
    memory = memory_of(NoPruner(), sampler=Tpe(n_startup_trials=10))
    drawn = []
    for number in range(60):
        a = memory.ask(number)["m.a"]
        memory.weigh({"macs": a if a < 0.5 else 2 * a})
        memory.tell(number, "COMPLETE", a if a < 0.5 else 0.5 - a / 2)
        drawn.append(a)
    assert sum(a < 0.55 for a in drawn[30:]) >= 25


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a search of two objectives, `two`, some of whose trials are pruned or infeasible."""
    folder = tmp_path_factory.mktemp("results")
    options: dict[str, Any] = {"sampler": Random(), "pruner": Asha(reduction_factor=2), "space_values": TWO}
    run = fake.run(folder, budget=14, name="two", **options)
    assert {trial.reason for trial in run.study.trials} == {"complete", "pruned", "infeasible"}
    return folder


@pytest.mark.slow
def test_optunas_command_line_reads_both_values(results: Path) -> None:
    optuna_command = str(Path(sys.executable).with_name("optuna"))
    command = [optuna_command, "--storage", sqlite_url(results / "two" / DATABASE), "trials", "-f", "json"]
    done = subprocess.run([*command, "--study-name", "two"], capture_output=True, text=True, check=True)
    rows = json.loads(done.stdout)
    assert [row["number"] for row in rows] == list(range(len(rows)))
    assert {frozenset(row["values"]) for row in rows} == {frozenset({"val_accuracy", "parameters"})}


def test_optunas_own_sampler_goes_on_from_the_mirror(results: Path) -> None:
    """Pruned trials with reports would stop it, were they not marked by a constraint."""
    theirs = optuna.load_study(study_name="two", storage=sqlite_url(results / "two" / DATABASE))
    copied = optuna.create_study(directions=["maximize", "minimize"], sampler=optuna.samplers.TPESampler(seed=0))
    copied.add_trials(theirs.trials)
    assert 1 <= copied.ask().suggest_int("model.depth", 1, 3) <= 3


def test_another_objective_is_another_search(results: Path) -> None:
    with pytest.raises(
        FingerprintError, match=r"space.settings.objective: \['val_accuracy', 'parameters'\] then, - now"
    ):
        fake.run(results, budget=14, name="two", sampler=Random(), pruner=Asha(reduction_factor=2))
    specs = [fake.make_spec(Random(), Asha(), 4, 0, space=fake.space(values)).to_json() for values in (fake.SPACE, TWO)]
    assert fingerprint(specs[0]) != fingerprint(specs[1])


def test_the_best_is_the_most_accurate_one(results: Path) -> None:
    read = studies.open_study(results, "two")
    assert read.cost == "parameters"
    assert read.best is not None
    assert read.best.value == max(trial.value or 0 for trial in read.complete())
