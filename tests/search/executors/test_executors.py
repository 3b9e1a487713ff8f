"""One contract, run over every executor."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.errors import SearchError, UsageError, WorkerError
from search.executors.in_process import InProcessExecutor, error_text
from search.executors.local.pool import LocalExecutor
from search.executors.protocol import Done, Executor, Job, Lost, Outcome, Raised
from search.executors.ray.executor import RayExecutor
from search.trainer_api import TrainerSpec
from support.ray_nodes import Nodes

pytestmark = pytest.mark.slow

CONFIG = {"model.depth": 2, "model.width": 8}
Make = Callable[..., Executor]
Local = Callable[..., LocalExecutor]
One = Callable[[str], Executor]


RAY = pytest.mark.ray
NO_VARIABLES: Mapping[str, str] = {}


@pytest.fixture(params=["in-process", "local-1", "local-3", pytest.param("ray-2", marks=RAY)])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Return a function that starts an executor with a fake trainer."""
    started: list[Executor] = []

    def build(behaviour: str = "") -> Executor:
        made = executor_of(request, request.param, behaviour, tmp_path)
        started.append(made)
        assert made.start()["check"] == "fake"
        return made

    yield build
    for executor in started:
        executor.stop()


def executor_of(
    request: pytest.FixtureRequest,
    kind: str,
    behaviour: str,
    folder: Path,
    environment: Mapping[str, str] = NO_VARIABLES,
) -> Executor:
    options = {"behaviour": behaviour, "marks": str(folder)}
    spec = TrainerSpec(factory="support.fake_trainer:Trainer", options=options, environment=environment)
    name, _, size = kind.partition("-")
    if name == "ray":
        nodes: Nodes = request.getfixturevalue("ray_nodes")
        return RayExecutor(spec, int(size), address=nodes.address)
    if name == "local":
        return LocalExecutor(spec, int(size), folder / "log")
    return InProcessExecutor(spec)


def job(trial: int = 0, period: int = 1, state: bytes | None = None, seed: int = 1, stall: float = 60) -> Job:
    return Job(trial=trial, period=period, config=CONFIG, seed=seed, state=state, stall_seconds=stall)


def outcomes(executor: Executor, number: int) -> list[Outcome]:
    found: list[Outcome] = []
    while len(found) < number:
        found += executor.wait(0.1)
    return found


def wait_for_idle(executor: Executor, number: int) -> None:
    while executor.idle() < number:
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


def test_the_trainer_gets_its_own_configuration(make: Make) -> None:
    executor = make("report_class")
    executor.submit(job())
    (outcome,) = outcomes(executor, 1)
    assert isinstance(outcome, Done)
    assert outcome.report.details["class"] == "Config"


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"numerics": {"check": "another"}}, "compute different floating-point results"),
        ({"refused": "other data"}, "^other"),
    ],
)
def test_a_period_that_is_done_is_handed_on_before_the_failure_that_came_with_it(
    tmp_path: Path, fault: dict[str, Any], words: str, *, first: bool
) -> None:
    executor = LocalExecutor(TrainerSpec(factory="support.fake_trainer:Trainer"), 1, tmp_path / "log")
    executor.start()
    try:
        wait_for_idle(executor, 1)
        executor.submit(job())
        while executor._inbox.empty():
            time.sleep(0.01)
        (worker,) = executor._workers
        delivered = executor._inbox.get()
        for message in [(worker, (fault, b"")), delivered] if first else [delivered, (worker, (fault, b""))]:
            executor._inbox.put(message)
        (found,) = executor.wait(1)
        assert isinstance(found, Done)
        with pytest.raises(SearchError, match=words):
            executor.wait(1)
    finally:
        executor.stop()


def test_what_an_exception_says_can_be_kept_whatever_it_holds() -> None:
    text = error_text(ValueError("bad file \udcff"))
    assert text.endswith(r"ValueError: bad file \udcff")
    assert text.encode()


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


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("raise_always", "ZeroDivisionError: the fake trainer divides by zero"),
        ("exit_always", "SystemExit: the fake trainer has had enough"),
        ("answer_report", "TypeError: a trainer returns (state, report), of bytes and a Report; this one: Report"),
        ("answer_text", "TypeError: a trainer returns (state, report), of bytes and a Report; this one: str, Report"),
        ("answer_fraction", "Report.metrics['share']=1/3: give a number of a float's size, or None."),
        ("answer_details", "give plain JSON values (Object of type Fraction is not JSON serializable)."),
        ("answer_end", "Report.end=failed: give diverged, out_of_memory or finished, or None."),
    ],
)
def test_an_exception_comes_back_with_its_text(make: Make, behaviour: str, words: str) -> None:
    executor = make(behaviour)
    executor.submit(job())
    (outcome,) = outcomes(executor, 1)
    assert isinstance(outcome, Raised)
    assert outcome.error.endswith(words)


