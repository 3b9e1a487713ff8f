"""Resuming after a history: the study in memory as it was left, and the files that a driver which died left behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from search.errors import FOREIGN, SearchError, StorageError
from search.event_log import History, TrialRecord, repeats
from search.messages import first_line
from search.proposals import Prospects
from search.space import constrained
from search.strategies import OptunaStudy, frozen_trial
from search.study import CheckpointStore, StudySpec, fingerprint
from search.trainer_api import Codec, Planner


def restored(spec: StudySpec, history: History, planner: Planner[Any] | None) -> OptunaStudy:
    """Return the in-memory study with all trials of a history.

    The planner informs samplers about feasibility; your own samplers do not ask.
    """
    optuna_study = OptunaStudy(
        name=fingerprint(history.spec),
        space=spec.space,
        sampler=spec.sampler,
        pruner=spec.pruner,
        seed=spec.seed,
        periods=spec.periods,
        cost=spec.cost,
        direction=spec.direction,
        lasting=not repeats(spec.order),
        prospects=None
        if planner is None
        else partial(Prospects, spec.space, constrained(planner, spec.space), spec.seed),
    )
    for trial in history.trials:
        # As floats, which the running search gave to Optuna: whole numbers beyond 2^53 would differ again.
        values = {period: float(r.value) for period, r in enumerate(trial.reports, 1) if r.value is not None}
        told_value = None
        if trial.value is not None and trial.reason in ("complete", "pruned"):
            told_value = float(trial.value)
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


def check_readable(codec: Codec[Any], history: History) -> None:
    """Check that a codec reads the configurations of the trials to be trained; else each would be recorded as crashed.

    Raises:
        StorageError: it does not read one.
    """
    for trial in history.running():
        if history.is_decided(trial.number):
            continue
        try:
            codec.from_json(trial.config)
        except SearchError:
            raise
        except FOREIGN as error:  # the codec of a custom trainer may raise anything
            raise StorageError(
                f"The configuration of trial {trial.number} cannot be read ({first_line(error)}); resume with the "
                "trainer that began the study."
            ) from error


OnTrialEnd = Callable[[TrialRecord, bytes, Sequence[TrialRecord]], None]
"""Keeps files of a complete trial. Gets the trial, its state after the last period, and all complete trials including
this one. May be called again for the same trial after a restart."""


def keep_nothing(trial: TrialRecord, state: bytes, complete: Sequence[TrialRecord]) -> None:
    """Do nothing; the default of OnTrialEnd."""


def release(trial: TrialRecord, history: History, states: CheckpointStore, on_trial_end: OnTrialEnd) -> None:
    """Hand on a complete trial's last state, and remove all states of an ended trial."""
    if trial.state == "COMPLETE" and (kept := states.get(trial.number, len(trial.reports))):
        on_trial_end(trial, kept[1], history.complete())
    states.drop(trial.number, range(1, len(trial.costs) + 1))


def clean_up(history: History, states: CheckpointStore, on_trial_end: OnTrialEnd) -> None:
    """Release ended trials whose states are still there, and remove files that were never finished."""
    states.drop_unfinished()
    for number in sorted(states.trials()):
        if number >= len(history.trials):
            states.drop_trial(number)
        elif history.trials[number].state != "RUNNING":
            release(history.trials[number], history, states, on_trial_end)
