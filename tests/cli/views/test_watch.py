"""`mnist-bench watch`: the lines of a search in another process, and what is said when nothing runs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from search.study.location import StudyLocation
from search.study.studies import newest_event
from support import search_cli
from support.paths import IMPORTABLE

if TYPE_CHECKING:
    from cli.conftest import Cli

MAIN = "from mnist_bench.cli.app import main; main()"
ENVIRONMENT = {**os.environ, "PYTHONPATH": IMPORTABLE}


def started(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    )


@pytest.fixture
def search(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Return a search of ten trials that has begun, and stands still."""
    options = ["--trials", "10", "--workers", "2", "--results", str(tmp_path)]
    process = started(search_cli.__file__, "0.05", "search", "smoke", *options)
    location = StudyLocation.of("smoke-0", tmp_path)
    while not (location.files.database.exists() and newest_event(location)):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGSTOP)
    yield process
    process.kill()
    process.communicate()


def watching(results: Path, search: subprocess.Popen[str]) -> tuple[subprocess.Popen[str], str]:
    """Return a view of the search, which goes on once its header is shown, and the header."""
    watch = started("-c", MAIN, "watch", "smoke-0", "--results", str(results))
    assert watch.stderr is not None
    header = watch.stderr.readline()
    search.send_signal(signal.SIGCONT)
    return watch, header


def trials(lines: str) -> list[str]:
    """Return the lines about trials that ended."""
    return [line for line in lines.splitlines() if "/10  #" in line]


@pytest.mark.slow
def test_the_lines_are_those_of_the_search_from_now_on(search: subprocess.Popen[str], tmp_path: Path) -> None:
    watch, header = watching(tmp_path, search)
    stdout, stderr = watch.communicate(timeout=60)
    searched = trials(search.communicate()[1])
    assert watch.returncode == 0
    assert header.startswith(f"{tmp_path}/smoke-0  ·  smoke  ·  ")
    assert trials(stderr) == searched
    assert len(searched) == 10
    assert stdout.startswith("smoke-0: ")
    assert " of 10 trials. " in stdout
    assert "\nbest   #" in stdout


@pytest.mark.slow
def test_ctrl_c_ends_the_view_and_not_the_search(search: subprocess.Popen[str], tmp_path: Path) -> None:
    watch, _ = watching(tmp_path, search)
    watch.send_signal(signal.SIGINT)
    stdout, _ = watch.communicate(timeout=60)
    assert (watch.returncode, stdout) == (130, "")
    assert len(trials(search.communicate()[1])) == 10


def test_a_study_that_nobody_searches_is_told_in_a_line_and_how_it_goes_on(cli: Cli) -> None:
    result = cli("watch")
    assert result.exit_code == 0
    assert result.stdout.startswith("conv-0: 3 complete, ")
    assert re.search(r"^best   #\d+  \d\d\.\d\d%  \[", result.stdout, re.MULTILINE)
    assert "No process searches now. `mnist-bench show conv-0` has the command that resumes the search." in " ".join(
        result.stdout.split()
    )


def test_there_is_nothing_to_watch(cli: Cli) -> None:
    result = cli("watch", "conv-9")
    assert result.exit_code == 3
    assert "No study conv-9" in result.stderr