def test_a_report_that_is_nested_too_deeply_is_its_jobs_fault(make: Make) -> None:
    executor = make("answer_deep")
    executor.submit(job())
    (outcome,) = outcomes(executor, 1)
    assert isinstance(outcome, Raised)
    assert "Report.details: give plain JSON values (" in outcome.error


def test_idle_counts_what_can_be_submitted(make: Make) -> None:
    executor = make()
    wait_for_idle(executor, executor.workers)
    executor.submit(job())
    assert executor.idle() == executor.workers - 1
    outcomes(executor, 1)
    assert executor.idle() == executor.workers


@pytest.fixture(params=["local-1", pytest.param("ray-1", marks=RAY)])
def one(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[One]:
    """Return a function that starts one worker process, here or on a machine of a cluster."""
    started: list[Executor] = []

    def build(behaviour: str) -> Executor:
        started.append(executor_of(request, request.param, behaviour, tmp_path))
        started[-1].start()
        return started[-1]

    yield build
    for executor in started:
        executor.stop()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Local]:
    """Return a function that starts one worker process of this machine."""
    started: list[LocalExecutor] = []

    def build(behaviour: str) -> LocalExecutor:
        options = {"behaviour": behaviour, "marks": str(tmp_path)}
        spec = TrainerSpec(factory="support.fake_trainer:Trainer", options=options)
        started.append(LocalExecutor(spec, 1, tmp_path / "log"))
        started[-1].start()
        return started[-1]

    yield build
    for executor in started:
        executor.stop()


def test_a_killed_worker_is_replaced_and_its_job_reported_lost(one: One) -> None:
    executor = one("die_always")
    executor.submit(job())
    (outcome,) = outcomes(executor, 1)
    assert isinstance(outcome, Lost)
    assert outcome.reason == "SIGKILL"
    wait_for_idle(executor, 1)


@pytest.mark.cold
def test_a_worker_killed_by_a_signal_without_a_name_is_lost_like_any_other(local: Local) -> None:
    executor = local("hang_always")
    executor.submit(job())
    (worker,) = children(executor)
    os.kill(worker, 40)  # a real-time signal
    (outcome,) = outcomes(executor, 1)
    assert isinstance(outcome, Lost)
    assert (outcome.reason, outcome.cause) == ("signal 40", "killed")
    wait_for_idle(executor, 1)


def test_a_worker_that_lacked_memory_is_replaced(one: One) -> None:
    """What the trial took is given back with its process, so that the next one has all of it."""
    executor = one("lack_memory")
    found = []
    for seed in (4, 5, 6):  # seed 4 lacks memory
        wait_for_idle(executor, 1)
        executor.submit(job(trial=seed, seed=seed))
        found += outcomes(executor, 1)
    assert [outcome.report.end for outcome in found if isinstance(outcome, Done)] == ["out_of_memory", None, None]
    processes = [outcome.report.details["process"] for outcome in found if isinstance(outcome, Done)]
    assert processes[0] != processes[1] == processes[2]


def test_a_segmentation_fault_counts_against_the_configuration(one: One) -> None:
    executor = one("segfault")
    executor.submit(job(seed=4))
    (outcome,) = outcomes(executor, 1)
    assert isinstance(outcome, Raised)
    assert "SIGSEGV" in outcome.error


def test_a_hung_worker_is_replaced(one: One) -> None:
    executor = one("hang_always")
    executor.submit(job(stall=0.3))
    (outcome,) = outcomes(executor, 1)
    assert isinstance(outcome, Lost)
    assert outcome.reason == "no progress in 0 s"
    assert outcome.cause == "stalled"
    wait_for_idle(executor, 1)


def test_workers_that_hang_before_they_greet_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.executors.local.pool.MAX_START", 0.1)
    monkeypatch.setattr("search.executors.fleet.MAX_STARTS", 1)
    spec = TrainerSpec(factory="support.fake_trainer:Trainer", options={"behaviour": "hang_at_start"})
    executor = LocalExecutor(spec, 1, tmp_path / "log")
    try:
        with pytest.raises(WorkerError, match=r"^Workers end before they are ready \(SIGKILL\)"):
            executor.start()
    finally:
        executor.stop()


