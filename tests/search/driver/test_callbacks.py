"""Functions that are called with each trial that has ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import search
from search.errors import UsageError
from search.event_log.records import TrialRecord
from support import search_fake as fake

pytestmark = pytest.mark.usefixtures("log_alone")


def test_each_end_is_one_call_also_of_a_resumed_search(tmp_path: Path) -> None:
    ended: list[TrialRecord] = []
    for stopping in (fake.StopAfter(20), lambda: False):
        run = fake.run(tmp_path, goal=6, stopping=stopping, callbacks=[ended.append])
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
        fake.run(tmp_path, goal=4, callbacks=[broken])
    assert fake.run(tmp_path, goal=4).study.digest == fake.run(tmp_path / "alone", goal=4).study.digest


@pytest.mark.parametrize("wrong", ["note", [3]])
def test_no_function_is_told_before_the_search(tmp_path: Path, wrong: Any) -> None:
    with pytest.raises(UsageError, match="callbacks"):
        fake.run(tmp_path, goal=4, callbacks=wrong)
    assert not (tmp_path / "fake-0" / "study.db").exists()
