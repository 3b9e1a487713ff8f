"""Your own planner, observer and callbacks: what they hear, and that their system errors are reported as theirs."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import IntegrityError, OperationalError

import search
from search.driver.progress import Observer
from search.errors import PluginError, UsageError
from search.event_log.records import TrialRecord
from support import search_fake as fake

pytestmark = pytest.mark.usefixtures("log_alone")
LOST = FileNotFoundError(2, "No such file or directory", "costs.csv")
TWICE = IntegrityError(
    "INSERT INTO mine VALUES (3)", None, sqlite3.IntegrityError("UNIQUE constraint failed: mine.trial")
)


class Planner(fake.Planner):
    """Raises an error, or returns what is no plan, over the third trial."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.asked = 0
        self._answer = answer

    def __call__(self, params: Mapping[str, Any]) -> Any:
        self.asked += 1
        if self.asked != 3:
            return super().__call__(params)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def failing(where: str, error: Exception) -> Observer:
    """Return an observer that raises an error where one of its methods is called."""

    def fail(told: object) -> None:
        raise error

    observer = Observer()
    setattr(observer, where, fail)
    return observer


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (LOST, "The planner raised FileNotFoundError: [Errno 2] No such file or directory: 'costs.csv'."),
        (TWICE, "The planner raised IntegrityError: (sqlite3.IntegrityError) UNIQUE constraint failed: mine.trial"),
        (None, "The planner returned null; it has to return a search.Plan."),
        ((1, 2), "The planner returned [1, 2]; it has to return a search.Plan."),
    ],
)
def test_a_planner_that_fails_is_blamed_itself_and_the_search_goes_on_later(
    tmp_path: Path, answer: Any, said: str
) -> None:
    with pytest.raises(PluginError) as failed:
        fake.run(tmp_path, budget=3, planner_for=lambda _: Planner(answer))
    assert str(failed.value).startswith(said)
    assert failed.value.__cause__ is (answer if isinstance(answer, Exception) else None)
    assert len(fake.run(tmp_path, budget=3).study.finished()) == 3


def test_what_makes_the_planner_is_blamed_like_it(tmp_path: Path) -> None:
    def planner(_: object) -> fake.Planner:
        raise LOST

    with pytest.raises(PluginError, match=r"^The planner raised FileNotFoundError: "):
        fake.run(tmp_path, planner_for=planner)


@pytest.mark.parametrize("where", ["on_start", "on_trial", "on_report", "on_end", "on_progress"])
def test_an_observer_that_cannot_write_is_blamed_itself(tmp_path: Path, where: str) -> None:
    observer = failing(where, PermissionError(13, "Permission denied"))
    with pytest.raises(PluginError, match=r"^The observer raised PermissionError: \[Errno 13\] Permission denied\.$"):
        fake.run(tmp_path, budget=2, observer=observer)


@pytest.mark.parametrize(
    "error",
    [TWICE, StorageInternalError("their own"), OperationalError("", None, OSError()), sqlite3.OperationalError("busy")],
)
def test_a_database_of_the_observers_own_is_not_taken_for_the_studys(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(PluginError, match=rf"^The observer raised {type(error).__name__}: ") as failed:
        fake.run(tmp_path, budget=2, observer=failing("on_end", error))
    assert failed.value.__cause__ is error
    assert len(fake.run(tmp_path, budget=2).study.finished()) == 2


def test_whoever_reads_the_output_may_leave(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError):
        fake.run(tmp_path, budget=2, observer=failing("on_end", BrokenPipeError()))


def test_each_end_is_one_call_also_of_a_resumed_search(tmp_path: Path) -> None:
    ended: list[TrialRecord] = []
    for stopping in (fake.StopAfter(20), lambda: False):
        run = fake.run(tmp_path, budget=6, stopping=stopping, callbacks=[ended.append])
    assert sorted(ended, key=lambda trial: trial.number) == run.study.finished()


def test_the_search_of_a_function_calls_them_too(tmp_path: Path) -> None:
    values: set[float | None] = set()
    options: dict[str, Any] = {"trials": 2, "results": tmp_path, "callbacks": [lambda trial: values.add(trial.value)]}
    study = search.run(lambda config: config.x, {"x": {"float": [0.0, 1.0]}}, **options)
    assert values == {trial.value for trial in study.trials}


def test_what_a_function_raises_ends_the_search_which_resumes(tmp_path: Path) -> None:
    def broken(trial: TrialRecord) -> None:
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        fake.run(tmp_path, budget=4, callbacks=[broken])
    assert fake.run(tmp_path, budget=4).study.digest == fake.run(tmp_path / "alone", budget=4).study.digest


@pytest.mark.parametrize("wrong", ["note", [3]])
def test_no_function_is_told_before_the_search(tmp_path: Path, wrong: Any) -> None:
    with pytest.raises(UsageError, match="callbacks"):
        fake.run(tmp_path, budget=4, callbacks=wrong)
    assert not (tmp_path / "fake-0" / "study.db").exists()
