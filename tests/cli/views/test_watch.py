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

from search.database import file_lock
from search.study.location import StudyLocation
from search.study.studies import driver_of, newest_event
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
def beginning(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Return a search of ten trials as soon as it holds its lock."""
    options = ["--trials", "10", "--workers", "2", "--results", str(tmp_path)]
    process = started(search_cli.__file__, "0.05", "search", "smoke", *options)
    while not driver_of(StudyLocation.of("smoke-0", tmp_path)):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def search(beginning: subprocess.Popen[str], tmp_path: Path) -> subprocess.Popen[str]:
    """Return a search of ten trials that has begun, and stands still."""
    location = StudyLocation.of("smoke-0", tmp_path)
    while not (location.files.database.exists() and newest_event(location)):
        assert beginning.poll() is None, beginning.communicate()
        time.sleep(0.05)
    beginning.send_signal(signal.SIGSTOP)
    return beginning


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


@pytest.mark.slow
@pytest.mark.usefixtures("beginning")
@pytest.mark.parametrize("words", [["smoke-0"], []])
def test_a_search_may_be_watched_before_its_first_event(tmp_path: Path, words: list[str]) -> None:
    while not StudyLocation.of("smoke-0", tmp_path).files.database.exists():
        time.sleep(0.01)
    watch = started("-c", MAIN, "watch", *words, "--results", str(tmp_path))
    stdout, stderr = watch.communicate(timeout=60)
    assert watch.returncode == 0, stderr
    assert " of 10 trials. " in stdout


@pytest.mark.slow
@pytest.mark.parametrize("words", [["watch"], ["report", "--follow"]])
def test_ctrl_c_ends_the_wait_for_a_search_without_events(tmp_path: Path, words: list[str]) -> None:
    location = StudyLocation.of("smoke-0", tmp_path)
    location.folder.mkdir()
    with file_lock.driver_lock(location.files.lock, "Study smoke-0"):
        waiting = started("-c", MAIN, *words, "smoke-0", "--results", str(tmp_path))
        assert waiting.stderr is not None
        assert waiting.stderr.readline() == "The search of smoke-0 has only begun; its first event is waited for.\n"
        time.sleep(0.2)
        waiting.send_signal(signal.SIGINT)
        assert waiting.communicate(timeout=60)[0] == ""
    assert waiting.returncode == 130


def test_a_study_that_nobody_searches_is_told_in_a_line_and_how_it_goes_on(cli: Cli) -> None:
    result = cli("watch")
    assert result.exit_code == 0
    assert result.stdout.startswith("conv-0: 3 complete, ")
    assert re.search(r"^best   #\d+  \d\d\.\d\d%  \[", result.stdout, re.MULTILINE)
    assert "No process searches now. `mnist-bench show conv-0` has the command that resumes the search." in " ".join(
        result.stdout.split()
    )


def test_there_is_nothing_to_watch(cli: Cli) -> None:
    for words in (["watch"], ["report", "--follow"]):
        result = cli(*words, "conv-9")
        assert result.exit_code == 3
        assert "No study conv-9" in result.stderr
