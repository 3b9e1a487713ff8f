"""One contract, run over every executor."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from search.errors import SearchError, UsageError, WorkerError
from search.executors.in_process import InProcessExecutor, error_text
from search.executors.local import LocalExecutor
from search.executors.protocol import Done, Executor, Failed, Job, Outcome
from search.executors.ray import RayExecutor
from search.trainer_api import Report, TrainerSpec
from support.ray_nodes import Nodes

pytestmark = pytest.mark.slow

CONFIG = {"model.depth": 2, "model.width": 8}
Make = Callable[..., Executor]
RAY = pytest.mark.ray


@pytest.fixture
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Return a function that starts an executor of a kind, such as `local-3`, with a fake trainer."""

    def executor_of(kind: str, spec: TrainerSpec) -> Executor:
        name, _, size = kind.partition("-")
        if name == "ray":
            nodes: Nodes = request.getfixturevalue("ray_nodes")
            return RayExecutor(spec, int(size), address=nodes.address)
        return LocalExecutor(spec, int(size), tmp_path / "log") if name == "local" else InProcessExecutor(spec)

    with ExitStack() as stack:

        def build(kind: str, behaviour: str = "", numerics_check: str = "fake", **environment: str) -> Executor:
            options = {"behaviour": behaviour, "marks": str(tmp_path)}
            spec = TrainerSpec(factory="support.fake_trainer:Trainer", options=options, environment=environment)
            made = executor_of(kind, spec)
            stack.callback(made.stop)
            assert made.start()["check"] == numerics_check
            return made

        yield build


@pytest.fixture(params=["in-process", "local-3", pytest.param("ray-2", marks=RAY)])
def make(request: pytest.FixtureRequest, start: Make) -> Make:
    return partial(start, request.param)


@pytest.fixture(params=["local-1", pytest.param("ray-1", marks=RAY)])
def one(request: pytest.FixtureRequest, start: Make) -> Make:
    """Return a function that starts one worker process, here or on a machine of a cluster."""
    return partial(start, request.param)


@pytest.fixture
def local(start: Make) -> Callable[..., LocalExecutor]:
    """Return a function that starts one worker process of this machine."""
    return partial(start, "local-1")  # type: ignore[return-value]


def job(trial: int = 0, period: int = 1, state: bytes | None = None, seed: int = 1, stall: float = 60) -> Job:
    return Job(trial=trial, period=period, config=CONFIG, seed=seed, state=state, stall_seconds=stall)


def next_outcome(executor: Executor) -> Outcome:
    while not (found := executor.wait(0.1)):
        continue
    (outcome,) = found
    return outcome


def trained(executor: Executor, asked: Job) -> tuple[Report, bytes]:
    executor.submit(asked)
    outcome = next_outcome(executor)
    assert isinstance(outcome, Done)
    return outcome.report, outcome.state


def failed(executor: Executor, asked: Job | None = None) -> tuple[str, str]:
    """Return how and why a job is not trained, the one under way if none is given."""
    if asked is not None:
        executor.submit(asked)
    outcome = next_outcome(executor)
    assert isinstance(outcome, Failed)
    return outcome.cause, outcome.reason


def wait_for_idle(executor: Executor, number: int) -> None:
    while executor.idle() < number:
        executor.wait(0.05)
    assert executor.idle() == number


def children() -> list[int]:
    mine = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in mine if "search.executors.worker" in Path(f"/proc/{pid}/cmdline").read_text()]


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


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"numerics": {"check": "another"}}, "computes different floating-point results from .*: check fake on "),
        ({"refused": "other data"}, "^other"),
    ],
)
def test_a_period_that_is_done_is_handed_on_before_the_failure_that_came_with_it(
    local: Callable[..., LocalExecutor], fault: dict[str, Any], words: str, *, first: bool
) -> None:
    executor = local()
    wait_for_idle(executor, 1)
    executor.submit(job())
    while executor._inbox.empty():
        time.sleep(0.01)
    (worker,) = executor._workers
    messages = [(worker, (fault, b"")), executor._inbox.get()]
    for message in messages if first else messages[::-1]:
        executor._inbox.put(message)
    assert isinstance(next_outcome(executor), Done)
    with pytest.raises(SearchError, match=words):
        executor.wait(1)


def test_what_an_exception_says_can_be_kept_whatever_it_holds() -> None:
    text = error_text(ValueError("bad file \udcff"))
    assert text.endswith(r"ValueError: bad file \udcff")
    assert text.encode()


def test_a_state_goes_in_and_comes_out_unchanged_and_a_report_says_who_trained_and_when(make: Make) -> None:
    executor = make("report_class")
    before = time.time()
    report, first = trained(executor, job())
    assert report.details["class"] == "Config"  # the trainer's own
    assert report.worker in range(executor.workers)
    assert report.started is not None
    assert before <= report.started <= time.time()
    (one, second), (other, again) = (trained(executor, job(period=2, state=first)) for _ in range(2))
    assert one.weights == other.weights
    assert second == again != first


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("raise_always", "ZeroDivisionError: the fake trainer divides by zero"),
        ("exit_always", "SystemExit: the fake trainer has had enough"),
        ("answer_text", "TypeError: a trainer returns (state, report), of bytes and a Report; this one: str, Report"),
    ],
)
def test_an_exception_comes_back_with_its_text(make: Make, behaviour: str, words: str) -> None:
    cause, reason = failed(make(behaviour), job())
    assert cause == "raised"
    assert reason.endswith(words)


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("answer_report", "TypeError: a trainer returns (state, report), of bytes and a Report; this one: Report"),
        ("answer_fraction", "Report.metrics['share']=1/3: give a number of a float's size, or None."),
        ("answer_details", "give plain JSON values (Object of type Fraction is not JSON serializable)."),
        ("answer_deep", "Report.details: give plain JSON values ("),
        ("answer_end", "Report.end=failed: give diverged, out_of_memory or finished, or None."),
    ],
)
def test_what_is_no_answer_is_its_jobs_fault(start: Make, behaviour: str, words: str) -> None:
    assert words in failed(start("in-process", behaviour), job())[1]


