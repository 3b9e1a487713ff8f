"""The event files of a study, read back with TensorBoard's own reader."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2

from search.driver.tracking import log_study
from search.driver.tracking.tensorboard_files import FILE
from search.event_log import TrialRecord
from search.study import StoredStudy
from support import search_fake as fake

GOAL = 8


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StoredStudy:
    """Return a study that was logged while it was searched."""
    return replace(fake.make_search(tmp_path_factory.mktemp("logged"), goal=GOAL), log=["tensorboard"]).run().study


def events(study: StoredStudy, run: str | int) -> Any:
    read = EventAccumulator(str(study.files.tensorboard / str(run)), size_guidance={"scalars": 0, "tensors": 0})
    return read.Reload()


def trained(study: StoredStudy) -> list[TrialRecord]:
    return [trial for trial in study.trials if trial.is_trained]


def sizes(study: StoredStudy) -> dict[Path, int]:
    return {path: path.stat().st_size for path in study.files.tensorboard.rglob(FILE)}


def test_each_trial_is_a_run_with_a_point_per_report(study: StoredStudy) -> None:
    runs = {path.name for path in study.files.tensorboard.iterdir()}
    assert runs == {"study", *(str(trial.number) for trial in trained(study))}
    for trial in trained(study):
        points = events(study, trial.number).Scalars("value")
        assert [point.step for point in points] == list(range(1, len(trial.reports) + 1))
        assert [point.value for point in points] == pytest.approx([report.value for report in trial.reports])
        assert [point.wall_time for point in points] == [report.handled for report in trial.reports]
        for name in trial.reports[0].metrics:
            assert len(events(study, trial.number).Scalars(name)) == len(trial.reports)


def test_the_parameters_and_the_end_are_a_row_of_hparams(study: StoredStudy) -> None:
    statuses = {"complete": api_pb2.STATUS_SUCCESS, "pruned": api_pb2.STATUS_UNKNOWN}
    for trial in trained(study):
        held = events(study, trial.number).summary_metadata
        start, end = (
            plugin_data_pb2.HParamsPluginData.FromString(held[f"_hparams_/{kind}"].plugin_data.content)
            for kind in ("session_start_info", "session_end_info")
        )
        logged = start.session_start_info.hparams
        assert set(logged) == set(trial.params)
        assert logged["optim.lr"].number_value == trial.params["optim.lr"]
        assert logged["model.kind"].string_value == str(trial.params["model.kind"])
        assert end.session_end_info.status == statuses[trial.reason]
        (text,) = events(study, trial.number).Tensors("trial")[0].tensor_proto.string_val
        assert f"seed {trial.seed}" in text.decode()


def test_the_digest_is_a_text_of_the_study(study: StoredStudy) -> None:
    (point,) = events(study, "study").Tensors("study")
    assert study.digest in point.tensor_proto.string_val[0].decode()
    assert point.step == GOAL


def test_logged_again_nothing_is_added(study: StoredStudy) -> None:
    before = sizes(study)
    log_study(study, ["tensorboard"])
    assert sizes(study) == before


def test_a_torn_record_is_completed(study: StoredStudy) -> None:
    trial = trained(study)[0]
    path = study.files.tensorboard / str(trial.number) / FILE
    whole = path.read_bytes()
    for length in (0, 5, 40, len(whole) - 1):
        path.write_bytes(whole[:length])
        log_study(study, ["tensorboard"])
        assert path.read_bytes() == whole


def test_a_killed_search_continues_its_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = replace(fake.make_search(tmp_path, goal=GOAL, stopping=fake.StopAfter(25)), log=["tensorboard"]).run()
    assert not first.reached
    before = sizes(first.study)
    done = replace(fake.make_search(tmp_path, goal=GOAL), log=["tensorboard"]).run()
    assert done.reached
    assert all(size >= before.get(path, 0) for path, size in sizes(done.study).items())
    for trial in trained(done.study):
        assert [point.step for point in events(done.study, trial.number).Scalars("value")] == list(
            range(1, len(trial.reports) + 1)
        )


def test_a_running_study_is_logged_as_far_as_it_is(tmp_path: Path) -> None:
    part = fake.make_search(tmp_path, goal=GOAL, stopping=fake.StopAfter(25)).run().study
    log_study(part, ["tensorboard"])
    whole = fake.run(tmp_path, goal=GOAL).study
    log_study(whole, ["tensorboard"])
    assert len(events(whole, "study").Tensors("study")) == 2
    for trial in trained(whole):
        assert len(events(whole, trial.number).Scalars("value")) == len(trial.reports)
