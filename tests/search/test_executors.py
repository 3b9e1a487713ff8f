"""One contract, run over every executor."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ray_nodes import Nodes
from search.errors import WorkerError
from search.executors import Done, Executor, InProcessExecutor, Job, LocalExecutor, Lost, Outcome, Raised, RayExecutor
from search.trainer import TrainerSpec

CONFIG = {"model.depth": 2, "model.width": 8}
Make = Callable[..., Executor]


RAY = [pytest.mark.ray, pytest.mark.xdist_group("ray")]


@pytest.fixture(params=["in-process", "local-1", "local-3", pytest.param("ray-2", marks=RAY)])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Return a function that starts an executor with a fake trainer."""
    started: list[Executor] = []

    def build(behaviour: str = "") -> Executor:
        made = executor_of(request, request.param, behaviour, tmp_path)
        started.append(made)
        assert made.start()["canary"] == "fake"
        return made

    yield build
    for executor in started:
        executor.stop()


def executor_of(request: pytest.FixtureRequest, kind: str, behaviour: str, folder: Path) -> Executor:
    spec = TrainerSpec(factory="search_fake:Trainer", options={"behaviour": behaviour, "marks": str(folder)})
    name, _, workers = kind.partition("-")
    if name == "ray":
        nodes: Nodes = request.getfixturevalue("ray_nodes")
        return RayExecutor(spec, int(workers), address=nodes.address)
    return LocalExecutor(spec, int(workers), folder / "log") if name == "local" else InProcessExecutor(spec)


def job(trial: int = 0, period: int = 1, state: bytes | None = None, seed: int = 1, stall: float = 60) -> Job:
    return Job(trial=trial, period=period, config=CONFIG, seed=seed, state=state, stall_seconds=stall)


def outcomes(executor: Executor, number: int, seconds: float = 30) -> list[Outcome]:
    found: list[Outcome] = []
    deadline = time.monotonic() + seconds
    while len(found) < number and time.monotonic() < deadline:
        found += executor.wait(0.1)
    return found


def wait_for_idle(executor: Executor, number: int) -> None:
    deadline = time.monotonic() + 20
    while executor.idle() < number and time.monotonic() < deadline:
        executor.wait(0.05)
    assert executor.idle() == number


def test_every_job_comes_back_once_with_its_own_result(make: Make) -> None:
    executor = make()
    waiting = [job(trial=number, seed=number) for number in range(7)]
    found: list[Outcome] = []
    while len(found) < 7:
        while waiting and executor.idle():
            executor.submit(waiting.pop())
        found += executor.wait(1)
    assert sorted(outcome.job.trial for outcome in found) == list(range(7))
    assert len({outcome.report.weights for outcome in found if isinstance(outcome, Done)}) == 7


def test_a_state_goes_in_and_comes_out_unchanged(make: Make) -> None:
    executor = make()
    executor.submit(job())
    (first,) = outcomes(executor, 1)
    assert isinstance(first, Done)
    executor.submit(job(period=2, state=first.state))
    (second,) = outcomes(executor, 1)
    executor.submit(job(period=2, state=first.state))
    (again,) = outcomes(executor, 1)
    assert isinstance(second, Done)
    assert isinstance(again, Done)
    assert second.report.weights == again.report.weights
    assert second.state == again.state != first.state


def test_a_period_says_which_worker_trained_it_and_when(make: Make) -> None:
    executor = make()
    before = time.time()
    executor.submit(job())
    (outcome,) = outcomes(executor, 1)
    assert isinstance(outcome, Done)
    assert outcome.report.worker in range(executor.workers)
    assert outcome.report.started is not None
    assert before <= outcome.report.started <= time.time()


def test_an_exception_comes_back_with_its_text(make: Make) -> None:
    executor = make("raise_always")
    executor.submit(job())
    (outcome,) = outcomes(executor, 1)
    assert isinstance(outcome, Raised)
    assert outcome.error.endswith("ZeroDivisionError: the fake trainer divides by zero")


def test_idle_counts_what_can_be_submitted(make: Make) -> None:
    executor = make()
    wait_for_idle(executor, executor.workers)
    executor.submit(job())
    assert executor.idle() == executor.workers - 1
    outcomes(executor, 1)
    assert executor.idle() == executor.workers


@pytest.fixture(params=["local-1", pytest.param("ray-1", marks=RAY)])
def one(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Executor]]:
    """Return a function that starts one worker process, here or on a machine of a cluster."""
    started: list[Executor] = []

    def build(behaviour: str) -> Executor:
        started.append(executor_of(request, request.param, behaviour, tmp_path))
        started[-1].start()
        return started[-1]

    yield build
    for executor in started:
        executor.stop()


def test_a_killed_worker_is_replaced_and_its_job_reported_lost(one: Callable[[str], Executor]) -> None:
    executor = one("die_always")
    executor.submit(job())
    (outcome,) = outcomes(executor, 1)
    assert isinstance(outcome, Lost)
    assert outcome.reason == "SIGKILL"
    wait_for_idle(executor, 1)


def test_a_segmentation_fault_counts_against_the_configuration(one: Callable[[str], Executor]) -> None:
    executor = one("segfault")
    executor.submit(job(seed=4))
    (outcome,) = outcomes(executor, 1)
    assert isinstance(outcome, Raised)
    assert "SIGSEGV" in outcome.error


def test_a_hung_worker_is_replaced(one: Callable[[str], Executor]) -> None:
    executor = one("hang")
    executor.submit(job(stall=0.3))
    (outcome,) = outcomes(executor, 1)
    assert isinstance(outcome, Lost)
    assert outcome.reason == "no progress in 0 s"
    wait_for_idle(executor, 1)


def test_workers_that_hang_before_they_greet_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.executors.local.LONGEST_START", 0.1)
    monkeypatch.setattr("search.executors.local.MOST_STARTS", 1)
    spec = TrainerSpec(factory="search_fake:Trainer", options={"behaviour": "hang_at_start"})
    executor = LocalExecutor(spec, 1, tmp_path / "log")
    try:
        with pytest.raises(WorkerError, match=r"^Workers end before they are ready \(SIGKILL\)"):
            executor.start()
    finally:
        executor.stop()


def test_a_stopped_worker_is_taken_for_hung(one: Callable[[str], Executor]) -> None:
    executor = one("stop_itself")
    executor.submit(job(stall=0.3))
    (outcome,) = outcomes(executor, 1)
    assert isinstance(outcome, Lost)


def test_what_a_trainer_prints_does_not_disturb(one: Callable[[str], Executor], tmp_path: Path) -> None:
    executor = one("print")
    executor.submit(job())
    (outcome,) = outcomes(executor, 1)
    assert isinstance(outcome, Done)
    executor.stop()
    if isinstance(executor, LocalExecutor):
        assert "noise from a library" in (tmp_path / "log").read_text()


def test_workers_are_in_sessions_of_their_own(one: Callable[[str], Executor]) -> None:
    executor = one("report_session")
    executor.submit(job())
    (outcome,) = outcomes(executor, 1)
    assert isinstance(outcome, Done)
    assert outcome.report.details["session"] != os.getsid(0)
