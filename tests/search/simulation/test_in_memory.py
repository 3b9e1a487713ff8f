"""A search in virtual time decides what a search on disk decides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.driver.progress import Observer
from search.errors import TooManyFailuresError
from search.event_log.records import TrialRecord
from search.simulation.in_memory import Simulated, simulate
from search.strategies.pruners import Asha, Median, NoPruner, Pruner
from search.strategies.registry import named_pruner
from search.strategies.samplers import Random, Sampler, Tpe
from support.fake_trainer import Trainer
from support.search_fake import Planner, make_search, make_spec

pytestmark = pytest.mark.slow

BUDGET = 2_000_000


class Spent(Observer):
    """Adds up what a search spends."""

    cost = 0

    def on_report(self, trial: TrialRecord) -> None:
        """Add the newest period's cost."""
        self.cost += trial.costs[len(trial.reports) - 1]


def simulated(
    sampler: Sampler, pruner: Pruner, *, budget: int = BUDGET, workers: int | None = None, widest: int = 48
) -> Simulated:
    trainer = Trainer()
    spec = make_spec(sampler, pruner, 4, 7, numerics=trainer.numerics)
    return simulate(
        spec, Planner(widest), trainer, budget=budget, workers=workers, seconds=lambda job: 0.5 + job.trial % 3
    )


WAYS: list[tuple[Sampler, Pruner]] = [
    (Tpe(n_startup_trials=5), Asha()),
    (Random(), NoPruner()),
    (Tpe(n_startup_trials=5), named_pruner("optuna:HyperbandPruner", {"max_resource": 4})),
    (Random(), Median()),
]


@pytest.mark.parametrize(("sampler", "pruner"), WAYS)
def test_the_decisions_are_those_of_a_search_on_disk(tmp_path: Path, sampler: Sampler, pruner: Pruner) -> None:
    spent = Spent()
    search = make_search(tmp_path, goal=10_000, sampler=sampler, pruner=pruner, seed=7, observer=spent)
    on_disk = replace(search, stopping=lambda: spent.cost >= BUDGET).run().study
    found = simulated(sampler, pruner)
    assert found.study.digest == on_disk.digest
    assert found.spent[-1] == spent.cost
    assert found.spent[-2] < BUDGET <= found.spent[-1]


def test_the_number_of_workers_changes_the_time_alone() -> None:
    one, eight = (simulated(*WAYS[0], workers=workers) for workers in (1, 8))
    assert one.study.digest == eight.study.digest
    assert (one.spent, one.reported) == (eight.spent, eight.reported)
    assert one.seconds >= 2 * eight.seconds


def test_reports_are_listed_in_the_order_in_which_they_were_taken_up() -> None:
    found = simulated(*WAYS[1])
    counts: dict[int, int] = {}
    for trial, period in found.reported:
        counts[trial] = counts.get(trial, 0) + 1
        assert period == counts[trial]
    assert all(len(found.study.trials[trial].reports) == count for trial, count in counts.items())


def test_a_space_without_feasible_configurations_ends_with_a_sentence() -> None:
    with pytest.raises(TooManyFailuresError, match="infeasible"):
        simulated(*WAYS[1], widest=1)


def test_what_the_trainer_raises_comes_through() -> None:
    class Broken(Trainer):
        def advance(self, config: Any, seed: int, period: int, state: bytes | None) -> Any:
            raise LookupError("not in the table")

    spec = make_spec(Random(), NoPruner(), 4, 7)
    with pytest.raises(LookupError, match="not in the table"):
        simulate(spec, Planner(), Broken(), budget=1, seconds=lambda job: 1.0)
