"""Optuna's storage with fewer queries: a study keeps some rules anyway, and the values of a new trial are known."""

from __future__ import annotations

import json
from copy import copy
from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class StudyStorage(RDBStorage):
    """A storage whose studies keep their ranges, as the fingerprint sees to.

    For every parameter of a new trial Optuna reads the trial and an earlier value of that parameter, to compare the
    ranges: two queries through its ORM, for 22 parameters more than half of the driver's time for a trial
    (benchmarks/costs.py). Here a parameter is a row and no query, and so is an attribute that a trial begins
    with. The methods are private to Optuna; if a later release has others, these are not called, and everything works
    at Optuna's pace.
    """

    _newest = (-1, -1)
    """Identity and number of the trial that was made last."""

    def _get_prepared_new_trial(
        self, study_id: int, template_trial: FrozenTrial | None, session: Session
    ) -> models.TrialModel:
        bare = copy(template_trial)
        if bare is not None:
            bare.user_attrs, bare.system_attrs = {}, {}
        trial = super()._get_prepared_new_trial(study_id, bare, session)
        if template_trial is not None:
            attributes = (
                (models.TrialUserAttributeModel, template_trial.user_attrs),
                (models.TrialSystemAttributeModel, template_trial.system_attrs),
            )
            session.add_all(
                table(trial_id=trial.trial_id, key=key, value_json=json.dumps(value))
                for table, values in attributes
                for key, value in values.items()
            )
        self._newest = int(trial.trial_id), int(trial.number)
        return trial

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

    def get_trial_number_from_id(self, trial_id: int) -> int:
        """Return the number of a trial, which Optuna's own reads with all else of it; of the newest it is known."""
        known, number = self._newest
        return number if known == trial_id else super().get_trial_number_from_id(trial_id)
