"""Optuna's own dashboard and command line beside a search that runs: they see its trials and do not disturb it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from search.database.engines import sqlite_url
from search.study.studies import list_studies
from support import search_fake

if TYPE_CHECKING:
    from conftest import Browser

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PROGRAMS = Path(sys.executable).parent
TEXT = "return document.body.innerText"
PATIENCE = 30.0
"""Seconds after which the test gives up."""


@contextmanager
def started(*command: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program; stop it at the end where it has not ended by itself."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def wait(until: Callable[[], Any]) -> Any:
    """Return the first answer that is not false."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := until():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not happen")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False


def optuna(*arguments: str) -> list[dict[str, Any]]:
    """Return what Optuna's command line prints."""
    command = [PROGRAMS / "optuna", *arguments, "--format", "json"]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    printed = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=PATIENCE, check=True)
    rows: list[dict[str, Any]] = json.loads(printed.stdout)
    return rows


def test_the_dashboard_and_the_command_line_read_a_search_that_runs(browser: Browser, tmp_path: Path) -> None:
    undisturbed = search_fake.run(tmp_path / "alone").study
    every = f"{len(undisturbed.trials)} Trials"
    url = sqlite_url(tmp_path / "watched" / "fake-0" / "study.db")
    port = str(free_port())
    page = f"http://127.0.0.1:{port}/dashboard/studies/1/trials"
    with started(sys.executable, search_fake.__file__, str(tmp_path / "watched"), "2", "0.12") as search:
        wait(lambda: list_studies(tmp_path / "watched"))
        with started(str(PROGRAMS / "optuna-dashboard"), url, "--host", "127.0.0.1", "--port", port):
            wait(lambda: answers(page))
            browser.open(page)
            wait(lambda: "Trial 0" in browser.run(TEXT))
            assert every not in browser.run(TEXT)
            (listed,) = optuna("studies", "--storage", url)
            trials = optuna("trials", "--study-name", "fake-0", "--storage", url)
            assert search.poll() is None, "the search had ended before it was looked at"
            digest = search.communicate(timeout=PATIENCE)[0].split()[-1]
            browser.open(page)
            wait(lambda: every in browser.run(TEXT))
    assert listed["name"] == "fake-0"
    assert 1 <= len(trials) < len(undisturbed.trials)
    assert digest == undisturbed.digest
