"""System errors in your own planner and observer: reported as theirs, not as the study's."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import IntegrityError, OperationalError

from search.driver.progress import Header, Observer, Progress
from search.errors import PluginError
from search.event_log.records import TrialRecord
from search.trainer_api import Plan
from support import search_fake as fake

pytestmark = pytest.mark.usefixtures("log_alone")
LOST = FileNotFoundError(2, "No such file or directory", "costs.csv")
TWICE = IntegrityError(
    "INSERT INTO mine VALUES (3)", None, sqlite3.IntegrityError("UNIQUE constraint failed: mine.trial")
)


class Planner(fake.Planner):
    """Fails over the third trial: reads a file that is not there, unless told otherwise."""

    def __init__(self, error: Exception = LOST) -> None:
        super().__init__()
        self.asked = 0
        self._error = error

    def __call__(self, params: Mapping[str, Any]) -> Plan[Mapping[str, Any]]:
        self.asked += 1
        if self.asked == 3:
            raise self._error
        return super().__call__(params)


class Failing(Observer):
    """Cannot write where one of its methods is called."""

    def __init__(self, where: str, error: Exception) -> None:
        self._where = where
        self._error = error

    def on_start(self, header: Header) -> None:
        self._heard("on_start")

    def on_trial(self, trial: TrialRecord) -> None:
        self._heard("on_trial")

    def on_report(self, trial: TrialRecord) -> None:
        self._heard("on_report")

    def on_end(self, trial: TrialRecord) -> None:
        self._heard("on_end")

    def on_progress(self, progress: Progress) -> None:
        self._heard("on_progress")

    def _heard(self, where: str) -> None:
        if where == self._where:
            raise self._error


def test_a_planner_that_cannot_read_is_blamed_itself_and_the_search_goes_on_later(tmp_path: Path) -> None:
    search = fake.make_search(tmp_path, goal=3)
    with pytest.raises(PluginError) as failed:
        replace(search, planner_for=lambda _: Planner()).run()
    assert str(failed.value) == (
        "The planner raised FileNotFoundError: [Errno 2] No such file or directory: 'costs.csv'."
    )
    assert failed.value.__cause__ is LOST
    assert len(search.run().study.finished()) == 3


def test_what_makes_the_planner_is_blamed_like_it(tmp_path: Path) -> None:
    def planner(_: object) -> fake.Planner:
        raise LOST

    with pytest.raises(PluginError, match=r"^The planner raised FileNotFoundError: "):
        replace(fake.make_search(tmp_path), planner_for=planner).run()


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (None, "The planner returned null; it has to return a search.Plan."),
        ((1, 2), "The planner returned [1, 2]; it has to return a search.Plan."),
    ],
)
def test_what_is_no_plan_is_named(tmp_path: Path, made: Any, said: str) -> None:
    class Wrong(fake.Planner):
        def __call__(self, params: Mapping[str, Any]) -> Any:
            return made

    search = fake.make_search(tmp_path, goal=3)
    with pytest.raises(PluginError) as failed:
        replace(search, planner_for=lambda _: Wrong()).run()
    assert str(failed.value) == said
    assert len(search.run().study.finished()) == 3


@pytest.mark.parametrize("where", ["on_start", "on_trial", "on_report", "on_end", "on_progress"])
def test_an_observer_that_cannot_write_is_blamed_itself(tmp_path: Path, where: str) -> None:
    observer = Failing(where, PermissionError(13, "Permission denied"))
    with pytest.raises(PluginError, match=r"^The observer raised PermissionError: \[Errno 13\] Permission denied\.$"):
        fake.run(tmp_path, goal=2, observer=observer)


@pytest.mark.parametrize(
    "error", [TWICE, StorageInternalError("their own storage"), OperationalError("", None, OSError())]
)
def test_a_database_of_the_observers_own_is_not_taken_for_the_studys(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(PluginError, match=rf"^The observer raised {type(error).__name__}: ") as failed:
        fake.run(tmp_path, goal=2, observer=Failing("on_end", error))
    assert failed.value.__cause__ is error
    assert len(fake.run(tmp_path, goal=2).study.finished()) == 2


def test_a_database_of_the_planners_own_is_not_taken_for_the_studys(tmp_path: Path) -> None:
    with pytest.raises(
        PluginError, match=r"^The planner raised IntegrityError: .*UNIQUE constraint failed: mine\.trial"
    ):
        replace(fake.make_search(tmp_path, goal=3), planner_for=lambda _: Planner(TWICE)).run()


def test_whoever_reads_the_output_may_leave(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError):
        fake.run(tmp_path, goal=2, observer=Failing("on_end", BrokenPipeError()))
