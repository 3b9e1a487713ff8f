"""The study in memory as a history left it."""

from __future__ import annotations

from search.event_log import History
from search.strategies import OptunaStudy, frozen_trial
from search.study import StudySpec, fingerprint


def restored(spec: StudySpec, history: History) -> OptunaStudy:
    """Return the in-memory study with all trials of a history."""
    optuna_study = OptunaStudy(
        name=fingerprint(history.spec),
        space=spec.space,
        sampler=spec.sampler,
        pruner=spec.pruner,
        seed=spec.seed,
        periods=spec.periods,
        cost=spec.cost,
    )
    for trial in history.trials:
        values = {period: r.value for period, r in enumerate(trial.reports, 1) if r.value is not None}
        told_value = trial.value if trial.reason in ("complete", "pruned") else None
        optuna_study.restore(
            frozen_trial(
                optuna_study.ranges,
                state=trial.state,
                params=trial.params,
                value=told_value,
                values=values,
                system_attrs=history.attributes[trial.number],
            ),
            trial.facts,
        )
    return optuna_study
