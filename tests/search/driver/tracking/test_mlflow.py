"""The runs of a study in MLflow, read back with its client."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.driver.tracking import channel, log_study
from search.driver.tracking.mlflow_runs import BEGUN, EXPERIMENT, QUIET, STUDY, THE_STUDY, TRIAL
from search.errors import StorageError
from search.study import StoredStudy
from support import search_fake as fake

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # MLflow takes two seconds to import

GOAL = 6
STATUSES = {"complete": "FINISHED", "pruned": "KILLED"}


@pytest.fixture(autouse=True)
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a client of an empty store of files, which needs no migrations of a database."""
    for name, value in {
        **QUIET,
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "MLFLOW_TRACKING_URI": f"file:{tmp_path}/ml",
    }.items():
        monkeypatch.setenv(name, value)
    import mlflow

    return mlflow.MlflowClient()


def runs(client: Any, study: StoredStudy) -> dict[str, Any]:
    experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
    found = client.search_runs([experiment], f"tags.`{STUDY}` = '{study.name}'")
    assert len({run.data.tags[BEGUN] for run in found}) == 1
    named = {run.data.tags[TRIAL]: run for run in found}
    assert len(named) == len(found)
    return named


def check_logged(client: Any, study: StoredStudy) -> None:
    """Check that the runs hold the study, once."""
    found = runs(client, study)
    parent = found.pop(THE_STUDY)
    trained = {str(trial.number): trial for trial in study.trials if trial.is_trained}
    assert found.keys() == trained.keys()
    for number, trial in trained.items():
        run = found[number]
        points = client.get_metric_history(run.info.run_id, "value")
        assert [(point.step, point.value) for point in points] == [
            (step, report.value) for step, report in enumerate(trial.reports, start=1)
        ]
        assert run.data.params == {
            "seed": str(trial.seed), **{path: str(value) for path, value in trial.params.items()}
        }  # fmt: skip
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert (run.data.tags["end"], run.info.status) == (trial.reason, STATUSES[trial.reason])
    assert parent.data.tags["digest"] == study.digest
    assert parent.info.status == "FINISHED"
    assert study.best is not None
    assert parent.data.metrics["best_value"] == study.best.value


def test_a_study_is_a_run_with_a_run_per_trial(tmp_path: Path, client: Any) -> None:
    study = replace(fake.make_search(tmp_path, goal=GOAL), log=["mlflow"]).run().study
    check_logged(client, study)


def test_a_killed_search_continues_its_runs(tmp_path: Path, client: Any) -> None:
    first = replace(fake.make_search(tmp_path, goal=GOAL, stopping=fake.StopAfter(20)), log=["mlflow"]).run().study
    before = runs(client, first)
    assert before[THE_STUDY].info.status == "KILLED"
    done = replace(fake.make_search(tmp_path, goal=GOAL), log=["mlflow"]).run().study
    check_logged(client, done)
    after = runs(client, done)
    assert all(after[number].info.run_id == run.info.run_id for number, run in before.items())


def test_a_finished_study_is_logged_afterwards_and_only_once(tmp_path: Path, client: Any) -> None:
    study = fake.run(tmp_path, goal=GOAL).study
    for _ in range(2):
        log_study(study, ["mlflow"])
        check_logged(client, study)


def test_nothing_is_printed_as_with_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """MLflow prints addresses on stdout if its store is a server."""
    import mlflow.tracking._tracking_service.client as service

    study = fake.run(tmp_path, goal=2).study
    monkeypatch.setattr(service, "RestStore", object)
    monkeypatch.setattr(service, "get_workspace_url", lambda: "http://server")
    log_study(study, ["mlflow"])
    assert capsys.readouterr() == ("", "")


def test_a_server_that_is_away_is_a_notice_and_not_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://name:secret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(channel, "RETRY", 0.05)
    heard = fake.Heard()
    search = replace(fake.make_search(tmp_path, goal=GOAL, observer=heard), log=["mlflow"])
    done = search.run()
    assert done.reached
    assert done.study.digest == fake.run(tmp_path / "alone", goal=GOAL).study.digest
    assert "`mnist-bench studies log fake-0 mlflow" in heard.notices[-1]
    assert len(heard.notices) <= 2
    assert not any("secret" in notice for notice in heard.notices)
    with pytest.raises(StorageError, match="Not all of study fake-0 is logged to mlflow"):
        log_study(done.study, ["mlflow"])
