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
UNIQUE = sqlite3.IntegrityError("UNIQUE constraint failed: mine.trial")
TWICE = IntegrityError("INSERT INTO mine VALUES (3)", None, UNIQUE)
EVENTS = ("on_start", "on_trial", "on_report", "on_end", "on_progress")


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
    def fail(told: object) -> None:
        raise error

    observer = Observer()
    setattr(observer, where, fail)
    return observer


def no_planner(_: object) -> fake.Planner:
    raise LOST


@pytest.mark.parametrize(
    ("own", "said", "cause"),
    [
        (
            {"planner_for": lambda _: Planner(LOST)},
            "The planner raised FileNotFoundError: [Errno 2] No such file",
            LOST,
        ),
        ({"planner_for": lambda _: Planner(TWICE)}, "The planner raised IntegrityError: (sqlite3.Integrity", TWICE),
        ({"planner_for": no_planner}, "The planner raised FileNotFoundError: ", LOST),
        ({"planner_for": lambda _: Planner(None)}, "The planner returned null; it has to return a search.Plan.", None),
        ({"planner_for": lambda _: Planner((1, 2))}, "The planner returned [1, 2]; it has to return a search.Pl", None),
        *(
            ({"observer": failing(where, error)}, f"The observer raised {type(error).__name__}: ", error)
            for where in EVENTS
            for error in [PermissionError(13, "Permission denied")]
        ),
        *(
            ({"observer": failing("on_end", error)}, f"The observer raised {type(error).__name__}: ", error)
            for error in (TWICE, StorageInternalError("their own"), OperationalError("", None, OSError()), UNIQUE)
        ),
    ],
)
def test_what_fails_is_blamed_itself_and_the_search_goes_on_later(
    tmp_path: Path, own: dict[str, Any], said: str, cause: Exception | None
) -> None:
    with pytest.raises(PluginError) as failed:
        fake.run(tmp_path, budget=3, **own)
    assert str(failed.value).startswith(said)
    assert failed.value.__cause__ is cause
    assert len(fake.run(tmp_path, budget=3).study.finished()) == 3


def test_whoever_reads_the_output_may_leave(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError):
        fake.run(tmp_path, budget=2, observer=failing("on_end", BrokenPipeError()))


def test_each_end_is_one_call_also_of_a_resumed_search(tmp_path: Path) -> None:
    ended: list[TrialRecord] = []
    for stopping in (fake.StopAfter(20), lambda: False):
        run = fake.run(tmp_path, budget=6, stopping=stopping, callbacks=[ended.append])
    assert sorted(ended, key=lambda trial: trial.number) == run.study.finished()
    values: set[float | None] = set()
    options: dict[str, Any] = {"trials": 2, "results": tmp_path, "callbacks": [lambda trial: values.add(trial.value)]}
    study = search.run(lambda config: config.x, {"x": {"float": [0.0, 1.0]}}, **options)
    assert values == {trial.value for trial in study.trials}


def test_what_a_callback_raises_ends_the_search_which_resumes(tmp_path: Path) -> None:
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
