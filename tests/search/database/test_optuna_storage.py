"""The storage that asks less writes what Optuna's own writes."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import sqlalchemy
from optuna import create_trial
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState

from search.database.optuna_storage import StudyStorage

RANGES: dict[str, BaseDistribution] = {
    "lr": FloatDistribution(1e-4, 1e-1, log=True),
    "width": IntDistribution(8, 64, step=8),
    "kind": CategoricalDistribution(("a", "b")),
}


def rows(storage: RDBStorage) -> dict[str, list[str]]:
    """Return what a new trial has as it stands in the database, by table."""
    study = storage.create_new_study([StudyDirection.MAXIMIZE])
    params = {"lr": 0.003, "width": 24, "kind": "b"}
    template = create_trial(
        state=TrialState.RUNNING, params=params, distributions=RANGES, system_attrs={"a": 1}, user_attrs={"b": [2]}
    )
    trial = storage.get_trial(storage.create_new_trial(study, template))
    assert trial.params == params
    assert (trial.system_attrs, trial.user_attrs) == ({"a": 1}, {"b": [2]})
    assert [storage.get_trial_number_from_id(each._trial_id) for each in storage.get_all_trials(study)] == [0]
    with pytest.raises(KeyError):
        storage.get_trial_number_from_id(999)
    assert template.user_attrs == {"b": [2]}
    made = sqlalchemy.MetaData()
    made.reflect(storage.engine)
    with storage.engine.connect() as connection:
        return {
            name: sorted(map(str, connection.execute(made.tables[name].select())))
            for name in ("trial_params", "trial_user_attributes", "trial_system_attributes")
        }


def test_the_same_rows_as_optunas(tmp_path: Path) -> None:
    assert rows(StudyStorage(f"sqlite:///{tmp_path}/ours.db")) == rows(RDBStorage(f"sqlite:///{tmp_path}/optuna.db"))


@pytest.mark.parametrize("storage", [RDBStorage, StudyStorage])
def test_optuna_still_calls_what_is_replaced(storage: type[RDBStorage]) -> None:
    # A release of Optuna that writes parameters elsewhere makes the replacement useless, and this test fail.
    one, other = storage._set_trial_param_without_commit, storage._get_prepared_new_trial
    parameters = ["self", "session", "trial_id", "param_name", "param_value_internal", "distribution"]
    assert list(inspect.signature(one).parameters)[:6] == parameters
    assert list(inspect.signature(other).parameters) == ["self", "study_id", "template_trial", "session"]
    assert one.__name__ in inspect.getsource(RDBStorage._get_prepared_new_trial)
    assert other.__name__ in inspect.getsource(RDBStorage._create_new_trial)
