"""A search of a function or a program of a user's own, stopped and killed: the command itself, in processes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from search.event_log.events import Event
from search.study.location import StudyLocation
from search.study.studies import read_events
from support import own_work
from support.waiting import until

pytestmark = pytest.mark.slow

TRIALS = ("--trials", "10")
WAYS = {"function": own_work.FUNCTION, "program": own_work.PROGRAM}
KILLS = 10
"""How often each search is killed; half of the kills are of the driver."""


def events(folder: Path) -> list[Event]:
    return read_events(StudyLocation.of("descent-0", folder / "results"))


def reports(folder: Path) -> int:
    return sum(event.kind == "report" for event in events(folder))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the digests of the searches that nothing disturbs."""
    digests = {}
    for way, words in WAYS.items():
        folder = tmp_path_factory.mktemp(way)
        own_work.write(folder)
        done = own_work.run(folder, own_work.words(*TRIALS, of=words, workers=1))
        assert done.code == 0, done.err
        digests[way] = own_work.digest(done.out)
    return digests


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return a function that starts a search in the test's folder, which ends with the test at the latest."""
    own_work.write(tmp_path)
    started: list[subprocess.Popen[str]] = []

    def begin(of: Sequence[str], *, workers: int, pause: float) -> subprocess.Popen[str]:
        started.append(own_work.start(tmp_path, own_work.words(*TRIALS, of=of, workers=workers), pause=pause))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_pauses_a_search_and_prints_the_command_that_continues_it(
    whole: dict[str, str], tmp_path: Path, start: Callable[..., subprocess.Popen[str]], way: str
) -> None:
    search = start(WAYS[way], workers=2, pause=0.05)
    until(lambda: reports(tmp_path) > 4)
    below = own_work.descendants(search.pid)
    assert below
    search.send_signal(signal.SIGINT)
    _, told = search.communicate()
    assert search.returncode == 130, told
    assert "Stopping: each trial trains to its next report, which is kept" in told
    line = own_work.command_in(told, "To resume:")
    assert line == own_work.words(*TRIALS, of=WAYS[way], workers=2)
    until(lambda: not own_work.alive(below))
    assert reports(tmp_path) < 40
    done = own_work.run(tmp_path, line)
    assert (done.code, own_work.digest(done.out)) == (0, whole[way]), done.err


@pytest.mark.parametrize("way", WAYS)
def test_nothing_outlives_a_driver_that_is_killed(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]], way: str
) -> None:
    search = start(WAYS[way], workers=2, pause=36_000)
    # The process that loads the function, its children, and each program with what it has started itself.
    until(lambda: len(own_work.descendants(search.pid)) >= {"function": 3, "program": 7}[way])
    below = own_work.descendants(search.pid)
    search.kill()
    search.wait()
    until(lambda: not own_work.alive(below))


@pytest.mark.integration
@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("way", WAYS)
def test_a_search_killed_at_random_moments_comes_to_the_same_digest(
    whole: dict[str, str], tmp_path: Path, start: Callable[..., subprocess.Popen[str]], way: str, workers: int
) -> None:
    draws = random.Random(workers)
    pause = 0.4 * workers  # seconds for each report, so that the search outlasts the kills on a busy machine, too
    search, killed, everyone = start(WAYS[way], workers=workers, pause=pause), 0, set[int]()
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
            search = start(WAYS[way], workers=workers, pause=pause)
    search.kill()
    search.wait()
    done = own_work.run(tmp_path, own_work.words(*TRIALS, of=WAYS[way], workers=workers))
    assert done.code == 0, done.err
    assert own_work.digest(done.out) == whole[way]
    assert killed >= KILLS // 2  # a search may end before the last
    until(lambda: not own_work.alive([*everyone]))


@pytest.mark.parametrize(
    "depth", [pytest.param(1, marks=pytest.mark.integration), 2, pytest.param(3, marks=pytest.mark.integration)]
)
def test_a_program_whose_process_is_killed_runs_again(
    whole: dict[str, str], tmp_path: Path, start: Callable[..., subprocess.Popen[str]], depth: int
) -> None:
    """Killed is a child of the driver, the script, or what the script has started: `depth` says how far below."""
    search = start(own_work.PROGRAM, workers=2, pause=0.1)
    until(lambda: _at_depth(search.pid, depth + 1))
    until(lambda: _killed(_at_depth(search.pid, depth + 1)))
    out, told = search.communicate()
    assert (search.returncode, own_work.digest(out)) == (0, whole["program"]), told


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
