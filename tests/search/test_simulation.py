"""A search in virtual time decides what a search on disk decides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.driver.progress import Observer
from search.event_log.records import TrialRecord
from search.simulation import Simulated, simulate
from search.strategies.pruners import Asha, Median, NoPruner, Pruner
from search.strategies.registry import named_pruner
from search.strategies.samplers import Random, Sampler, Tpe
from support.fake_trainer import Trainer
from support.search_fake import Planner, make_spec, run

pytestmark = pytest.mark.slow

BUDGET = 1_500_000


class Spent(Observer):
    cost = 0

    def on_report(self, trial: TrialRecord) -> None:
        self.cost += trial.costs[len(trial.reports) - 1]


def simulated(
    sampler: Sampler, pruner: Pruner, *, workers: int | None = None, widest: int = 48, trainer: Trainer | None = None
) -> Simulated:
    trainer = trainer or Trainer()
    spec = make_spec(sampler, pruner, 4, 7, numerics=trainer.numerics)
    return simulate(
        spec, Planner(widest), trainer, budget=BUDGET, workers=workers, seconds=lambda job: 0.5 + job.trial % 3
    )


STRATEGIES: list[tuple[Sampler, Pruner]] = [
    (Tpe(n_startup_trials=5), Asha()),
    (Random(), NoPruner()),
    (Tpe(n_startup_trials=5), named_pruner("optuna:HyperbandPruner", {"max_resource": 4})),
    (Random(), Median()),
]


@pytest.mark.parametrize(("sampler", "pruner"), STRATEGIES)
def test_the_decisions_are_those_of_a_search_on_disk(tmp_path: Path, sampler: Sampler, pruner: Pruner) -> None:
    spent = Spent()
    options: dict[str, Any] = {"sampler": sampler, "pruner": pruner, "seed": 7, "observer": spent}
    on_disk = run(tmp_path, budget=10_000, stopping=lambda: spent.cost >= BUDGET, **options).study
    found = simulated(sampler, pruner)
    assert found.study.digest == on_disk.digest
    assert found.spent[-1] == spent.cost
    assert found.spent[-2] < BUDGET <= found.spent[-1]


def test_the_number_of_workers_changes_the_time_alone() -> None:
    one, eight = (simulated(*STRATEGIES[0], workers=workers) for workers in (1, 8))
    assert one.study.digest == eight.study.digest
    assert (one.spent, one.reported) == (eight.spent, eight.reported)
    for trial in one.study.trials:
        periods = [period for number, period in one.reported if number == trial.number]
        assert periods == [*range(1, len(trial.reports) + 1)]
    assert one.seconds >= 2 * eight.seconds


def test_a_space_without_feasible_configurations_ends_with_a_sentence() -> None:
    found = simulated(*STRATEGIES[1], widest=1)
    assert "200 trials in a row are infeasible" in str(found.failed)
    assert (found.spent, len(found.study.trials)) == ((), 200)


def test_what_the_trainer_raises_comes_through() -> None:
    class Broken(Trainer):
        def advance(self, config: Any, seed: int, period: int, state: bytes | None) -> Any:
            raise LookupError("not in the table")

    with pytest.raises(LookupError, match="not in the table"):
        simulated(*STRATEGIES[1], trainer=Broken())
