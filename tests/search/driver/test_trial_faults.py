"""Trials that go wrong in their worker processes: what is run again, what ends the trial, and what the study keeps."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from search.event_log.events import Told
from search.event_log.records import StudyRecord, TrialRecord
from search.strategies.pruners import Median, NoPruner, Pruner
from search.strategies.samplers import Curves, Sampler, Tpe
from search.study import studies
from support import golden_searches, search_fake as fake
from support.paths import DATABASE
from support.scripted import Clock, Scripted, raised

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("log_alone")]

OVER_TIME: dict[str, Any] = {"budget": 12, "pruner": NoPruner(), "behaviour": "claim_time", "trial_timeout": 1.0}
"""A search in which each trial has used up its time after three of its four periods."""


def timed_out(found: StudyRecord) -> list[TrialRecord]:
    return [trial for trial in found.trials if trial.reason == "timed_out"]


def test_a_crash_is_run_once_more_and_then_a_result(tmp_path: Path, clock: Clock) -> None:
    executor = Scripted(clock, lambda job: raised(job) if (job.trial, job.period) == (2, 2) else None)
    found = fake.run(tmp_path, budget=6, pruner=NoPruner(), widest=64, executor=executor).study
    assert [(job.trial, job.period) for _, job in executor.started].count((2, 2)) == 2
    assert [(trial.number, trial.state) for trial in found.trials if trial.state != "COMPLETE"] == [(2, "FAIL")]
    assert len(found.trials[2].reports) == 1


@pytest.mark.parametrize(
    ("behaviour", "workers", "last_line", "named"),
    [
        ("raise", 0, "ZeroDivisionError: the fake trainer divides by zero", "fake_trainer.py"),
        ("segfault", 2, "SIGSEGV", ""),
    ],
)
def test_a_crash_keeps_its_last_lines_in_the_record(
    tmp_path: Path, behaviour: str, workers: int, last_line: str, named: str
) -> None:
    found = fake.run(tmp_path, budget=12, behaviour=behaviour, workers=workers).study
    crashed = [trial for trial in found.trials if trial.reason == "crashed"]
    assert {trial.state for trial in crashed} == {"FAIL"}
    assert len(found.finished()) == 12
    for trial in crashed:
        assert last_line in str(trial.error).splitlines()[-1]
        assert named in str(trial.error)


def test_a_trial_that_trains_too_long_is_killed_and_ends_as_timed_out(tmp_path: Path) -> None:
    """Some trials hang in their second period; those beside them are unharmed."""
    options = {**OVER_TIME, "budget": 8, "behaviour": "hang_in_second"}
    found = fake.run(tmp_path, workers=2, **options).study
    external = {event.trial for event in fake.events_of(tmp_path) if isinstance(event, Told) and event.external}
    trained = [trial for trial in found.trials if trial.reason != "infeasible"]
    assert external == {trial.number for trial in trained if trial.seed % 4 == 0}
    assert 0 < len(external) < len(trained) == 8
    trainer = fake.Trainer()
    for trial in trained:
        hangs, mark = trial.number in external, tmp_path / "marks" / f"{trial.seed}-2"
        assert (trial.state, trial.reason, trial.external, len(trial.reports)) == (
            ("PRUNED", "timed_out", True, 1) if hangs else ("COMPLETE", "complete", False, fake.PERIODS)
        )
        assert trial.error == ("Training took more than 1 s (--trial-timeout)." if hangs else None)
        assert (mark.stat().st_size if mark.exists() else 0) == hangs
        state = None
        for period, report in enumerate(trial.reports, start=1):
            state, again = trainer.advance(trial.config, trial.seed, period, state)
            assert (again.value, again.weights) == (report.value, report.weights)


def test_an_end_by_time_is_replayed_however_often_the_search_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fake.run(tmp_path / "whole", **OVER_TIME).study
    lives = (7 + life % 7 for life in range(100))
    finished, deaths = fake.run_killed_between_events(tmp_path / "killed", monkeypatch, lives, **OVER_TIME)
    assert deaths > 1
    assert finished.study.digest == whole.digest


def test_the_limit_is_no_part_of_the_search_and_ends_stay_when_it_is_lifted(tmp_path: Path) -> None:
    fake.run(tmp_path, stopping=fake.StopAfter(40), **OVER_TIME)
    before = timed_out(studies.open_study(tmp_path, None))
    assert before
    found = fake.run(tmp_path, **{**OVER_TIME, "trial_timeout": math.inf}).study
    assert timed_out(found) == before
    assert len(found.complete()) == 12 - len(before)


FLAT = {
    "name": "flat",
    "model": {"depth": {"int": [1, 3]}, "width": {"int": [8, 64], "step": 8}},
    "optim": {"lr": {"float": [1e-4, 1e-1], "log": True}},
}
# Six trials have to be enough for a model to propose, and for the median pruner to stop one.
SAMPLERS = {**golden_searches.SAMPLERS, **{make.name: make(n_startup_trials=2) for make in (Tpe, Curves)}}
PRUNERS = {**golden_searches.PRUNERS, "median": Median(n_startup_trials=1)}
SELECTED = {"tpe-asha-2", "random-median-2", "curves-none-1"}
"""A few for `make test`; `make faults` tries all pairs."""
CASES = [
    pytest.param(sampler, pruner, objectives, id=name, marks=() if name in SELECTED else pytest.mark.soak)
    for sampler in SAMPLERS.values()
    for pruner in PRUNERS.values()
    for objectives in (1, 2)
    if not (objectives == 2 and sampler.name in golden_searches.SINGLE_OBJECTIVE)
    for name in [f"{sampler.name}-{pruner.name}-{objectives}"]
]


@pytest.mark.usefixtures("optuna_tables")
@pytest.mark.parametrize(("sampler", "pruner", "objectives"), CASES)
def test_nothing_that_is_no_number_reaches_the_storage(
    tmp_path: Path, sampler: Sampler, pruner: Pruner, objectives: int
) -> None:
    values = {**FLAT, **(golden_searches.TWO if objectives == 2 else {})}
    options: dict[str, Any] = {"budget": 6, "sampler": sampler, "pruner": pruner, "space_values": values}
    found = fake.run(tmp_path, behaviour="no_number", **options).study
    trained = [trial for trial in found.trials if trial.reason != "infeasible"]
    assert {trial.reason for trial in trained if trial.seed % 2} == {"diverged"}
    assert "diverged" not in {trial.reason for trial in trained if not trial.seed % 2}
    with closing(sqlite3.connect(tmp_path / "fake-0" / DATABASE)) as database:
        for (payload,) in database.execute("SELECT payload FROM search_events").fetchall():
            json.loads(payload, parse_constant=_refuse)
        for table, column in (("trial_values", "value"), ("trial_intermediate_values", "intermediate_value")):
            rows = database.execute(f"SELECT {column}, {column}_type FROM {table}").fetchall()  # noqa: S608
            assert rows
            assert all(kind == "FINITE" and math.isfinite(value) for value, kind in rows)


def _refuse(constant: str) -> Mapping[str, Any]:
    raise AssertionError(f"{constant} is in the event log")
