"""The children of an objective's executor: the first report made twice, and processes that are killed or hang."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.errors import UsageError, WorkerError
from search.executors.protocol import Done, Failed, Job, Outcome
from search.objectives.executor import ObjectiveExecutor
from search.objectives.objective import Objective
from search.space.space import Space
from support import own_work
from support.processes import until

JOB = Job(trial=0, period=1, config={"config.x": 0.5}, seed=7, state=None, stall_seconds=math.inf)
pytestmark = pytest.mark.slow

COUNTED = """
import os, signal, time
from pathlib import Path

HERE = Path(__file__).parent

def call():
    calls = len([*HERE.glob("call-*")])
    (HERE / f"call-{calls}").write_text(str(os.getpid()))
    return calls

def whole(config):
    return config.x

def again_when_told(config):
    if call() == 1:
        while not (HERE / "go").exists():
            time.sleep(0.01)
    yield config.x
    yield config.x + 1

def again_not_at_all(config):
    if call():
        os.kill(os.getpid(), signal.SIGKILL)
    return config.x

def hangs_once(config):
    if call() == 1:
        time.sleep(36_000)
    return config.x

def nothing_again(config):
    if call() == 0:
        yield config.x
"""
Executors = Callable[..., ObjectiveExecutor]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Executors]:
    """Return a function that starts an executor of one of the functions above, or of a command."""
    (tmp_path / "counted.py").write_text(COUNTED)
    executors: list[ObjectiveExecutor] = []

    def start(
        function: str | Callable[..., Any] = "", command: Sequence[str] = (), **options: Any
    ) -> ObjectiveExecutor:
        named = f"{tmp_path}/counted.py:{function}" if isinstance(function, str) else function
        objective = Objective.of_command(command) if command else Objective.of(named)
        given = {"workers": 1, "periods": 1, "space": Space.of({}), **options}
        executors.append(ObjectiveExecutor(objective, log=tmp_path / "log", **given))
        executors[-1].start()
        return executors[-1]

    yield start
    for executor in executors:
        executor.stop()


def outcome(executor: ObjectiveExecutor) -> Outcome:
    (found,) = until(lambda: executor.wait(0.05), 0)
    return found


def done(executor: ObjectiveExecutor, job: Job | None = None) -> Done:
    """Return what becomes of a job, or of the one under way."""
    if job is not None:
        executor.submit(job)
    found = outcome(executor)
    assert isinstance(found, Done)
    return found


def cause(executor: ObjectiveExecutor) -> str:
    found = outcome(executor)
    assert isinstance(found, Failed)
    return found.cause


def soon(executor: ObjectiveExecutor) -> list[Outcome]:
    found: list[Outcome] = []
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        found += executor.wait(0.05)
    return found


def wait_for(path: Path, executor: ObjectiveExecutor) -> str:
    """Return the text of a file as soon as there is one; nothing comes back before."""
    while not path.exists() or not path.read_text():
        assert executor.wait(0.05) == []
    return path.read_text()


def test_the_first_report_is_made_twice_and_comes_back_once(started: Executors) -> None:
    executor = started("whole")
    executor.submit(JOB)
    assert executor.idle() == 0
    assert (done(executor).report.value, executor.idle()) == (0.5, 1)
    assert soon(executor) == []


def test_a_first_report_is_kept_while_it_is_made_again_even_if_its_process_dies(
    started: Executors, tmp_path: Path
) -> None:
    executor = started("again_when_told", periods=2)
    executor.submit(JOB)
    wait_for(tmp_path / "call-1", executor)
    assert (soon(executor), executor.idle()) == ([], 0)
    os.kill(int((tmp_path / "call-0").read_text()), signal.SIGKILL)
    assert soon(executor) == []
    (tmp_path / "go").touch()
    assert done(executor, replace(JOB, period=2, state=done(executor).state)).report.value == 1.5
    assert soon(executor) == []


def test_a_trial_that_is_forgotten_while_its_first_report_is_made_again_is_forgotten(
    started: Executors, tmp_path: Path
) -> None:
    executor = started("again_when_told", periods=2)
    executor.submit(JOB)
    wait_for(tmp_path / "call-1", executor)
    executor.forget(0)
    (tmp_path / "go").touch()
    assert (soon(executor), executor.idle()) == ([], 1)


def test_a_report_that_waits_for_a_driver_that_was_held_up_is_no_hang(started: Executors) -> None:
    executor = started("whole", checked=False)
    executor.submit(replace(JOB, stall_seconds=1.0))
    time.sleep(2.0)
    done(executor)


def test_a_second_making_that_hangs_is_tried_again_like_any_other(started: Executors, tmp_path: Path) -> None:
    executor = started("hangs_once")
    executor.submit(replace(JOB, stall_seconds=1.0))
    assert (cause(executor), executor.idle()) == ("stalled", 1)
    done(executor, JOB)
    assert soon(executor) == []
    assert len([*tmp_path.glob("call-*")]) == 4


def test_a_period_that_is_asked_for_again_is_computed_by_a_child_that_begins_anew(started: Executors) -> None:
    def twice(config: Any) -> Iterator[float]:
        yield config.x
        yield config.x + 1

    executor = started(twice, periods=2, checked=False)
    assert [done(executor, JOB).report.value for _ in range(2)] == [0.5, 0.5]


def test_a_nursery_that_was_killed_is_replaced(started: Executors) -> None:
    before = {*own_work.children(os.getpid())}
    executor = started(lambda config: config.x, checked=False)
    (nursery,) = {*own_work.children(os.getpid())} - before
    for trial in range(3):
        done(executor, replace(JOB, trial=trial))
        if trial == 0:
            os.kill(nursery, signal.SIGKILL)


@pytest.mark.parametrize(
    ("function", "error", "words"),
    [
        ("again_not_at_all", WorkerError, "^5 processes in a row were killed that were to make the first report again"),
        ("nothing_again", UsageError, "nothing_again does not repeat: .*, it made 1 report, and then 0"),
    ],
)
def test_a_first_report_that_is_never_made_again_ends_the_search(
    started: Executors, function: str, error: type[Exception], words: str
) -> None:
    executor = started(function)
    executor.submit(JOB)
    with pytest.raises(error, match=words):
        outcome(executor)


@pytest.mark.parametrize("command", ["sleep 36000 &", "setsid sleep 36000 &", "(setsid sleep 36000 &);"])
def test_with_the_executor_ends_all_that_a_program_has_started(started: Executors, command: str) -> None:
    before = {*own_work.descendants(os.getpid())}
    executor = started(command=["sh", "-c", f"{command} sleep 36000"])
    executor.submit(JOB)
    while len(below := {*own_work.descendants(os.getpid())} - before) < 4:  # one that forks, a child, two that sleep
        assert executor.wait(0.05) == []
    executor.stop()
    until(lambda: not own_work.alive([*below]))


def test_with_a_child_that_is_killed_alone_ends_all_that_its_program_has_started(
    started: Executors, tmp_path: Path
) -> None:
    executor = started(command=["sh", "-c", f"sleep 36000 & echo $PPID $! > {tmp_path}/pids; wait"], checked=False)
    executor.submit(JOB)
    child, left = map(int, wait_for(tmp_path / "pids", executor).split())
    os.kill(child, signal.SIGKILL)
    assert cause(executor) == "killed"
    until(lambda: not own_work.alive([left]))


def test_with_a_trial_ends_what_its_program_left_behind(started: Executors, tmp_path: Path) -> None:
    program = (
        f"(setsid sh -c 'echo $$ > {tmp_path}/left; exec sleep 36000 >&- 2>&-' &); sleep 1; echo '{{\"value\": 1}}'"
    )
    executor = started(command=["sh", "-c", program.replace("{", "{{").replace("}", "}}")], checked=False)
    done(executor, JOB)
    left = int(wait_for(tmp_path / "left", executor))
    until(lambda: not own_work.alive([left]))
