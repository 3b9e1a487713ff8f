"""The objective of Optuna alone: our trainer's periods, counted, reported and pruned."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
import soaked

from mnist_bench.data.choice import DataOptions
from mnist_bench.data.mnist import load_training_set
from mnist_bench.space_files import space_sources

SPACE = space_sources.load("smoke", ["epochs=2", "limits={}"])


class PruneTrial(optuna.pruners.BasePruner):
    """Prunes one trial after its first period."""

    def __init__(self, number: int) -> None:
        self._number = number

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        return trial.number == self._number


def test_trials_report_every_period_that_is_begun_and_can_be_pruned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(soaked.VARIABLE, str(tmp_path / "begun"))
    trainer = soaked.make_trainer(
        **soaked.counted_spec(load_training_set(DataOptions(subset=300)), device="cpu").options
    )
    sampler = optuna.samplers.RandomSampler(0)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=PruneTrial(1))
    study.optimize(soaked.make_objective(SPACE, trainer), n_trials=2)
    whole, pruned = study.trials
    assert list(whole.intermediate_values) == [1, 2]
    assert whole.value == whole.intermediate_values[2]
    assert list(pruned.intermediate_values) == [1]
    begun = [line.split() for line in (tmp_path / "begun").read_text().splitlines()]
    assert [period for _, period in begun] == ["1", "2", "1"]
    assert begun[0][0] == begun[1][0] != begun[2][0]


def test_a_study_is_made_once_and_takes_the_pruner_of_the_space(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    first, second = (soaked.make_study(url, SPACE) for _ in range(2))
    assert first.study_name == second.study_name
    assert isinstance(second.pruner, optuna.pruners.SuccessiveHalvingPruner)
