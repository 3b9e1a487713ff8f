"""Optuna's command line and dashboard read a finished study: every trial, with its state, and nothing is changed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from search.database import sqlite_url
from search.event_log.records import StudyRecord
from search.study.studies import open_study
from support import search_fake
from support.paths import DATABASE
from support.processes import answer, dashboard, optuna

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the results of one search."""
    folder = tmp_path_factory.mktemp("results")
    search_fake.run(folder)
    return folder


def states(study: StudyRecord) -> Counter[str]:
    """Return how many trials ended in each state."""
    return Counter(trial.state for trial in study.trials)


def test_the_command_line_lists_every_trial(results: Path) -> None:
    url = sqlite_url(results / "fake-0" / DATABASE)
    before = open_study(results, "fake-0")
    (listed,) = optuna("studies", "--storage", url)
    trials = optuna("trials", "--study-name", "fake-0", "--storage", url)
    assert listed["name"] == "fake-0"
    assert Counter(trial["state"] for trial in trials) == states(before)
    assert open_study(results, "fake-0").digest == before.digest


def test_the_dashboard_serves_every_trial(results: Path) -> None:
    before = open_study(results, "fake-0")
    with dashboard(sqlite_url(results / "fake-0" / DATABASE)) as address:
        (summary,) = json.loads(answer(f"{address}/api/studies") or "{}")["study_summaries"]
        detail = json.loads(answer(f"{address}/api/studies/{summary['study_id']}?after=0") or "{}")
    assert summary["study_name"] == "fake-0"
    assert Counter(trial["state"].upper() for trial in detail["trials"]) == states(before)
    assert open_study(results, "fake-0").digest == before.digest
