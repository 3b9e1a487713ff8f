"""Optuna's own dashboard and command line beside a search that runs: they see its trials and do not disturb it."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from search.database import read_only_url, sqlite_url
from search.study.studies import list_studies, open_study
from support import search_fake
from support.processes import dashboard, optuna, started, until

if TYPE_CHECKING:
    from browser.conftest import Browser

pytestmark = [pytest.mark.browser, pytest.mark.integration]

TEXT = "return document.body.innerText"
DELETE = "return fetch('/api/studies/1', {method: 'DELETE', body: '{}'}).then(answer => answer.status)"


def test_the_dashboard_and_the_command_line_read_a_search_that_runs(browser: Browser, tmp_path: Path) -> None:
    undisturbed = search_fake.run(tmp_path / "alone").study
    every = f"{len(undisturbed.trials)} Trials"
    url = sqlite_url(tmp_path / "watched" / "fake-0" / "study.db")
    with started(sys.executable, search_fake.__file__, str(tmp_path / "watched"), "2", "0.12") as search:
        until(lambda: any(study.trials for study in list_studies(tmp_path / "watched")))
        search.send_signal(signal.SIGSTOP)  # or it might have ended before a slow machine has started the dashboard
        with dashboard(url) as address:
            page = f"{address}/dashboard/studies/1/trials"
            browser.open(page)
            until(lambda: "Trial 0" in browser.run(TEXT))
            assert every not in browser.run(TEXT)
            (listed,) = optuna("studies", "--storage", url)
            trials = optuna("trials", "--study-name", "fake-0", "--storage", url)
            search.send_signal(signal.SIGCONT)  # the page is open, and asks for the trials again and again
            digest = search.communicate()[0].split()[-1]
            browser.open(page)
            until(lambda: every in browser.run(TEXT))
    assert listed["name"] == "fake-0"
    assert 1 <= len(trials) < len(undisturbed.trials)
    assert digest == undisturbed.digest


def test_a_study_is_not_deleted_through_the_address_that_a_search_advises(browser: Browser, tmp_path: Path) -> None:
    study = search_fake.run(tmp_path).study
    with dashboard(read_only_url(tmp_path / "fake-0" / "study.db")) as address:
        browser.open(f"{address}/dashboard/studies/1/trials")
        until(lambda: f"{len(study.trials)} Trials" in browser.run(TEXT))
        assert browser.run(DELETE) == 500
        browser.open(f"{address}/dashboard/studies/1/trials")
        until(lambda: f"{len(study.trials)} Trials" in browser.run(TEXT))
    assert search_fake.run(tmp_path).study.digest == study.digest


def test_a_study_that_the_dashboard_deletes_while_it_runs_loses_nothing(browser: Browser, tmp_path: Path) -> None:
    undisturbed = search_fake.run(tmp_path / "alone").study
    results = tmp_path / "watched"
    with started(sys.executable, search_fake.__file__, str(results), "2", "0.12") as search:
        until(lambda: any(study.trials for study in list_studies(results)))
        search.send_signal(signal.SIGSTOP)
        with dashboard(sqlite_url(results / "fake-0" / "study.db")) as address:
            browser.open(f"{address}/dashboard/studies/1/trials")
            until(lambda: "Trial 0" in browser.run(TEXT))
            while browser.run(DELETE) != 204:  # the search was stopped while it wrote, and holds the database
                search.send_signal(signal.SIGCONT)
                time.sleep(0.05)
                search.send_signal(signal.SIGSTOP)
            search.send_signal(signal.SIGCONT)
            search.wait()
            assert open_study(results, None).digest == undisturbed.digest
            browser.open(f"{address}/dashboard/studies/1/trials")
            until(lambda: f"{len(undisturbed.trials)} Trials" in browser.run(TEXT))
