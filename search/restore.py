"""The study in memory as a history left it."""

from __future__ import annotations

from search.history import History
from search.memory import MemoryStudy, frozen_trial
from search.spec import StudySpec, fingerprint


def restored(spec: StudySpec, history: History) -> MemoryStudy:
    """Return the in-memory study with all trials of a history."""
    memory = MemoryStudy(
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
        memory.restore(
            frozen_trial(
                memory.ranges,
                state=trial.state,
                params=trial.params,
                value=told_value,
                values=values,
                system_attrs=history.attributes[trial.number],
            ),
            trial.facts,
        )
    return memory
