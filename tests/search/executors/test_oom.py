"""Memory that runs out: in a small control group, where the kernel kills for real, and by a counter that tells so."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from mnist_bench.experiments import trainings
from search import system
from search.driver.progress import Observer
from search.errors import WorkerError
from search.event_log.records import StudyRecord
from search.executors.protocol import Failed, Job, Outcome
from search.strategies.pruners import NoPruner
from search.study import studies
from support import search_fake as fake, wants
from support.scripted import Clock, Scripted

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("log_alone")]

ROOM = 400 * 2**20
"""Bytes: enough for a driver and two workers that behave."""
SCRIPT = """
import os, sys
from pathlib import Path
Path(sys.argv[1], "cgroup.procs").write_text(str(os.getpid()))
from search.strategies.pruners import NoPruner
from support import search_fake as fake
fake.run(Path(sys.argv[2]), budget=12, workers=2, pruner=NoPruner(), behaviour=sys.argv[3])
"""


@pytest.fixture
def cgroup() -> Iterator[Path]:
    for root, limits in (
        (Path("/sys/fs/cgroup"), ("memory.max", "memory.swap.max")),
        (Path("/sys/fs/cgroup/memory"), ("memory.limit_in_bytes",)),
    ):
        group = root / f"mnist-bench-test-{os.getpid()}"
        if not (root / "cgroup.procs").exists():
            continue
        with contextlib.suppress(OSError):
            group.mkdir()
        if (group / limits[0]).exists():
            for limit in limits:
                (group / limit).write_text(str(ROOM) if limit == limits[0] else "0")
            yield group
            group.rmdir()
            return
        with contextlib.suppress(OSError):
            group.rmdir()
    pytest.skip(wants.CGROUP)


def search_within(cgroup: Path, results: Path, behaviour: str) -> tuple[StudyRecord, int]:
    """Return the study of a search with little memory, and how often the kernel took its driver, too."""
    command = [sys.executable, "-c", SCRIPT, str(cgroup), str(results), behaviour]
    deaths = 0  # while both workers are dying, the kernel may take the driver; then the same command goes on
    while (code := subprocess.run(command, check=False).returncode) == -signal.SIGKILL and deaths < 2:
        deaths += 1
    assert code == 0
    return studies.open_study(results, None), deaths


@pytest.mark.integration
@pytest.mark.cold
def test_a_trial_whose_workers_the_kernel_kills_is_run_once_more_and_ends_as_out_of_memory(
    cgroup: Path, tmp_path: Path
) -> None:
    found, deaths = search_within(cgroup, tmp_path, "devour_in_second")
    trained = [trial for trial in found.trials if trial.reason != "infeasible"]
    ended = [trial for trial in trained if trial.seed % 4 == 0]
    assert 0 < len(ended) < len(trained) == 12
    assert {(trial.state, trial.reason, trial.external) for trial in ended} == {("PRUNED", "out_of_memory", True)}
    assert {trial.error for trial in ended} == {"Two workers ran out of memory over period 2."}
    runs = [(tmp_path / "marks" / f"{trial.seed}-2").stat().st_size for trial in ended]
    assert all(2 <= count <= 2 * (1 + deaths) for count in runs), "a driver that goes on begins to count anew"
    assert {trial.reason for trial in trained if trial.seed % 4} == {"complete"}
    trainer = fake.Trainer()
    for trial in trained:
        state = None
        for period, report in enumerate(trial.reports, start=1):
            state, again = trainer.advance(trial.config, trial.seed, period, state)
            assert again.weights == report.weights


@pytest.mark.integration
@pytest.mark.cold
def test_a_lack_of_memory_that_passes_changes_nothing(cgroup: Path, tmp_path: Path) -> None:
    undisturbed = fake.run(tmp_path / "undisturbed", budget=12, pruner=NoPruner()).study
    found, _ = search_within(cgroup, tmp_path / "short", "devour_once_sometimes")
    assert fake.was_run_again(tmp_path / "short")
    assert found.digest == undisturbed.digest


@pytest.fixture
def rising(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the kernel's count of such kills rise whenever it is read."""
    kills = count(10**9)
    monkeypatch.setattr("search.executors.processes.oom_kills", lambda: next(kills))