def test_idle_counts_what_can_be_submitted(make: Make) -> None:
    executor = make()
    wait_for_idle(executor, executor.workers)
    executor.submit(job())
    assert executor.idle() == executor.workers - 1
    next_outcome(executor)
    assert executor.idle() == executor.workers


@pytest.mark.parametrize(
    ("behaviour", "asked", "cause", "reason"),
    [
        ("die_always", job(), "killed", "SIGKILL"),
        ("segfault", job(seed=4), "raised", "SIGSEGV"),  # which counts against the configuration
        ("hang_always", job(stall=0.3), "stalled", "no progress in 0 s"),
        ("stop_always", job(stall=0.3), "stalled", "no progress in 0 s"),
    ],
)
def test_a_worker_that_is_lost_is_replaced(one: Make, behaviour: str, asked: Job, cause: str, reason: str) -> None:
    executor = one(behaviour)
    found, why = failed(executor, asked)
    assert found == cause
    assert reason in why
    wait_for_idle(executor, 1)


@pytest.mark.cold
def test_a_worker_killed_by_a_signal_without_a_name_is_lost_like_any_other(local: Make) -> None:
    executor = local("hang_always")
    executor.submit(job())
    (worker,) = children()
    os.kill(worker, 40)  # a real-time signal
    assert failed(executor) == ("killed", "signal 40")


def test_a_worker_that_lacked_memory_is_replaced(one: Make) -> None:
    """What the trial took is given back with its process, so that the next one has all of it."""
    executor = one("lack_memory")
    reports = []
    for seed in (4, 5, 6):  # seed 4 lacks memory
        wait_for_idle(executor, 1)
        reports.append(trained(executor, job(trial=seed, seed=seed))[0])
    assert [report.end for report in reports] == ["out_of_memory", None, None]
    first, second, third = (report.details["process"] for report in reports)
    assert first != second == third


def test_workers_that_hang_before_they_greet_are_given_up(local: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.executors.local.MAX_START", 0.1)
    monkeypatch.setattr("search.executors.fleet.MAX_STARTS", 1)
    with pytest.raises(WorkerError, match=r"^Workers end before they are ready \(SIGKILL\)"):
        local("hang_at_start")


@pytest.mark.cold
def test_a_replacement_that_cannot_start_is_tried_again(local: Make) -> None:
    executor = local("fail_to_start_again")
    (worker,) = children()
    os.kill(worker, signal.SIGKILL)
    while executor.idle():
        executor.wait(0.05)
    wait_for_idle(executor, 1)
    trained(executor, job(seed=5))


@pytest.mark.cold
def test_a_process_that_cannot_be_started_is_told(local: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    executor = local()

    def refuse(*_: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr("search.executors.local.WorkerProcess", refuse)
    (worker,) = children()
    os.kill(worker, signal.SIGKILL)
    with pytest.raises(WorkerError, match=r"^A worker process cannot be started: Resource temporarily unavailable\."):
        next_outcome(executor)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_configuration_that_cannot_travel_ends_its_worker_at_once(local: Make) -> None:
    """Else the worker would wait for it, and the driver for the worker until it takes it for hung."""
    found = failed(local(), replace(job(), config={"data": Path("here")}))
    for thread in threading.enumerate():  # what it raises is told when it has ended, which must not be in the next test
        if "_write_all" in thread.name:
            thread.join()
    assert found == ("killed", "SIGKILL")


def test_what_a_trainer_prints_does_not_disturb(one: Make, tmp_path: Path) -> None:
    executor = one("print_always")
    trained(executor, job())
    executor.stop()
    if isinstance(executor, LocalExecutor):
        assert "noise from a library" in (tmp_path / "log").read_text()


def test_a_death_that_is_noticed_late_is_no_hang(local: Make) -> None:
    executor = local("die_always")
    executor.submit(job(stall=0.7))
    time.sleep(1.2)  # the driver is held up, by a database for example
    assert failed(executor) == ("killed", "SIGKILL")


def test_worker_processes_have_their_own_session_and_the_environment_that_the_trainer_needs(one: Make) -> None:
    report, _ = trained(one("report_session", numerics_check="another", FAKE_CHECK="another"), job())
    assert report.details["session"] != os.getsid(0)


def test_a_process_that_was_started_without_it_does_not_train(start: Make) -> None:
    sentence = r"^This trainer needs a process .* with FAKE_CHECK=another; use worker processes"
    with pytest.raises(UsageError, match=sentence):
        start("in-process", FAKE_CHECK="another")
