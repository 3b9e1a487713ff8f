"""Ray on a real cluster of three nodes: what is lost is lost once, who may not take part is refused by name."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from search import canonical_json
from search.errors import UsageError, WorkerError
from search.executors.protocol import Done, Failed, Job, Outcome
from search.executors.ray import RayExecutor, StagedFiles, folder_of
from search.trainer_api import TrainerSpec
from support import search_fake as fake
from support.ray_nodes import Nodes

pytestmark = pytest.mark.ray
BUDGET = 20
Make = Callable[..., RayExecutor]
JOIN = """
import sys
from search.errors import SearchError
from search.executors.ray import RayExecutor
from search.trainer_api import TrainerSpec

executor = RayExecutor(TrainerSpec(factory="support.fake_trainer:Trainer"), 1, address=sys.argv[1])
try:
    print(executor.start()["check"])
except SearchError as error:
    print(type(error).__name__, error)
finally:
    executor.stop()
"""

LOSE_HEAD = """
from support.ray_nodes import ENVIRONMENT, Nodes, variables
from search.errors import WorkerError
from search.executors import ray
from search.executors.ray import RayExecutor
from search.trainer_api import TrainerSpec

ray.HEAD_CHECK = 0.2
with variables(ENVIRONMENT):
    nodes = Nodes(1)
    executor = RayExecutor(TrainerSpec(factory="support.fake_trainer:Trainer"), 1, address=nodes.address)
    executor.start()
    nodes.kill_head()
    try:
        while True:
            executor.wait(0.1)
    except WorkerError as error:
        print(error)
    executor.stop()
