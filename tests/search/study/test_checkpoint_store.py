"""Checkpoints: whole or not believed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from search.errors import StorageError, UsageError
from search.study.checkpoint_store import CheckpointStore
from search.trainer_api import Report
from support import damage
from support.dose import dose

REPORT = Report(
    value=0.5,
    metrics={"epoch": 1.0, "val_loss": None},
    weights="ab",
    measured={"seconds": 1.5},
    details={"correct": "x"},
)


def test_what_was_put_is_got(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path / "states")
    store.put(3, 1, REPORT, b"\x00weights")
    assert store.get(3, 1) == (REPORT, b"\x00weights")
    assert store.get(3, 2) is None
    assert store.trials() == {3}


def test_dropping_spares_other_periods_and_other_trials(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    for trial, period in [(1, 1), (1, 2), (11, 1)]:
        store.put(trial, period, REPORT, b"s")
    store.drop(1, [1, 3])
    assert store.get(1, 1) is None
    assert store.get(1, 2) is not None
    store.drop_trial(1)
    assert store.trials() == {11}


@settings(max_examples=dose(200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), kind=damage.KINDS)
def test_every_damage_is_noticed(tmp_path: Path, data: st.DataObject, kind: str) -> None:
    store = CheckpointStore(tmp_path)
    store.put(0, 1, REPORT, bytes(range(1, 200)))
    path = next(tmp_path.iterdir())
    damage.damage(path, kind, data)
    assert store.get(0, 1) is None


def test_a_folder_in_a_checkpoints_place_is_no_checkpoint_and_cannot_be_written(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    (tmp_path / "3-1.state" / "something").mkdir(parents=True)
    assert store.get(3, 1) is None
    with pytest.raises(
        StorageError, match=r"3-1\.state: cannot be written \(Is a directory\)\. Nothing written is lost"
    ):
        store.put(3, 1, REPORT, b"s")
    store.put(3, 2, REPORT, b"s")
    assert store.get(3, 2) == (REPORT, b"s")


def test_a_file_in_the_place_of_their_folder_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "states").touch()
    with pytest.raises(UsageError, match="states: cannot be created as a folder"):
        CheckpointStore(tmp_path / "states")
