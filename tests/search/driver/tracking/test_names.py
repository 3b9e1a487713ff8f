"""The programs that may be named, and a lock per program."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from search.database import file_lock
from search.driver.tracking import log_study, names, trackers
from search.errors import StudyLockedError, UsageError
from support import search_fake as fake


def test_each_program_counts_once() -> None:
    assert trackers(["mlflow", "tensorboard", "mlflow"]) == ("mlflow", "tensorboard")


def test_another_name_or_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"log='tensorbord': .*did you mean `tensorboard`"):
        trackers(["tensorbord"])
    with pytest.raises(UsageError, match="give a list"):
        trackers("mlflow")
    monkeypatch.setattr(names, "find_spec", lambda name: None)
    with pytest.raises(
        UsageError, match=r"^log=mlflow needs the package mlflow, .*; `pip install 'mnist-bench\[mlflow\]'` adds it\.$"
    ):
        trackers(["mlflow"])


def test_a_second_process_does_not_log_the_same_study(tmp_path: Path) -> None:
    study = fake.run(tmp_path, goal=2).study
    with file_lock.driver_lock(study.files.log_lock("tensorboard"), "test"):
        with pytest.raises(StudyLockedError, match="log of study fake-0 to tensorboard"):
            log_study(study, ["tensorboard"])
        heard = fake.Heard()
        search = fake.make_search(tmp_path, goal=4, observer=heard)
        assert replace(search, log=["tensorboard"]).run().reached
    assert len(heard.notices) == 1
    assert not study.files.tensorboard.exists()
