"""A search that is stopped by signals, whose clock jumps, that two drivers want: the command itself, in processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from search.event_log.events import Event, Reported
from search.study.folder import StudyFolder
from search.study.studies import read_events
from support import search_cli, wants
from support.commands import Ran
from support.paths import DATABASE
from support.processes import until

pytestmark = pytest.mark.slow

TRIALS = 6
SLOTS = 4
SLOW = 36_000.0
"""Seconds, at least, of a period that does not end before its search is stopped: more than a test may take."""
TOLD_BY_TIME: dict[str, Any] = {"measured": {}, "worker": None, "started": None, "handled": None}
Whole = tuple[str, list[Event]]
"""A search's digest and its events."""
Start = Callable[..., subprocess.Popen[str]]
JUMPING_CLOCK = r"""
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long jump(void) {
    static const long hours[] = {0, 1, -1};
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return 3600 * hours[(now.tv_sec * 10 + now.tv_nsec / 100000000) / 3 % 3];
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int failed = syscall(SYS_clock_gettime, clock, time);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += jump();
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    now->tv_sec = time.tv_sec;
    now->tv_usec = time.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    if (now) *now = time.tv_sec;
    return time.tv_sec;
}
"""
"""Stands in for the C library's clocks: the wall clock jumps by an hour every 0.3 s, forward and back."""