@pytest.mark.cold
def test_a_replacement_that_cannot_start_is_tried_again(local: Local) -> None:
    executor = local("fail_to_start_again")
    (worker,) = children(executor)
    os.kill(worker, signal.SIGKILL)
    while executor.idle():
        executor.wait(0.05)
    wait_for_idle(executor, 1)
    (outcome,) = submit_all(executor, 5)
    assert isinstance(outcome, Done)


@pytest.mark.cold
def test_a_process_that_cannot_be_started_is_told(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    executor = local("")

    def refuse(*_: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr("search.executors.local.pool.WorkerProcess", refuse)
    (worker,) = children(executor)
    os.kill(worker, signal.SIGKILL)
    with pytest.raises(WorkerError, match=r"^A worker process cannot be started: Resource temporarily unavailable\."):
        outcomes(executor, 1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_configuration_that_cannot_travel_ends_its_worker_at_once(local: Local) -> None:
    """Else the worker would wait for it, and the driver for the worker until it takes it for hung."""
    executor = local("")
    executor.submit(replace(job(), config={"data": Path("here")}))
    (outcome,) = outcomes(executor, 1)
    for thread in threading.enumerate():  # what it raises is told when it has ended, which must not be in the next test
        if "_write_all" in thread.name:
            thread.join()
    assert isinstance(outcome, Lost)
    assert (outcome.reason, outcome.cause) == ("SIGKILL", "killed")


def test_a_stopped_worker_is_taken_for_hung(one: One) -> None:
    executor = one("stop_always")
    executor.submit(job(stall=0.3))
    (outcome,) = outcomes(executor, 1)
    assert isinstance(outcome, Lost)


def test_what_a_trainer_prints_does_not_disturb(one: One, tmp_path: Path) -> None:
    executor = one("print_always")
    executor.submit(job())
    (outcome,) = outcomes(executor, 1)
    assert isinstance(outcome, Done)
    executor.stop()
    if isinstance(executor, LocalExecutor):
        assert "noise from a library" in (tmp_path / "log").read_text()


def test_workers_are_in_sessions_of_their_own(one: One) -> None:
    executor = one("report_session")
    executor.submit(job())
    (outcome,) = outcomes(executor, 1)
    assert isinstance(outcome, Done)
    assert outcome.report.details["session"] != os.getsid(0)


def test_a_death_that_is_noticed_late_is_no_hang(local: Local) -> None:
    executor = local("die_always")
    executor.submit(job(stall=1))
    time.sleep(2)  # the driver is held up, by a database for example
    (outcome,) = outcomes(executor, 1)
    assert isinstance(outcome, Lost)
    assert (outcome.reason, outcome.cause) == ("SIGKILL", "killed")


def submit_all(executor: Executor, *seeds: int, stall: float = 60) -> list[Outcome]:
    """Submit jobs of these seeds as places become free and return what each came to."""
    waiting = [job(trial=seed, seed=seed, stall=stall) for seed in seeds]
    found: list[Outcome] = []
    while len(found) < len(seeds):
        while waiting and executor.idle():
            executor.submit(waiting.pop(0))
        found += executor.wait(1)
    assert executor.wait(0.2) == []
    assert sorted(outcome.job.seed for outcome in found) == sorted(seeds)
    return found


def children(executor: Executor) -> list[int]:
    """Return the process numbers of the workers that this process has started and that live."""
    mine = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in mine if "search.executors.local.worker" in Path(f"/proc/{pid}/cmdline").read_text()]


@pytest.mark.parametrize("kind", ["local-2", pytest.param("ray-1", marks=RAY)])
def test_worker_processes_have_the_environment_that_the_trainer_needs(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    executor = executor_of(request, kind, "", tmp_path, {"FAKE_CANARY": "another"})
    try:
        assert executor.start()["check"] == "another"
    finally:
        executor.stop()


def test_a_process_that_was_started_without_it_does_not_train(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    executor = executor_of(request, "in-process", "", tmp_path, {"FAKE_CANARY": "another"})
    with pytest.raises(
        UsageError, match=r"^This trainer needs a process .* with FAKE_CANARY=another; use worker processes"
    ):
        executor.start()
