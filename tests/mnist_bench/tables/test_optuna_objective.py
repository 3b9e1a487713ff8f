"""Optuna searches a table: it proposes, the table answers, its pruner stops."""

from __future__ import annotations

import optuna
from optuna.trial import TrialState

from mnist_bench.tables.recorded_benchmark import RecordedBenchmark, load
from support import tables
from support.paths import TESTS

optuna.logging.set_verbosity(optuna.logging.ERROR)


def searched(table: RecordedBenchmark, trials: int) -> optuna.Study:
    sampler, pruner = optuna.samplers.RandomSampler(seed=0), optuna.pruners.MedianPruner(n_startup_trials=3)
    study = optuna.create_study(sampler=sampler, pruner=pruner)
    study.optimize(table.objective(seed=1), n_trials=trials)
    return study


def test_every_period_is_reported_and_what_the_pruner_stops_ends_there() -> None:
    table = tables.table()
    study = searched(table, 40)
    ended = {state: [trial for trial in study.trials if trial.state == state] for state in TrialState}
    assert len(ended[TrialState.COMPLETE]) + len(ended[TrialState.PRUNED]) == 40
    assert ended[TrialState.PRUNED]
    for trial in ended[TrialState.COMPLETE]:
        curve = table.curve(trial.params, seed=1)
        assert trial.user_attrs == {"point": table.point_of(trial.params), "distance": 0.0}
        assert trial.intermediate_values == {period: count / 10_000 for period, count in enumerate(curve.errors, 1)}
        assert trial.value == curve.errors[-1] / 10_000
    assert all(len(trial.intermediate_values) < 3 for trial in ended[TrialState.PRUNED])


def test_a_range_whose_condition_does_not_hold_is_not_suggested() -> None:
    trials = searched(tables.table(), 20).trials
    suggested = {(trial.params["model.hidden_layers"], "model.hidden_batchnorm" in trial.params) for trial in trials}
    assert suggested == {(0, False), (1, True)}


def test_on_a_pool_a_proposal_goes_to_the_nearest_point_and_the_trial_says_so() -> None:
    small = load(str(TESTS / "data" / "small.npz"))
    study = searched(small, 5)
    for trial in study.trials:
        assert trial.user_attrs["point"] == small.nearest(trial.params, seed=1)
        assert 0 < trial.user_attrs["distance"] < 3
        assert trial.intermediate_values[1] == small.curve(trial.user_attrs["point"], 1).errors[0] / 10_000
