"""Searches whose processes are killed and stopped for real, at random moments, and the table that a long soak makes."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from support.damage import chain_anew
from support.paths import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

import killing
from killing import Kills, SearchProcesses
from soak import Outcome

from search.study.folder import StudyFolder
from search.study.studies import open_study
from support import search_fake as fake
from support.dose import dose
from support.processes import until

pytestmark = [pytest.mark.integration, pytest.mark.cold]  # its workers are found as children of its driver

BUDGET = 30
KILLS = max(4, dose(12))
STALL = 0.5
"""Seconds after which a period is taken for hung."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    return fake.run(tmp_path_factory.mktemp("undisturbed"), budget=BUDGET).study.digest


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[SearchProcesses]:
    """Return a search with the fake trainer in two workers, not started yet; a silent period is soon given up."""
    command = [sys.executable, fake.__file__, str(tmp_path), "2", "0.05", str(STALL)]
    made = SearchProcesses(command=command, files=StudyFolder.of("fake-0", tmp_path), log=tmp_path / "printed")
    yield made
    made.stop()


@pytest.mark.dosed
def test_a_search_killed_at_random_moments_comes_to_the_same_end(
    undisturbed: str, processes: SearchProcesses, tmp_path: Path
) -> None:
    kills = killing.kill_at_random(processes, KILLS, random.Random(0), start_seconds=1)
    processes.finish()
    study = open_study(tmp_path, None)
    assert kills.number == KILLS
    assert kills.at_work
    assert study.digest == undisturbed
    assert len(study.finished()) == BUDGET
    assert {trial.state for trial in study.trials} <= {"COMPLETE", "PRUNED"}
    assert processes.lost == 0
    assert list((tmp_path / "fake-0" / "states").iterdir()) == []
    assert [pid for pid in processes.workers_seen if killing.is_alive(pid)] == []


def test_processes_stopped_past_every_limit_change_nothing(
    undisturbed: str, processes: SearchProcesses, tmp_path: Path
) -> None:
    for kind, share in {"driver": 0.1, "worker": 0.4, "all": 0.7}.items():
        while processes.keep_up() and processes.progress() < share:
            time.sleep(0.02)
        stopped = processes.targets(kind, random.Random(0))
        send(stopped, signal.SIGSTOP)
        time.sleep(3 * STALL)
        if kind == "worker":
            until(lambda pid=stopped[0]: not killing.is_alive(pid))  # type: ignore[misc]  # its driver has taken it for hung
        assert processes.keep_up()
        send(stopped, signal.SIGCONT)
    processes.finish()
    assert processes.starts == 1
    assert open_study(tmp_path, None).digest == undisturbed


def send(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def test_what_was_in_the_log_and_is_not_any_more_is_counted(processes: SearchProcesses, tmp_path: Path) -> None:
    fake.run(tmp_path, budget=3)
    assert processes.progress() == 1
    with contextlib.closing(sqlite3.connect(tmp_path / "fake-0" / "study.db")) as database, database:
        database.execute("DELETE FROM search_events WHERE seq = (SELECT max(seq) FROM search_events)")
        database.execute("UPDATE search_events SET time = time + 1 WHERE kind = 'ask' AND trial = 1")
    chain_anew(tmp_path / "fake-0" / "study.db")
    processes.progress()
    assert processes.lost == 2


KILLED = Outcome(
    kills=Kills(kinds={"worker": 1, "driver": 2}, at_work=2), ended=4, failed=0, running=0, lost=0, left=0, same=True,
    begun=11, periods=9, seconds=125.0, undisturbed=40.0,
)  # fmt: skip


def test_the_promise_is_exactly_so_many_trials_and_nothing_else() -> None:
    assert KILLED.keeps_promise(4)
    assert not KILLED.keeps_promise(5)
    for worse in ({"lost": 1}, {"left": 1}, {"same": False}, {"running": 1}, {"failed": 1}):
        assert not replace(KILLED, **worse).keeps_promise(4)
