"""Optuna's storage, with one question less: whether a study's ranges changed since its first trial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.storages import RDBStorage
from optuna.storages._rdb import models

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class StudyStorage(RDBStorage):
    """A storage whose studies keep their ranges, as the fingerprint sees to.

    For every parameter of a new trial Optuna reads the trial and an earlier value of that parameter, to compare the
    ranges: two queries through its ORM, for 22 parameters more than half of what a trial costs the driver
    (benchmarks/driver_cost.py). Here a parameter is a row and no query. The method is private to Optuna; where a later
    release has another, this one is not called, and all goes on at Optuna's pace.
    """

    def _set_trial_param_without_commit(
        self,
        session: Session,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
        *_: Any,
    ) -> None:
        row = models.TrialParamModel(
            trial_id=trial_id,
            param_name=param_name,
            param_value=param_value_internal,
            distribution_json=distribution_to_json(distribution),
        )
        session.add(row)