def begun(
    results: Path, *, delay: float = 0.02, workers: int = 2, more: Sequence[str] = (), **variables: str
) -> subprocess.Popen[str]:
    """Start a search, with further variables in its environment."""
    options = ["--trials", TRIALS, "--concurrent-trials", SLOTS, "--workers", workers, "--results", results, *more]
    return subprocess.Popen(
        [sys.executable, search_cli.__file__, str(delay), "search", "smoke", *map(str, options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **variables},
    )


def run(results: Path, **options: Any) -> Ran:
    process = begun(results, **options)
    out, err = process.communicate()
    return Ran(process.returncode, out, err)


@pytest.fixture
def start(processes: list[subprocess.Popen[str]]) -> Start:
    """Return a function that starts a search."""

    def begin(results: Path, **options: Any) -> subprocess.Popen[str]:
        processes.append(begun(results, **options))
        return processes[-1]

    return begin


def log_of(results: Path) -> list[Event]:
    """Return a study's events without what the time decides."""
    return [
        replace(event, report=replace(event.report, **TOLD_BY_TIME)) if isinstance(event, Reported) else event
        for event in read_events(StudyFolder.of("smoke-0", results))
    ]


def kinds(events: Sequence[Event]) -> list[str]:
    return [event.kind for event in events]


def wait_for(results: Path, is_so: Callable[[list[Event]], bool]) -> None:
    """Wait until a study's events are as they should be."""
    until(lambda: is_so(log_of(results)), pause=0.1)


def goes_on(results: Path, **options: Any) -> Whole:
    """Run the search to its end, and return its digest and its events."""
    done = run(results, **options)
    assert done.code == 0, done.err
    (line,) = re.findall(r"^digest .*$", done.out, re.MULTILINE)
    return str(line), log_of(results)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Return the digest and the events of the search that nothing disturbs."""
    return goes_on(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGINT,
        pytest.param(signal.SIGTERM, marks=pytest.mark.integration),
        pytest.param(signal.SIGHUP, marks=pytest.mark.integration),
    ],
)
def test_whatever_signal_stops_a_search_it_is_a_prefix_of_the_whole_one_and_goes_on(
    whole: Whole, tmp_path: Path, start: Start, number: signal.Signals
) -> None:
    search = start(tmp_path, delay=0.1)
    wait_for(tmp_path, lambda found: len(found) > 4)
    search.send_signal(number)
    _, told = search.communicate()
    assert search.returncode == 130, told
    assert "Stopping: each trial trains to its next report, which is kept" in told
    assert "To resume:" in told
    stopped = log_of(tmp_path)
    assert 0 < len(stopped) < len(whole[1])
    assert stopped == whole[1][: len(stopped)]
    assert goes_on(tmp_path) == whole


@pytest.mark.parametrize("second", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.integration)])
def test_a_second_signal_ends_a_search_at_once(
    whole: Whole, tmp_path: Path, start: Start, second: signal.Signals
) -> None:
    search = start(tmp_path, delay=SLOW)
    wait_for(tmp_path, lambda found: kinds(found).count("ask") - kinds(found).count("tell") == SLOTS)
    time.sleep(0.5)  # so that workers have been given their periods, of which nothing tells
    search.send_signal(signal.SIGINT)
    assert search.stderr is not None
    while not search.stderr.readline().startswith("Stopping: "):
        assert search.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        search.wait(timeout=1)
    search.send_signal(second)
    _, told = search.communicate()
    assert search.returncode == 130
    assert "Traceback" not in told
    assert "Stopped at once; no report is lost. The same command continues where it stopped:" in told
    stopped = log_of(tmp_path)
    assert stopped == whole[1][: len(stopped)]
    assert goes_on(tmp_path) == whole


def test_before_anything_trains_one_signal_ends_a_search_at_once(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_BEHAVIOUR", "hang_at_start")
    search = start(tmp_path)
    lock = StudyFolder.of("smoke-0", tmp_path).workers_log
    until(lock.exists)
    search.send_signal(signal.SIGINT)
    _, told = search.communicate()
    assert search.returncode == 130
    assert "Stopped at once; no report is lost. The same command continues where it stopped:" in told
    assert "--trials 6 --concurrent-trials 4 --workers 2" in told
    assert "Traceback" not in told


@pytest.fixture
def jumping_clock(tmp_path: Path) -> Path:
    """Return a library that makes the wall clock of a process jump."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip(f"{wants.COMPILER}: cc is not installed")
    source, library = tmp_path / "clock.c", tmp_path / "clock.so"
    source.write_text(JUMPING_CLOCK)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return library


def test_a_clock_that_jumps_by_hours_changes_nothing(whole: Whole, tmp_path: Path, jumping_clock: Path) -> None:
    limits = ["--timeout", "600", "--trial-timeout", "600"]
    assert goes_on(tmp_path, delay=0.05, workers=1, more=limits, LD_PRELOAD=str(jumping_clock)) == whole
    with closing(sqlite3.connect(tmp_path / "smoke-0" / DATABASE)) as database:
        told = [datetime.fromisoformat(at) for (at,) in database.execute("SELECT at FROM search_events")]
    steps = [(later - earlier).total_seconds() for earlier, later in pairwise(told)]
    assert max(steps) > 3000
    assert min(steps) < -3000


def test_a_second_driver_is_refused_by_name_until_the_first_is_dead(whole: Whole, tmp_path: Path, start: Start) -> None:
    first = start(tmp_path, delay=SLOW)
    wait_for(tmp_path, lambda found: "ask" in kinds(found))
    second = run(tmp_path)
    assert second.code == 1
    assert re.fullmatch(
        rf"Error: Study smoke-0 is in use by process {first.pid} on {re.escape(socket.gethostname())} "
        r"since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00; wait for it or stop it\.\n",
        second.err,
    )
    first.kill()
    first.wait()
    assert goes_on(tmp_path) == whole
    assert json.loads((tmp_path / "smoke-0" / "driver.lock").read_text())["pid"] != first.pid


def test_a_search_under_other_conditions_is_refused_with_what_differs_and_the_way_out(tmp_path: Path) -> None:
    assert run(tmp_path).code == 0
    other = run(tmp_path, more=["--concurrent-trials", "8", "--set", "optim.lr=0.01", "--study-name", "smoke-0"])
    assert other.code == 2
    told = other.err.splitlines()
    assert told[0].startswith("Error: Study smoke-0 was made under other conditions")
    assert "  concurrent_trials: 4 then, 8 now" in told
    assert any(line.startswith("  space.fields.optim.lr") and line.endswith(" now") for line in told)
    assert "or give this search another name with --study-name; with --enqueue" in told[-1]