"""


class Recorded(RayExecutor):
    """Remembers what was lost, and tells who is at work."""

    lost: tuple[Failed, ...] = ()

    def wait(self, timeout: float) -> list[Outcome]:
        found = super().wait(timeout)
        self.lost += tuple(outcome for outcome in found if isinstance(outcome, Failed))
        return found

    def is_at_work(self, node: str) -> bool:
        return any(worker.name.startswith(f"{node} (") and worker.running for worker in self._workers)


def spec(folder: Path, behaviour: str = "", delay: float = 0.0) -> TrainerSpec:
    options = {"behaviour": behaviour, "marks": str(folder), "delay": delay}
    return TrainerSpec(factory="support.fake_trainer:Trainer", options=options)


@pytest.fixture
def make(ray_nodes: Nodes, tmp_path: Path) -> Iterator[Make]:
    made: list[RayExecutor] = []

    def build(behaviour: str = "", **options: Any) -> RayExecutor:
        made.append(RayExecutor(spec(tmp_path, behaviour), 1, address=ray_nodes.address, **options))
        made[-1].start()
        return made[-1]

    yield build
    for executor in made:
        executor.stop()


def outcomes(executor: RayExecutor, *, stall: float = 60) -> list[Outcome]:
    """Submit a job and return what becomes of it within a second of the first outcome."""
    config = {"model.depth": 2, "model.width": 8}
    executor.submit(Job(trial=0, period=1, config=config, seed=4, state=None, stall_seconds=stall))
    found: list[Outcome] = []
    while not found:
        found += executor.wait(0.1)
    return [*found, *executor.wait(1.0)]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    return fake.run(tmp_path_factory.mktemp("undisturbed"), budget=BUDGET).study.digest


def test_a_cluster_comes_to_the_same_search(undisturbed: str, ray_nodes: Nodes, tmp_path: Path) -> None:
    executor = RayExecutor(spec(tmp_path, delay=0.02), 3, address=ray_nodes.address)
    result = fake.run(tmp_path, budget=BUDGET, executor=executor)
    assert result.study.digest == undisturbed
    assert {report.worker for trial in result.study.trials for report in trial.reports} == {0, 1, 2}


def test_a_node_killed_amid_a_search_changes_nothing(undisturbed: str, ray_nodes: Nodes, tmp_path: Path) -> None:
    """Four workers, of whom one is left without a place for the rest of the search."""
    doomed = ray_nodes.add("doomed", 1)
    executor = Recorded(spec(tmp_path, delay=0.05), 4, address=ray_nodes.address)

    def killing() -> bool:
        nonlocal doomed
        if doomed and executor.is_at_work("doomed"):
            ray_nodes.kill(doomed)
            doomed = None
        return False

    result = fake.run(tmp_path, budget=BUDGET, executor=executor, stopping=killing)
    assert doomed is None
    assert result.study.digest == undisturbed
    (lost,) = executor.lost
    # Of the node's processes the one that trains may die first, and its actor live for long enough to tell.
    assert lost.reason == "SIGKILL" or lost.reason.startswith("doomed (")


@pytest.mark.parametrize(
    ("behaviour", "stall", "said"),
    [
        ("kill_carrier_once", 60, ": The actor died unexpectedly before finishing this task."),
        ("stop_carrier_once", 0.5, ": no answer"),
    ],
)
def test_an_actor_that_is_killed_or_does_not_answer_is_replaced_and_its_job_reported_lost_once(
    make: Make, monkeypatch: pytest.MonkeyPatch, behaviour: str, stall: float, said: str
) -> None:
    monkeypatch.setattr("search.executors.ray.GRACE", 0.5)
    executor = make(behaviour)
    (lost,) = outcomes(executor, stall=stall)
    assert isinstance(lost, Failed)
    assert lost.reason.endswith(said)
    assert (lost.cause == "stalled") == (stall < 60)
    while not executor.idle():
        executor.wait(0.1)
    (again,) = outcomes(executor)
    assert isinstance(again, Done)


def test_a_node_that_computes_otherwise_is_refused_by_name(ray_nodes: Nodes, tmp_path: Path) -> None:
    odd = ray_nodes.add("odd", 1, {"FAKE_CHECK": "other"})
    executor = RayExecutor(spec(tmp_path, delay=0.05), 4, address=ray_nodes.address)
    try:
        words = r"(odd|node-.) \(.+\) computes different floating-point results from (odd|node-.) \(.+\), so"
        with pytest.raises(WorkerError, match=words) as told:
            fake.run(tmp_path, budget=BUDGET, executor=executor)
        assert "check" in str(told.value)
        assert " other on odd (" in str(told.value)
    finally:
        ray_nodes.remove(odd)


def test_files_reach_the_trainer_through_the_cluster(make: Make) -> None:
    files = {"a": b"1" * 3_000_000, "b": os.urandom(10)}
    try:
        (done,) = outcomes(make("report_files", staged=StagedFiles(options={"folder": ""}, files=files)))
        assert isinstance(done, Done)
        hashes = {name: canonical_json.sha256(content.hex()) for name, content in files.items()}
        assert done.report.details["files"] == hashes
    finally:
        shutil.rmtree(folder_of(files))


@pytest.mark.parametrize("token", [{}, {"RAY_AUTH_TOKEN": "f" * 32, "RAY_NUM_REDIS_GET_RETRIES": "2"}])
def test_who_has_not_the_token_is_refused(ray_nodes: Nodes, token: dict[str, str], tmp_path: Path) -> None:
    others = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    command = [sys.executable, "-c", JOIN, ray_nodes.address]
    environment = {**others, "HOME": str(tmp_path), **token}
    told = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert told.stdout.startswith(
        f"WorkerError The Ray cluster at {ray_nodes.address} can only be joined with its token: "
    )
    assert len(told.stdout.splitlines()) == 1
    assert told.stderr == ""


def test_a_search_that_has_lost_the_head_of_its_cluster_says_so() -> None:
    told = subprocess.run([sys.executable, "-c", LOSE_HEAD], capture_output=True, text=True)
    assert re.fullmatch(
        r"The search has lost its cluster\. No Ray cluster answers at .+; .+\. Then run the same command again\.\n",
        told.stdout,
    )


def test_another_version_is_refused_in_one_sentence(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray.__version__", "2.1.0")
    with pytest.raises(WorkerError, match=r"^Ray cannot join .*: Version mismatch: .* Ray: 2\.1\.0 Python: "):
        make()


@pytest.mark.parametrize(
    ("address", "error", "words"),
    [
        ("127.0.0.1:9", WorkerError, r"No Ray cluster answers at 127\.0\.0\.1:9 \(.*refused\)"),
        *(
            (wrong, UsageError, f"RAY_ADDRESS={wrong}: not the address of a Ray cluster")
            for wrong in ("here", ":1", "ray://x:10001", "x:y")
        ),
    ],
)
def test_an_address_that_is_none_or_where_nothing_answers_is_told_at_once(
    tmp_path: Path, address: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=f"^{words}"):
        RayExecutor(spec(tmp_path), 1, address=address).start()


def test_where_ray_is_not_installed_the_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install '\.\[ray\]'"):
        RayExecutor(spec(tmp_path), 1).start()