@pytest.mark.usefixtures("rising")
@pytest.mark.parametrize(
    ("deed", "reason"), [("die_in_second", "out_of_memory"), ("segfault", "crashed"), ("raise", "crashed")]
)
def test_where_the_kernel_counts_more_kills_a_killed_worker_alone_ran_out_of_memory(
    tmp_path: Path, deed: str, reason: str
) -> None:
    found = fake.run(tmp_path, budget=6, workers=1, pruner=NoPruner(), behaviour=deed).study
    assert {(trial.seed % 4 == 0, trial.reason) for trial in found.finished()} == {(True, reason), (False, "complete")}


def starved(job: Job) -> Failed:
    return Failed(job=job, cause="out_of_memory", reason="out of memory")


def test_after_memory_ran_out_over_a_trial_it_is_trained_alone(tmp_path: Path, clock: Clock) -> None:
    def fails(job: Job) -> Outcome | None:
        first = [other for _, other in executor.started if (other.trial, other.period) == (1, 1)]
        return starved(job) if (job.trial, job.period) == (1, 1) and len(first) == 1 else None

    executor = Scripted(clock, fails, workers=3)
    options = {"budget": 6, "pruner": NoPruner(), "widest": 64}
    undisturbed = fake.run(tmp_path / "undisturbed", **options).study
    found = fake.run(tmp_path / "short", executor=executor, **options).study
    moments = [at for at, job in executor.started if job.trial == 1]
    beside = [[other.trial for at, other in executor.started if at == moment] for moment in moments]
    assert len(beside[0]) > 1
    assert beside[1:] == [[1]] * fake.PERIODS
    assert found.digest == undisturbed.digest


def test_a_task_over_which_memory_runs_out_twice_is_named(tmp_path: Path, clock: Clock) -> None:
    executor = Scripted(clock, lambda job: starved(job) if job.seed == 1 else None, workers=2)
    workers = trainings.Workers(executor=executor, numerics={}, folder=tmp_path, observer=trainings.Observer())
    named = r"^a, seed 1 of 2 needs more memory than there is: two workers ran out of it\.$"
    with pytest.raises(WorkerError, match=named):
        workers.train(trainings.over_seeds({"a": ({}, (1, 1), [])}, [1, 2]))
    assert [job.seed for _, job in executor.started].count(1) == 2


@pytest.mark.cold
def test_a_worker_offers_itself_to_the_kernel_and_its_driver_does_not(tmp_path: Path) -> None:
    mine = Path("/proc/self/oom_score_adj")
    if not mine.exists():
        pytest.skip("not Linux")
    before = mine.read_text()
    seen: set[str] = set()

    class Look(Observer):
        def on_trial(self, trial: Any) -> None:
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
            workers = [pid for pid in children if b"executors.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
            seen.update(Path(f"/proc/{pid}/oom_score_adj").read_text() for pid in workers)

    fake.run(tmp_path, budget=2, workers=1, observer=Look())
    assert seen == {"1000\n"}
    assert mine.read_text() == before


@pytest.mark.parametrize(
    ("cgroup_line", "file"),
    [
        ("0::/user/me", "cgroup/user/me/memory.events"),
        ("4:cpu,memory:/a/b", "cgroup/memory/a/b/memory.oom_control"),
        ("0::/none", "vmstat"),
    ],
)
def test_the_count_is_that_of_the_control_group_and_else_of_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cgroup_line: str, file: str
) -> None:
    (tmp_path / "vmstat").write_text("oom_kill 5\n")
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text("oom 9\noom_kill_disable 0\noom_kill 3\n")
    (tmp_path / "self").write_text(f"7:cpu:/x\n{cgroup_line}\n")
    monkeypatch.setattr(system, "_CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(system, "_OF_THE_HOST", tmp_path / "vmstat")
    monkeypatch.setattr(system, "_OWN_GROUPS", tmp_path / "self")
    assert system.oom_kills() == 3
