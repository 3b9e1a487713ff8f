"""A search of a function or a program of a user's own, stopped and killed: the command itself, in processes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest

from search.event_log.events import Event
from search.study.folder import StudyFolder
from search.study.studies import read_events
from support import own_work
from support.processes import until

pytestmark = pytest.mark.slow

TRIALS = 8
WAYS = {"function": own_work.FUNCTION, "program": own_work.PROGRAM}
KILLS = 10
"""How often each search is killed; half of the kills are of the driver."""


def line(way: str, workers: int) -> list[str]:
    return own_work.words("--trials", str(TRIALS), of=WAYS[way], workers=workers)


def events(folder: Path) -> list[Event]:
    return read_events(StudyFolder.of("descent-0", folder / "results"))


def reports(folder: Path) -> int:
    return sum(event.kind == "report" for event in events(folder))


def digest_of(folder: Path, way: str, workers: int) -> str:
    """Run a search to its end, and return its digest."""
    done = own_work.run(folder, line(way, workers))
    assert done.code == 0, done.err
    return own_work.digest(done.out)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Return a function that returns the digest of the search that nothing disturbs."""

    @cache
    def searched(way: str) -> str:
        folder = tmp_path_factory.mktemp(way)
        own_work.write(folder)
        return digest_of(folder, way, workers=1)

    return searched


Whole = Callable[[str], str]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path, processes: list[subprocess.Popen[str]]) -> Start:
    """Return a function that starts a search in the test's folder."""
    own_work.write(tmp_path)

    def begin(way: str, *, workers: int, pause: float) -> subprocess.Popen[str]:
        processes.append(own_work.start(tmp_path, line(way, workers), pause=pause))
        return processes[-1]

    return begin


@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_pauses_a_search_and_prints_the_command_that_continues_it(
    whole: Whole, tmp_path: Path, start: Start, way: str
) -> None:
    search = start(way, workers=2, pause=0.2)
    until(lambda: reports(tmp_path) > 2, pause=0.1)
    below = own_work.descendants(search.pid)
    assert below
    search.send_signal(signal.SIGINT)
    _, told = search.communicate()
    assert search.returncode == 130, told
    assert "Stopping: each trial trains to its next report, which is kept" in told
    assert own_work.command_in(told, "To resume:") == line(way, 2)
    until(lambda: not own_work.alive(below))
    assert reports(tmp_path) < TRIALS * own_work.PERIODS
    assert digest_of(tmp_path, way, workers=2) == whole(way)


@pytest.mark.parametrize(("way", "at_work"), [("function", 3), ("program", 7)])
def test_nothing_outlives_a_driver_that_is_killed(start: Start, way: str, at_work: int) -> None:
    search = start(way, workers=2, pause=36_000)
    # The process that loads the function, its children, and each program with what it has started itself.
    until(lambda: len(own_work.descendants(search.pid)) >= at_work)
    below = own_work.descendants(search.pid)
    search.kill()
    search.wait()
    until(lambda: not own_work.alive(below))


@pytest.mark.integration
@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("way", WAYS)
def test_a_search_killed_at_random_moments_comes_to_the_same_digest(
    whole: Whole, tmp_path: Path, start: Start, way: str, workers: int
) -> None:
    draws = random.Random(workers)
    pause = 0.4 * workers  # seconds for each report, so that the search outlasts the kills on a busy machine, too
    search, killed, everyone = start(way, workers=workers, pause=pause), 0, set[int]()
    while killed < KILLS and search.poll() != 0:
        before = len(events(tmp_path))
        until(lambda: search.poll() is not None or len(events(tmp_path)) > before)  # noqa: B023 (called at once)
        time.sleep(0.03 * draws.random())
        below = own_work.descendants(search.pid)
        everyone |= {*below}
        victims = [search.pid, *below]
        if search.poll() is None:
            killed += 1
            if _killed([search.pid] if killed % 2 == 0 else draws.sample(victims, len(victims))) == search.pid:
                search.wait()
        if search.poll():  # killed, or without the process that loads the function
            search = start(way, workers=workers, pause=pause)
    search.kill()
    search.wait()
    assert digest_of(tmp_path, way, workers) == whole(way)
    assert killed >= KILLS // 2  # a search may end before the last
    until(lambda: not own_work.alive([*everyone]))


@pytest.mark.parametrize(
    "depth", [pytest.param(1, marks=pytest.mark.integration), 2, pytest.param(3, marks=pytest.mark.integration)]
)
def test_a_program_whose_process_is_killed_runs_again(whole: Whole, start: Start, depth: int) -> None:
    """Killed is a child of the driver, the script, or what the script has started: `depth` says how far below."""
    search = start("program", workers=2, pause=0.1)
    until(lambda: _at_depth(search.pid, depth + 1))
    until(lambda: _killed(_at_depth(search.pid, depth + 1)))
    out, told = search.communicate()
    assert (search.returncode, own_work.digest(out)) == (0, whole("program")), told


def _at_depth(pid: int, depth: int) -> list[int]:
    found = [pid]
    for _ in range(depth):
        found = [below for each in found for below in own_work.children(each)]
    return found


def _killed(pids: Sequence[int]) -> int | None:
    """Kill the first of the processes that is still there, and return which; None if all have ended by themselves."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        return pid
    return None
